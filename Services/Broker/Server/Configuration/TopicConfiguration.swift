import KafkaWire
import Storage

extension BrokerConfiguration {
    /// What a topic's log is told: the broker's defaults with the topic's own values over them.
    ///
    /// - Throws: the first value that is unknown or out of range, under the topic's name for it.
    func logConfiguration(topic overrides: [String: String]) throws(SettingError) -> LogConfiguration {
        let values = topicDefaults.merging(overrides) { $1 }
        do {
            return try LogConfiguration(topicConfigurations: values)
        } catch {
            throw SettingError(error)
        }
    }

    /// Broker-wide defaults are checked at the start, so that the first topic made does not fail instead.
    func checkTopicDefaults() throws(SettingError) {
        do {
            _ = try logConfiguration(topic: [:])
        } catch {
            let names = LogConfiguration.definitions.first { $0.name == error.key }?.synonyms ?? []
            let brokerKey = names.first { settings[$0] != nil } ?? error.key
            throw SettingError(key: brokerKey, message: error.message)
        }
    }
}

extension SettingError {
    init(_ error: LogConfigurationError) {
        switch error {
        case .unknownKey(let key): self.init(key: key, message: "is not a topic's configuration")
        case .invalidValue(let key, let value, let allowed):
            self.init(key: key, message: "'\(value)' is not \(allowed)")
        }
    }
}
