import TOMLKit

/// A value of a TOML document, or of a `[kafka]`-like table whose keys are not known to ServiceKit.
public indirect enum ConfigurationValue: Sendable, Equatable {
    case string(String)
    case integer(Int)
    case double(Double)
    case bool(Bool)
    /// A date, time or date-time, as the document writes it.
    case date(String)
    case array([ConfigurationValue])
    case table([String: ConfigurationValue])

    /// What an error message calls this kind of value.
    public var kind: String {
        switch self {
        case .string: "a string"
        case .integer: "an integer"
        case .double: "a floating-point number"
        case .bool: "a boolean"
        case .date: "a date or time"
        case .array: "an array"
        case .table: "a table"
        }
    }

    /// The value as plain text, as Kafka's own property files would hold it: arrays are joined with commas.
    public var text: String {
        switch self {
        case .string(let value): value
        case .integer(let value): String(value)
        case .double(let value): String(value)
        case .bool(let value): String(value)
        case .date(let value): value
        case .array(let values): values.map(\.text).joined(separator: ",")
        case .table(let table):
            table.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.text)" }.joined(separator: ",")
        }
    }

    init(_ table: TOMLTable) {
        var entries: [String: ConfigurationValue] = [:]
        for key in table.keys {
            if let value = table[key] { entries[key] = ConfigurationValue(value.tomlValue) }
        }
        self = .table(entries)
    }

    private init(_ value: TOMLValue) {
        switch value.type {
        case .table: self = value.table.map { ConfigurationValue($0) } ?? .table([:])
        case .array: self = .array((value.array.map(Array.init) ?? []).map { ConfigurationValue($0.tomlValue) })
        case .string: self = .string(value.string ?? "")
        case .int: self = .integer(value.int ?? 0)
        case .double: self = .double(value.double ?? 0)
        case .bool: self = .bool(value.bool ?? false)
        case .date, .time, .dateTime: self = .date(value.debugDescription)
        }
    }
}
