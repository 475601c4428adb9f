/// What a configuration value belongs to: a topic, a broker, all brokers, a group.
public struct ConfigurationResource: Hashable, Sendable, CustomStringConvertible {
    /// The number that stands for it in requests and in metadata records. Source: Kafka's `ConfigResource.Type`.
    public struct Kind: RawRepresentable, Hashable, Sendable {
        public let rawValue: Int8

        public init(rawValue: Int8) {
            self.rawValue = rawValue
        }

        public static let topic = Kind(rawValue: 2)
        public static let broker = Kind(rawValue: 4)
        /// The levels of a broker's loggers; never in a record.
        public static let brokerLogger = Kind(rawValue: 8)
        public static let clientMetrics = Kind(rawValue: 16)
        public static let group = Kind(rawValue: 32)
    }

    public let kind: Kind
    /// The topic's or group's name or the broker's number; empty for what holds of all brokers.
    public let name: String

    public init(_ kind: Kind, _ name: String) {
        self.kind = kind
        self.name = name
    }

    /// What holds of all brokers.
    public static let allBrokers = ConfigurationResource(.broker, "")

    public var description: String {
        switch kind {
        case .topic: "topic '\(name)'"
        case .broker: name.isEmpty ? "all brokers" : "broker \(name)"
        case .brokerLogger: "loggers of broker \(name)"
        case .clientMetrics: "client metrics '\(name)'"
        case .group: "group '\(name)'"
        default: "resource type \(kind.rawValue) '\(name)'"
        }
    }
}
