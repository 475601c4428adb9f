/// An instant together with the UTC offset in force where it was seen: `2022-10-11T05:04:59+02:00` (RFC 3339).
///
/// Two values are equal when instant and offset are; comparison is by instant first. Coded as its text.
public struct OffsetDateTime: Hashable, Sendable {
    /// The point in time.
    public let instant: Instant
    /// Seconds east of UTC, whole minutes, less than a day either way.
    public let offsetSeconds: Int

    /// An instant with an offset; the offset is cut to whole minutes, which is all that RFC 3339 can write.
    public init(_ instant: Instant, offsetSeconds: Int) {
        self.instant = instant
        self.offsetSeconds = min(max(offsetSeconds, -86_340), 86_340) / 60 * 60
    }

    /// What the clock on the wall showed, cut to the second.
    public var local: LocalDateTime {
        let seconds = instant.seconds + Int64(offsetSeconds)
        let days = floorDivide(seconds, 86_400)
        return LocalDateTime(
            date: CivilDate(daysSinceEpoch: Int(days)), secondOfDay: Int(seconds - days * 86_400))
    }

    /// The same offset, `seconds` later (earlier when negative).
    public func adding(seconds: Int) -> OffsetDateTime {
        OffsetDateTime(instant.adding(seconds: seconds), offsetSeconds: offsetSeconds)
    }
}

extension OffsetDateTime: Comparable {
    /// Ordered as the parts are.
    public static func < (left: OffsetDateTime, right: OffsetDateTime) -> Bool {
        (left.instant, left.offsetSeconds) < (right.instant, right.offsetSeconds)
    }
}

extension OffsetDateTime: CustomStringConvertible {
    /// RFC 3339 with a numeric offset (`+00:00` for UTC) and milliseconds only where there are any.
    public var description: String {
        let local = self.local
        let fraction = Int(instant.milliseconds - instant.seconds * 1000)
        let minutes = abs(offsetSeconds) / 60
        return "\(local.date)T\(clockText(local.secondOfDay))"
            + (fraction == 0 ? "" : ".\(padded(fraction, 3))")
            + (offsetSeconds < 0 ? "-" : "+") + "\(padded(minutes / 60, 2)):\(padded(minutes % 60, 2))"
    }

    /// Reads RFC 3339; nil for anything else. `Z` is offset zero, fractions are cut to milliseconds.
    ///
    /// A leap second (`:60`) is refused: no instant of ours stands for it.
    public init?(_ text: some StringProtocol) {
        var scanner = DigitScanner(text)
        guard let date = scanner.date(), scanner.take(oneOf: [UInt8(ascii: "T"), UInt8(ascii: "t")]) != nil,
            let timeOfDay = scanner.timeOfDay(), let fraction = OffsetDateTime.milliseconds(&scanner),
            let offset = OffsetDateTime.offset(&scanner), scanner.isAtEnd
        else { return nil }
        let seconds = LocalDateTime(date: date, secondOfDay: timeOfDay).secondsOnClock - Int64(offset)
        self.init(Instant(milliseconds: seconds * 1000 + Int64(fraction)), offsetSeconds: offset)
    }

    private static func milliseconds(_ scanner: inout DigitScanner) -> Int? {
        guard scanner.take(UInt8(ascii: ".")) else { return 0 }
        guard var (value, digits) = scanner.number(upTo: 9) else { return nil }
        while digits > 3 { (value, digits) = (value / 10, digits - 1) }
        while digits < 3 { (value, digits) = (value * 10, digits + 1) }
        return value
    }

    private static func offset(_ scanner: inout DigitScanner) -> Int? {
        if scanner.take(oneOf: [UInt8(ascii: "Z"), UInt8(ascii: "z")]) != nil { return 0 }
        guard let sign = scanner.take(oneOf: [UInt8(ascii: "+"), UInt8(ascii: "-")]),
            let hours = scanner.number(digits: 2), hours < 24, scanner.take(UInt8(ascii: ":")),
            let minutes = scanner.number(digits: 2), minutes < 60
        else { return nil }
        return (sign == UInt8(ascii: "-") ? -1 : 1) * (hours * 3600 + minutes * 60)
    }
}

extension OffsetDateTime: Codable {
    /// Reads the coded form; refuses what is outside the bounds with a sentence.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let value = OffsetDateTime(text) else {
            throw decoder.refusal("'\(text.prefix(64))' is no RFC 3339 time with an offset")
        }
        self = value
    }

    /// Writes the text form or the fields.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
