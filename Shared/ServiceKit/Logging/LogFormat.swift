import Logging

/// How log lines look.
public enum LogFormat: String, CaseIterable, Sendable {
    /// `2026-03-01T12:00:00.123Z info  delays: caught up lag=0`
    case human
    /// One JSON object per line: time, level, service, logger, message, and the metadata.
    case json
}

/// Builds log lines as bytes, without Foundation.
struct LogLine {
    private(set) var bytes: [UInt8] = []

    init(
        format: LogFormat, nanosecondsSinceEpoch: UInt64, level: Logger.Level, service: String, label: String,
        message: String, metadata: Logger.Metadata
    ) {
        bytes.reserveCapacity(192)
        switch format {
        case .human: writeHuman(nanosecondsSinceEpoch, level, service, label, message, metadata)
        case .json: writeJSON(nanosecondsSinceEpoch, level, service, label, message, metadata)
        }
        bytes.append(UInt8(ascii: "\n"))
    }

    private mutating func writeHuman(
        _ time: UInt64, _ level: Logger.Level, _ service: String, _ label: String, _ message: String,
        _ metadata: Logger.Metadata
    ) {
        Timestamp.write(time, into: &bytes)
        bytes.append(UInt8(ascii: " "))
        let name = level.rawValue
        bytes.append(contentsOf: name.utf8)
        for _ in name.utf8.count..<9 { bytes.append(UInt8(ascii: " ")) }
        bytes.append(contentsOf: service.utf8)
        if label != service, !label.isEmpty {
            bytes.append(UInt8(ascii: "/"))
            bytes.append(contentsOf: label.utf8)
        }
        bytes.append(contentsOf: ": ".utf8)
        bytes.append(contentsOf: oneLine(message).utf8)
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            bytes.append(UInt8(ascii: " "))
            bytes.append(contentsOf: key.utf8)
            bytes.append(UInt8(ascii: "="))
            writeHumanValue(value.description)
        }
    }

    private mutating func writeHumanValue(_ text: String) {
        let needsQuotes = text.isEmpty || text.utf8.contains { $0 <= 0x20 || $0 == UInt8(ascii: "\"") }
        if needsQuotes {
            JSONText.writeString(text, into: &bytes)
        } else {
            bytes.append(contentsOf: text.utf8)
        }
    }

    private mutating func writeJSON(
        _ time: UInt64, _ level: Logger.Level, _ service: String, _ label: String, _ message: String,
        _ metadata: Logger.Metadata
    ) {
        bytes.append(contentsOf: "{\"time\":\"".utf8)
        Timestamp.write(time, into: &bytes)
        bytes.append(contentsOf: "\",\"level\":\"\(level.rawValue)\"".utf8)
        for (key, value) in [("service", service), ("logger", label), ("message", message)] {
            writeMember(key)
            JSONText.writeString(value, into: &bytes)
        }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) where !Self.reserved.contains(key) {
            writeMember(key)
            writeJSONValue(value)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private static let reserved: Set<String> = ["time", "level", "service", "logger", "message"]

    private mutating func writeMember(_ key: String) {
        bytes.append(UInt8(ascii: ","))
        JSONText.writeString(key, into: &bytes)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func writeJSONValue(_ value: Logger.MetadataValue) {
        switch value {
        case .string(let text):
            JSONText.writeString(text, into: &bytes)
        case .stringConvertible(let value):
            JSONText.writeString(value.description, into: &bytes)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                writeJSONValue(value)
            }
            bytes.append(UInt8(ascii: "]"))
        case .dictionary(let values):
            bytes.append(UInt8(ascii: "{"))
            for (index, (key, value)) in values.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                JSONText.writeString(key, into: &bytes)
                bytes.append(UInt8(ascii: ":"))
                writeJSONValue(value)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }
}

/// JSON strings without Foundation.
enum JSONText {
    /// Writes the text in quotes, escaped as RFC 8259 asks.
    static func writeString(_ text: String, into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20: bytes.append(contentsOf: "\\u00\(hexadecimal(UInt64(byte), digits: 2))".utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// The text in quotes, escaped.
    static func string(_ text: String) -> String {
        var bytes: [UInt8] = []
        writeString(text, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Lower-case hexadecimal with leading zeros.
func hexadecimal(_ value: UInt64, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
}

/// UTC times as RFC 3339 writes them.
enum Timestamp {
    /// `2026-03-01T12:00:00.123Z`, in 24 bytes.
    static func write(_ nanosecondsSinceEpoch: UInt64, into bytes: inout [UInt8]) {
        let seconds = Int64(nanosecondsSinceEpoch / 1_000_000_000)
        let milliseconds = Int(nanosecondsSinceEpoch / 1_000_000 % 1_000)
        let (year, month, day) = civil(days: seconds / 86_400)
        let rest = Int(seconds % 86_400)
        write(year, digits: 4, then: "-", into: &bytes)
        write(month, digits: 2, then: "-", into: &bytes)
        write(day, digits: 2, then: "T", into: &bytes)
        write(rest / 3_600, digits: 2, then: ":", into: &bytes)
        write(rest / 60 % 60, digits: 2, then: ":", into: &bytes)
        write(rest % 60, digits: 2, then: ".", into: &bytes)
        write(milliseconds, digits: 3, then: "Z", into: &bytes)
    }

    private static func write(_ value: Int, digits: Int, then sign: Unicode.Scalar, into bytes: inout [UInt8]) {
        var divisor = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
            divisor /= 10
        }
        bytes.append(UInt8(ascii: sign))
    }

    /// The date of a day counted from 1970-01-01, in the Gregorian calendar, by eras of 400 years.
    private static func civil(days: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (Int(year), Int(month), Int(dayOfYear - (153 * monthIndex + 2) / 5 + 1))
    }
}
