import Groups
import Storage

extension BrokerConfiguration {
    /// Reads settings by Kafka's names.
    ///
    /// - Throws: for an unknown name, a wrong type or a value out of range; of several for the first by name.
    public init(kafka: [String: String]) throws(SettingError) {
        self = .initial
        settings = kafka
        for (key, text) in kafka.sorted(by: { $0.key < $1.key }) {
            guard let setting = BrokerSetting.byName[key] else {
                throw SettingError(key: key, message: "is not a setting of this broker")
            }
            try setting.set(&self, text)
        }
        try finish()
    }

    /// Every setting's name.
    public static var settingNames: Set<String> { Set(BrokerSetting.byName.keys) }

    /// The same with other values over it: of the cluster, then of this broker.
    func with(_ changes: [String: String]...) throws(SettingError) -> BrokerConfiguration {
        var merged = settings
        for layer in changes { merged.merge(layer) { $1 } }
        return try BrokerConfiguration(kafka: merged)
    }

    /// What depends on more than one setting.
    private mutating func finish() throws(SettingError) {
        listeners = try Listener.parse(
            listeners: listenersText, advertised: advertisedListenersText.isEmpty ? nil : advertisedListenersText)
        if dataFolder.contains(",") { throw SettingError(key: "log.dirs", message: "takes one folder for now") }
        if dataFolder.isEmpty { throw SettingError(key: "log.dirs", message: "is empty") }
        guard groups.minimumSessionTimeout <= groups.maximumSessionTimeout else {
            throw SettingError(
                key: "group.min.session.timeout.ms", message: "is above group.max.session.timeout.ms")
        }
        guard groups.consumerHeartbeatInterval < groups.consumerSessionTimeout else {
            throw SettingError(
                key: "group.consumer.heartbeat.interval.ms", message: "is not below group.consumer.session.timeout.ms")
        }
        for definition in LogConfiguration.definitions {
            guard let name = definition.synonyms.first(where: { settings[$0] != nil }), let text = settings[name]
            else { continue }
            topicDefaults[definition.name] = try BrokerSetting.topicValue(text, of: name)
        }
        try checkTopicDefaults()
    }
}
