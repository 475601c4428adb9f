/// A point in time: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
public struct Instant: Hashable, Comparable, Sendable {
    /// Milliseconds since the Unix epoch; what a Kafka record's timestamp holds.
    public var milliseconds: Int64

    /// The instant `milliseconds` after the Unix epoch.
    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// The instant `seconds` after the Unix epoch.
    public init(seconds: Int64) {
        self.milliseconds = seconds * 1000
    }

    /// Whole seconds since the Unix epoch, rounded towards the past.
    public var seconds: Int64 {
        floorDivide(milliseconds, 1000)
    }

    /// The instant `seconds` later (earlier when negative).
    public func adding(seconds: Int) -> Instant {
        Instant(milliseconds: milliseconds + Int64(seconds) * 1000)
    }

    /// Whole seconds from `earlier` to this instant, rounded towards the past; negative when this is before it.
    public func seconds(since earlier: Instant) -> Int {
        Int(floorDivide(milliseconds - earlier.milliseconds, 1000))
    }

    /// Ordered as the parts are.
    public static func < (left: Instant, right: Instant) -> Bool {
        left.milliseconds < right.milliseconds
    }
}

/// Division that rounds towards negative infinity, so that times before an epoch fall in the right day and second.
func floorDivide(_ dividend: Int64, _ divisor: Int64) -> Int64 {
    let quotient = dividend / divisor
    return (dividend % divisor != 0 && (dividend < 0) != (divisor < 0)) ? quotient - 1 : quotient
}
