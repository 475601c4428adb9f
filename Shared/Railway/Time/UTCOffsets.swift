/// The offsets from UTC of one place over time: what the rules know of a time zone.
///
/// Pure: the same instant always gives the same offset. ``TimeZoneFile`` reads them from TZif data, ``PosixTimeZone``
/// from a rule such as `CET-1CEST,M3.5.0,M10.5.0/3`.
public protocol UTCOffsets: Sendable {
    /// Seconds east of UTC in force at `instant`.
    func offsetSeconds(at instant: Instant) -> Int
}

extension UTCOffsets {
    /// The instant at which a clock there showed `local`.
    ///
    /// A time that was shown twice (clocks put back) is the first of the two; a time never shown (clocks put forward)
    /// is read with the offset before the change, so it falls after it: 02:30 becomes 03:30.
    public func dateTime(_ local: LocalDateTime) -> OffsetDateTime {
        let clock = local.secondsOnClock
        let before = offsetSeconds(at: Instant(seconds: clock - 86_400))
        let after = offsetSeconds(at: Instant(seconds: clock + 86_400))
        for offset in [before, after] {
            let instant = Instant(seconds: clock - Int64(offset))
            if offsetSeconds(at: instant) == offset { return OffsetDateTime(instant, offsetSeconds: offset) }
        }
        return dateTime(Instant(seconds: clock - Int64(before)))
    }

    /// `instant` as seen there.
    public func dateTime(_ instant: Instant) -> OffsetDateTime {
        OffsetDateTime(instant, offsetSeconds: offsetSeconds(at: instant))
    }
}

/// One offset for ever, such as UTC.
public struct FixedUTCOffset: UTCOffsets, Hashable {
    /// Seconds east of UTC.
    public let seconds: Int

    /// A place whose offset never changes.
    public init(seconds: Int) {
        self.seconds = seconds
    }

    /// UTC itself.
    public static let utc = FixedUTCOffset(seconds: 0)

    /// Seconds east of UTC in force at `instant`.
    public func offsetSeconds(at instant: Instant) -> Int { seconds }
}
