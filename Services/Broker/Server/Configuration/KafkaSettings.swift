/// A setting that cannot be used, told with its Kafka name.
public struct SettingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Kafka's name of the setting, such as `num.partitions`.
    public let key: String
    public let message: String

    public init(key: String, message: String) {
        self.key = key
        self.message = message
    }

    public var description: String { "\(key): \(message)" }
}

/// Reads a broker's settings by Kafka's own names and remembers which were read, so that a misspelt one is found.
struct KafkaSettings {
    private let values: [String: String]
    private(set) var known: Set<String> = []

    init(_ values: [String: String]) {
        self.values = values
    }

    /// Throws for the first setting, by name, that nobody read.
    func finish() throws(SettingError) {
        if let key = values.keys.filter({ !known.contains($0) }).sorted().first {
            throw SettingError(key: key, message: "is not a setting of this broker")
        }
    }

    mutating func text(_ key: String) -> String? {
        known.insert(key)
        return values[key]
    }

    mutating func text(_ key: String, default fallback: String) -> String {
        text(key) ?? fallback
    }

    mutating func flag(_ key: String, default fallback: Bool) throws(SettingError) -> Bool {
        switch text(key) {
        case nil: return fallback
        case "true": return true
        case "false": return false
        case .some(let other): throw SettingError(key: key, message: "'\(other)' is neither true nor false")
        }
    }

    mutating func number<Value: FixedWidthInteger>(
        _ key: String, default fallback: Value, in range: ClosedRange<Value>
    ) throws(SettingError) -> Value {
        guard let text = text(key) else { return fallback }
        guard let value = Value(text) else { throw SettingError(key: key, message: "'\(text)' is not a whole number") }
        guard range.contains(value) else {
            throw SettingError(key: key, message: "\(value) is not within \(range.lowerBound) and \(range.upperBound)")
        }
        return value
    }

    /// A span of time by the most precise of the names that is set, as Kafka decides it; milliseconds.
    mutating func milliseconds(
        _ keys: [(key: String, unit: Int64)], default fallback: Int64
    ) throws(SettingError) -> Int64 {
        var result: Int64?
        for (key, unit) in keys {
            let limit = Int64.max / unit
            let value = try number(key, default: Int64.min + 1, in: -1...limit)
            if value != Int64.min + 1, result == nil { result = value < 0 ? value : value * unit }
        }
        return result ?? fallback
    }
}
