import KafkaWire

extension LogConfiguration {
    /// Every configuration that a topic can have, by Kafka's key, ascending.
    public static let definitions: [ConfigurationDefinition] = settings.map(\.definition).sorted { $0.name < $1.name }

    /// Topic configurations that are checked and change nothing here: what they ask for is what there is, or concerns
    /// parts of Kafka that this broker does not have.
    public static let keysWithoutEffect = Set(settings.filter { !$0.hasEffect }.map(\.definition.name))

    private static let settingsByKey = Dictionary(uniqueKeysWithValues: settings.map { ($0.definition.name, $0) })

    static let settings: [LogSetting] =
        segmentSettings + retentionSettings + compactionSettings + recordSettings + compressionSettings
        + replicationSettings + settingsOfTieredStorage

    /// A topic's configuration: its own values by Kafka's keys over the broker's defaults.
    ///
    /// Throws for a key that Kafka's topics do not have and for a value that is not allowed; of several, for the first
    /// in the order of keys.
    public init(
        topicConfigurations: [String: String], defaults: LogConfiguration = LogConfiguration()
    ) throws(LogConfigurationError) {
        self = defaults
        for (key, value) in topicConfigurations.sorted(by: { $0.key < $1.key }) {
            try set(key, to: value)
        }
        guard minimumCompactionLagMilliseconds <= maximumCompactionLagMilliseconds else {
            throw .invalidValue(
                key: "min.compaction.lag.ms", value: String(minimumCompactionLagMilliseconds),
                allowed: "at most max.compaction.lag.ms, \(maximumCompactionLagMilliseconds)")
        }
    }

    /// Sets one value by Kafka's key.
    public mutating func set(_ key: String, to value: String) throws(LogConfigurationError) {
        guard let setting = Self.settingsByKey[key] else { throw .unknownKey(key) }
        try setting.set(&self, value.withoutOuterSpaces)
    }

    /// Every value that is honoured, by Kafka's key, as Kafka writes it.
    public var topicConfigurations: [String: String] {
        Dictionary(
            uniqueKeysWithValues: Self.settings.filter(\.hasEffect).map { ($0.definition.name, $0.text(self)) })
    }
}
