/// What a clock on a station's wall shows: a date and a time of day, in no particular zone, to the second.
public struct LocalDateTime: Hashable, Comparable, Sendable {
    /// The day the clock shows.
    public let date: CivilDate
    /// Seconds since that day's midnight, 0 to 86,399.
    public let secondOfDay: Int

    /// A date and time; seconds outside the day carry into the days around it.
    public init(date: CivilDate, secondOfDay: Int) {
        let days = Int(floorDivide(Int64(secondOfDay), 86_400))
        self.date = date.adding(days: days)
        self.secondOfDay = secondOfDay - days * 86_400
    }

    /// Reads `2022-10-11 05:04:59`; nil for anything else, and for days and times that do not exist.
    public init?(_ text: some StringProtocol) {
        var scanner = DigitScanner(text)
        guard let date = scanner.date(), scanner.take(UInt8(ascii: " ")),
            let seconds = scanner.timeOfDay(), scanner.isAtEnd
        else { return nil }
        self.init(date: date, secondOfDay: seconds)
    }

    /// The same time of day `days` later (earlier when negative).
    public func adding(days: Int) -> LocalDateTime {
        LocalDateTime(date: date.adding(days: days), secondOfDay: secondOfDay)
    }

    /// Seconds since 1970-01-01 00:00:00 on this same clock.
    var secondsOnClock: Int64 {
        Int64(date.daysSinceEpoch) * 86_400 + Int64(secondOfDay)
    }

    /// Ordered as the parts are.
    public static func < (left: LocalDateTime, right: LocalDateTime) -> Bool {
        left.secondsOnClock < right.secondsOnClock
    }
}

extension LocalDateTime: CustomStringConvertible {
    /// `2022-10-11 05:04:59`.
    public var description: String {
        "\(date) \(clockText(secondOfDay))"
    }
}

/// `05:04:59` for seconds since midnight; hours may pass 24.
func clockText(_ seconds: Int) -> String {
    "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
}
