import KafkaRecords

/// One of a topic's configurations: its definition, and how a text becomes a value of ``LogConfiguration``.
struct LogSetting: Sendable {
    typealias Key<Value> = any WritableKeyPath<LogConfiguration, Value> & Sendable

    let definition: ConfigurationDefinition
    /// Whether the value changes what a log does here.
    let hasEffect: Bool
    /// Checks a text without spaces around it and sets it.
    let set: @Sendable (inout LogConfiguration, String) throws(LogConfigurationError) -> Void
    /// The value as Kafka writes it.
    let text: @Sendable (LogConfiguration) -> String

    private init(
        _ name: String, _ type: ConfigurationDefinition.ValueType, _ synonyms: [String], _ documentation: String,
        hasEffect: Bool = true,
        set: @escaping @Sendable (inout LogConfiguration, String) throws(LogConfigurationError) -> Void,
        text: @escaping @Sendable (LogConfiguration) -> String
    ) {
        definition = ConfigurationDefinition(
            name: name, type: type, defaultValue: text(LogConfiguration()), documentation: documentation,
            synonyms: synonyms)
        self.hasEffect = hasEffect
        self.set = set
        self.text = text
    }

    // MARK: Kinds of values

    static func integer<Value: FixedWidthInteger & Sendable>(
        _ name: String, _ key: Key<Value>, _ limits: ClosedRange<Value>, or other: Value? = nil,
        _ synonyms: [String], _ documentation: String
    ) -> LogSetting {
        // What Kafka keeps in 32 bits is an `Int` here, what it keeps in 64 an `Int64`.
        let type: ConfigurationDefinition.ValueType = Value.self == Int.self ? .int : .long
        return LogSetting(name, type, synonyms, documentation) { (target, text) throws(LogConfigurationError) in
            target[keyPath: key] = try number(name, text, limits, or: other)
        } text: {
            String($0[keyPath: key])
        }
    }

    static func ratio(
        _ name: String, _ key: Key<Double>, _ synonyms: [String], _ documentation: String
    ) -> LogSetting {
        LogSetting(name, .double, synonyms, documentation) { (target, text) throws(LogConfigurationError) in
            guard let value = Double(text), (0...1).contains(value) else {
                throw .invalidValue(key: name, value: text, allowed: "a number from 0 to 1")
            }
            target[keyPath: key] = value
        } text: {
            String($0[keyPath: key])
        }
    }

    /// One of a few words.
    static func word<Value: Sendable>(
        _ name: String, _ key: Key<Value>, _ words: [(String, Value)], _ synonyms: [String], _ documentation: String
    ) -> LogSetting where Value: Hashable {
        LogSetting(name, .string, synonyms, documentation) { (target, text) throws(LogConfigurationError) in
            guard let found = words.first(where: { $0.0 == text }) else {
                throw .invalidValue(key: name, value: text, allowed: words.map(\.0).alternatives)
            }
            target[keyPath: key] = found.1
        } text: { configuration in
            words.first { $0.1 == configuration[keyPath: key] }?.0 ?? ""
        }
    }

    static func policy(
        _ name: String, _ key: Key<LogConfiguration.CleanupPolicy>, _ synonyms: [String], _ documentation: String
    ) -> LogSetting {
        let words: [(String, LogConfiguration.CleanupPolicy)] = [("compact", .compact), ("delete", .delete)]
        return LogSetting(name, .list, synonyms, documentation) { (target, text) throws(LogConfigurationError) in
            var policy: LogConfiguration.CleanupPolicy = []
            for part in text.split(separator: ",", omittingEmptySubsequences: false) {
                guard let word = words.first(where: { $0.0 == String(part).withoutOuterSpaces }) else {
                    throw .invalidValue(key: name, value: text, allowed: "delete, compact or compact,delete")
                }
                policy.insert(word.1)
            }
            target[keyPath: key] = policy
        } text: { configuration in
            words.filter { configuration[keyPath: key].contains($0.1) }.map(\.0).joined(separator: ",")
        }
    }

    // MARK: Values without effect

    /// A whole number that is checked and then not looked at.
    static func ignored(
        _ name: String, default text: String, _ limits: ClosedRange<Int64>, _ synonyms: [String],
        _ documentation: String
    ) -> LogSetting {
        LogSetting(
            name, .long, synonyms, documentation, hasEffect: false,
            set: { (_, text) throws(LogConfigurationError) in _ = try number(name, text, limits) }, text: { _ in text })
    }

    /// A flag that is checked and then not looked at, because what it asks for is what there is, or is of parts of
    /// Kafka that are not here.
    static func ignoredFlag(
        _ name: String, default text: String, allowed: [String] = ["true", "false"], _ synonyms: [String],
        _ documentation: String
    ) -> LogSetting {
        LogSetting(
            name, .boolean, synonyms, documentation, hasEffect: false,
            set: { (_, text) throws(LogConfigurationError) in
                guard allowed.contains(text.lowercased()) else {
                    throw .invalidValue(key: name, value: text, allowed: allowed.alternatives)
                }
            }, text: { _ in text })
    }

    /// A text that is taken whatever it is.
    static func ignoredText(
        _ name: String, _ type: ConfigurationDefinition.ValueType, default text: String, _ synonyms: [String],
        _ documentation: String
    ) -> LogSetting {
        LogSetting(
            name, type, synonyms, documentation, hasEffect: false, set: { (_, _) throws(LogConfigurationError) in },
            text: { _ in text })
    }

    private static func number<Value: FixedWidthInteger>(
        _ name: String, _ text: String, _ limits: ClosedRange<Value>, or other: Value? = nil
    ) throws(LogConfigurationError) -> Value {
        if let number = Value(text), limits.contains(number) || number == other { return number }
        let allowed = "an integer from \(limits.lowerBound) to \(limits.upperBound)"
        throw .invalidValue(key: name, value: text, allowed: allowed + (other.map { ", or \($0)" } ?? ""))
    }
}

extension [String] {
    /// "a, b or c"
    fileprivate var alternatives: String {
        guard let last, count > 1 else { return joined() }
        return dropLast().joined(separator: ", ") + " or " + last
    }
}

extension String {
    /// Without spaces at either end.
    var withoutOuterSpaces: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
