import KafkaWire

/// What a configuration belongs to.
public enum KafkaConfigurationResource: Sendable, Hashable {
    case topic(String)
    case broker(BrokerID)
    /// What is set for all brokers at once.
    case allBrokers
    /// A consumer group.
    case group(String)

    /// The numbers and names of Kafka's protocol.
    var wire: (type: Int8, name: String) {
        switch self {
        case .topic(let name): (2, name)
        case .broker(let id): (4, "\(id)")
        case .allBrokers: (4, "")
        case .group(let id): (32, id)
        }
    }
}

/// One value, and where it comes from.
public struct KafkaConfigurationEntry: Sendable, Hashable {
    /// Where a value comes from; what is further up goes over what is below.
    public enum Source: Int8, Sendable, Hashable {
        case topic = 1
        case broker = 2
        /// Set while running, for all brokers.
        case allBrokers = 3
        /// The broker's configuration file.
        case file = 4
        case `default` = 5
        case brokerLogger = 6
        case clientMetrics = 7
        case group = 8
    }

    /// Kafka's name, such as `retention.ms`.
    public var name: String
    /// `nil` where there is none, and where it is secret.
    public var value: String?
    /// `nil` where the broker does not say, or says something newer.
    public var source: Source?
    /// Whether it cannot change while the broker runs.
    public var isReadOnly: Bool
    /// Whether its value is kept from clients.
    public var isSensitive: Bool
    /// A sentence or more, where it was asked for.
    public var documentation: String?
}

/// What to do with one value.
public enum KafkaConfigurationOperation: Sendable, Hashable {
    case set(String)
    /// Back to the default.
    case delete
    /// Puts words, separated by commas, at the end of a list.
    case append(String)
    /// Takes words, separated by commas, out of a list.
    case subtract(String)

    var wire: (operation: Int8, value: String?) {
        switch self {
        case .set(let value): (0, value)
        case .delete: (1, nil)
        case .append(let words): (2, words)
        case .subtract(let words): (3, words)
        }
    }
}
