/// Reads the text of a POSIX `TZ` rule, byte by byte.
struct PosixTimeZoneParser {
    private var scanner: DigitScanner
    private let text: String

    init(_ text: String) {
        self.text = text
        self.scanner = DigitScanner(text)
    }

    mutating func zone() throws(TimeZoneError) -> PosixTimeZone {
        guard text.utf8.count <= DigitScanner.maximumBytes else {
            throw .invalidRule("it is longer than \(DigitScanner.maximumBytes) bytes")
        }
        try name()
        let standard = -(try clock(maximumHours: 24, what: "offset"))
        guard !scanner.isAtEnd else { return PosixTimeZone(standardOffsetSeconds: standard, summer: nil) }
        try name()
        var summerOffset = standard + 3600
        if scanner.next != UInt8(ascii: ",") { summerOffset = -(try clock(maximumHours: 24, what: "summer offset")) }
        let start = try change()
        let end = try change()
        guard scanner.isAtEnd else { throw .invalidRule("'\(text)' goes on after the end of summer time") }
        return PosixTimeZone(
            standardOffsetSeconds: standard,
            summer: PosixTimeZone.Summer(offsetSeconds: summerOffset, start: start, end: end))
    }

    /// Three letters or more, or anything of letters, digits and signs between `<` and `>`.
    private mutating func name() throws(TimeZoneError) {
        var length = 0
        if scanner.take(UInt8(ascii: "<")) {
            while let byte = scanner.next, byte != UInt8(ascii: ">") {
                _ = scanner.take(byte)
                length += 1
            }
            guard scanner.take(UInt8(ascii: ">")) else { throw .invalidRule("'\(text)' has a name without '>'") }
        } else {
            while let byte = scanner.next, isLetter(byte) {
                _ = scanner.take(byte)
                length += 1
            }
        }
        guard length >= 3 else { throw .invalidRule("'\(text)' has a name of under three letters") }
    }

    /// `[+-]h[hh][:mm[:ss]]` in seconds.
    private mutating func clock(maximumHours: Int, what: String) throws(TimeZoneError) -> Int {
        let sign = scanner.take(oneOf: [UInt8(ascii: "+"), UInt8(ascii: "-")])
        guard let (hours, _) = scanner.number(upTo: 3), hours <= maximumHours else {
            throw .invalidRule("the \(what) in '\(text)' has no hours from 0 to \(maximumHours)")
        }
        var seconds = hours * 3600
        for unit in [60, 1] where scanner.take(UInt8(ascii: ":")) {
            guard let value = scanner.number(digits: 2), value < 60 else {
                throw .invalidRule("the \(what) in '\(text)' has minutes or seconds over 59")
            }
            seconds += value * unit
        }
        return sign == UInt8(ascii: "-") ? -seconds : seconds
    }

    /// `,date[/time]`; the time is 02:00 when left out.
    private mutating func change() throws(TimeZoneError) -> PosixTimeZone.YearlyChange {
        guard scanner.take(UInt8(ascii: ",")) else {
            throw .invalidRule("'\(text)' does not say when summer time begins and ends")
        }
        let day = try self.day()
        var seconds = 2 * 3600
        if scanner.take(UInt8(ascii: "/")) { seconds = try clock(maximumHours: 167, what: "time of change") }
        return PosixTimeZone.YearlyChange(day: day, secondOfDay: seconds)
    }

    private mutating func day() throws(TimeZoneError) -> PosixTimeZone.YearlyChange.Day {
        if scanner.take(UInt8(ascii: "M")) {
            let month = try field("month", in: 1...12)
            let week = try field("week", in: 1...5, after: ".")
            let weekday = try field("weekday", in: 0...6, after: ".")
            return .weekdayOfMonth(month: month, week: week, weekday: weekday)
        }
        if scanner.take(UInt8(ascii: "J")) { return .julianWithoutLeapDay(try field("day", in: 1...365)) }
        return .dayOfYear(try field("day", in: 0...365))
    }

    private mutating func field(
        _ what: String, in range: ClosedRange<Int>, after separator: Unicode.Scalar? = nil
    ) throws(TimeZoneError) -> Int {
        if let separator, !scanner.take(UInt8(ascii: separator)) {
            throw .invalidRule("'\(text)' lacks a '\(separator)' before the \(what)")
        }
        guard let (value, _) = scanner.number(upTo: 3), range.contains(value) else {
            throw .invalidRule("'\(text)' has a \(what) outside \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    private func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }
}
