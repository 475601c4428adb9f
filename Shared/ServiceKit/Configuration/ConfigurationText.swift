/// Durations, sizes and lists as people write them.
public enum ConfigurationText {
    private static let durationUnits: [(name: String, nanoseconds: Int64)] = [
        ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000),
        ("ms", 1_000_000), ("us", 1_000), ("ns", 1),
    ]

    private static let byteUnits: [(name: String, bytes: Int)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
        ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000), ("B", 1),
    ]

    /// `5ms`, `7d`, `1h30m`, `0s`: whole numbers each with ns, us, ms, s, m, h or d. `nil` for anything else.
    public static func duration(_ text: String) -> Duration? {
        var rest = text[...]
        var total: Int64 = 0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(name.count)
            guard let count = Int64(digits), let unit = durationUnits.first(where: { $0.name == name }) else {
                return nil
            }
            let (part, tooLong) = count.multipliedReportingOverflow(by: unit.nanoseconds)
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !tooLong, !overflow else { return nil }
            total = sum
        }
        return .nanoseconds(total)
    }

    /// The shortest text that `duration(_:)` reads back to the same value.
    public static func render(duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        var rest = seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
        if rest == 0 { return "0s" }
        if let unit = durationUnits.first(where: { rest % $0.nanoseconds == 0 }) {
            return "\(rest / unit.nanoseconds)\(unit.name)"
        }
        var text = ""
        for unit in durationUnits where rest >= unit.nanoseconds {
            text += "\(rest / unit.nanoseconds)\(unit.name)"
            rest %= unit.nanoseconds
        }
        return text
    }

    /// `64MiB`, `10GB`, `512` (bytes): a whole number and B, KiB…TiB (powers of 1024) or kB…TB (of 1000).
    public static func bytes(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let name = text.dropFirst(digits.count).drop { $0 == " " }
        guard let count = Int(digits) else { return nil }
        if name.isEmpty { return count }
        guard let unit = byteUnits.first(where: { $0.name == name }) else { return nil }
        let (value, overflow) = count.multipliedReportingOverflow(by: unit.bytes)
        return overflow ? nil : value
    }

    /// The size in the largest binary unit that divides it.
    public static func render(bytes: Int) -> String {
        let unit = byteUnits.prefix(4).first { bytes != 0 && bytes % $0.bytes == 0 }
        return unit.map { "\(bytes / $0.bytes)\($0.name)" } ?? "\(bytes)B"
    }

    /// The parts between commas, without surrounding spaces; nothing for empty text.
    public static func list(_ text: String) -> [String] {
        text.split(separator: ",").map { part in
            let start = part.drop { $0 == " " }
            return String(start.reversed().drop { $0 == " " }.reversed())
        }
    }
}
