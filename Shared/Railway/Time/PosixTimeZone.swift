/// A time zone as one yearly rule: POSIX `TZ`, with the wider hours of RFC 8536 section 3.3.1.
///
/// `CET-1CEST,M3.5.0,M10.5.0/3` is the rule of Paris. Offsets in the text count west of UTC, as POSIX has it.
public struct PosixTimeZone: UTCOffsets, Hashable {
    /// Seconds east of UTC outside summer time.
    public let standardOffsetSeconds: Int
    let summer: Summer?

    /// When summer time holds, and by how much it differs from UTC.
    struct Summer: Hashable, Sendable {
        let offsetSeconds: Int
        let start: YearlyChange
        let end: YearlyChange
    }

    /// A day of every year and a time on it, in the offset in force before the change.
    struct YearlyChange: Hashable, Sendable {
        let day: Day
        let secondOfDay: Int

        enum Day: Hashable, Sendable {
            /// 1 to 365, 29 February never counted.
            case julianWithoutLeapDay(Int)
            /// 0 to 365, 29 February counted.
            case dayOfYear(Int)
            /// The `week`th `weekday` of `month`; week 5 is the last.
            case weekdayOfMonth(month: Int, week: Int, weekday: Int)
        }
    }

    /// Reads a rule; throws a sentence that names what cannot be read.
    public init(_ rule: String) throws(TimeZoneError) {
        var parser = PosixTimeZoneParser(rule)
        self = try parser.zone()
    }

    init(standardOffsetSeconds: Int, summer: Summer?) {
        self.standardOffsetSeconds = standardOffsetSeconds
        self.summer = summer
    }

    /// Seconds east of UTC in force at `instant`.
    public func offsetSeconds(at instant: Instant) -> Int {
        guard let summer else { return standardOffsetSeconds }
        let seconds = instant.seconds
        let localDay = floorDivide(seconds + Int64(standardOffsetSeconds), 86_400)
        let year = CivilDate(daysSinceEpoch: Int(localDay)).components.year
        let start = summer.start.clockSeconds(in: year) - Int64(standardOffsetSeconds)
        let end = summer.end.clockSeconds(in: year) - Int64(summer.offsetSeconds)
        let isSummer = start < end ? (start <= seconds && seconds < end) : !(end <= seconds && seconds < start)
        return isSummer ? summer.offsetSeconds : standardOffsetSeconds
    }
}

extension PosixTimeZone.YearlyChange {
    /// Seconds since 1970-01-01 00:00 on the local clock at which the change of `year` happens.
    func clockSeconds(in year: Int) -> Int64 {
        Int64(dayNumber(in: year)) * 86_400 + Int64(secondOfDay)
    }

    private func dayNumber(in year: Int) -> Int {
        let newYear = CivilDate.days(year: year, month: 1, day: 1)
        switch day {
        case .julianWithoutLeapDay(let day):
            return newYear + day - 1 + (CivilDate.isLeap(year) && day >= 60 ? 1 : 0)
        case .dayOfYear(let day):
            return newYear + day
        case .weekdayOfMonth(let month, let week, let weekday):
            let first = CivilDate(daysSinceEpoch: CivilDate.days(year: year, month: month, day: 1))
            var day = 1 + (weekday - first.weekday + 7) % 7 + (week - 1) * 7
            if day > CivilDate.days(inMonth: month, of: year) { day -= 7 }
            return first.daysSinceEpoch + day - 1
        }
    }
}

/// Why time zone data could not be read.
public enum TimeZoneError: Error, Hashable, Sendable {
    /// The bytes are no TZif file; the text says what is wrong.
    case invalidFile(String)
    /// The rule is no POSIX time zone; the text says what is wrong.
    case invalidRule(String)
}

extension TimeZoneError: CustomStringConvertible {
    /// A sentence for a log line.
    public var description: String {
        switch self {
        case .invalidFile(let reason): "not a TZif time zone file: \(reason)"
        case .invalidRule(let reason): "not a POSIX time zone rule: \(reason)"
        }
    }
}
