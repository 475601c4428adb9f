/// Reads fixed-width ASCII digits and separators; the base of every date and time parser here.
struct DigitScanner {
    private var bytes: [UInt8]
    private var position = 0

    init(_ text: some StringProtocol) {
        bytes = Array(text.utf8.prefix(DigitScanner.maximumBytes + 1))
    }

    /// No date or time that we read is longer.
    static let maximumBytes = 64

    var isAtEnd: Bool { position == bytes.count }

    /// The next byte, without consuming it.
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Consumes `byte` when it is next.
    mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    /// Consumes one byte when it is one of `choices`.
    mutating func take(oneOf choices: [UInt8]) -> UInt8? {
        guard let byte = next, choices.contains(byte) else { return nil }
        position += 1
        return byte
    }

    /// Exactly `count` digits as a number.
    mutating func number(digits count: Int) -> Int? {
        guard position + count <= bytes.count else { return nil }
        var value = 0
        for byte in bytes[position..<(position + count)] {
            guard isDigit(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        position += count
        return value
    }

    /// All digits that follow, at most `maximum` of them; nil when there is none or there are more.
    mutating func number(upTo maximum: Int) -> (value: Int, digits: Int)? {
        var value = 0
        var count = 0
        while let byte = next, isDigit(byte) {
            guard count < maximum else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
            count += 1
            position += 1
        }
        return count == 0 ? nil : (value, count)
    }

    /// `YYYY-MM-DD` of a day that exists.
    mutating func date() -> CivilDate? {
        guard let year = number(digits: 4), take(UInt8(ascii: "-")), let month = number(digits: 2),
            take(UInt8(ascii: "-")), let day = number(digits: 2)
        else { return nil }
        return CivilDate(year: year, month: month, day: day)
    }

    /// `HH:MM:SS` as seconds since midnight; no leap seconds.
    mutating func timeOfDay() -> Int? {
        guard let hour = number(digits: 2), hour < 24, take(UInt8(ascii: ":")),
            let minute = number(digits: 2), minute < 60, take(UInt8(ascii: ":")),
            let second = number(digits: 2), second < 60
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }

    private func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }
}

/// `value` in decimal, zeros in front up to `width`.
func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(value.magnitude)
    return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
}
