import Storage

extension BrokerSetting {
    private static let millisecondsOfUnits: KeyValuePairs<String, Int64> = [".hours": 3_600_000, ".minutes": 60_000]

    /// The defaults of topics' configurations, under the broker's names for them.
    ///
    /// Of several names for one configuration the first can change while the broker runs, and the last has the default,
    /// both as in Kafka.
    static let logs: [BrokerSetting] = LogConfiguration.definitions.flatMap { topic in
        topic.synonyms.enumerated().map { index, name in
            let isFirst = index == 0
            let isLast = index == topic.synonyms.count - 1
            let unit = unit(of: name)
            let milliseconds = Int64(topic.defaultValue)
            let defaultValue = unit == 1 ? topic.defaultValue : milliseconds.map { String($0 / unit) } ?? ""
            return BrokerSetting(
                name, topic.type, default: isLast ? defaultValue : "", synonyms: topic.synonyms,
                isFirst ? .dynamic : .readOnly, documentation(of: topic, isFirst: isFirst)
            ) { (_, text) throws(SettingError) in
                try check(text, of: topic, under: name)
            }
        }
    }

    private static func documentation(of topic: ConfigurationDefinition, isFirst: Bool) -> String {
        isFirst
            ? "Default of \(topic.name). \(topic.documentation)"
            : "Default of \(topic.name) where "
                + "\(topic.synonyms[0]) is not set."
    }

    private static func unit(of name: String) -> Int64 {
        millisecondsOfUnits.first { name.hasSuffix($0.key) }?.value ?? 1
    }

    /// A value of a broker's setting as the topic's configuration takes it: hours become milliseconds.
    static func topicValue(_ text: String, of name: String) throws(SettingError) -> String {
        let unit = unit(of: name)
        if unit == 1 { return text }
        guard let value = Int64(text) else {
            throw SettingError(key: name, message: "'\(text)' is not a whole number")
        }
        guard value <= Int64.max / unit else {
            throw SettingError(key: name, message: "\(value) is not within -1 and \(Int64.max / unit)")
        }
        return String(value < 0 ? value : value * unit)
    }

    private static func check(
        _ text: String, of topic: ConfigurationDefinition, under name: String
    ) throws(SettingError) {
        let value = try topicValue(text, of: name)
        var configuration = LogConfiguration()
        do {
            try configuration.set(topic.name, to: value)
        } catch {
            throw SettingError(key: name, message: SettingError(error).message)
        }
    }
}
