import KafkaClient
import ServiceKit

/// Where the event log is: the `[kafka]` table of every service.
///
/// Changing `bootstrap_servers` is all it takes to run a service on another Kafka.
public struct EventLogConfiguration: Sendable {
    /// `host:port` of one or more brokers.
    public var bootstrapServers: [String]
    /// The name that brokers see; the service's name when left out.
    public var clientID: String?
    /// Copies of each partition of topics that a service creates; -1 is the broker's default.
    public var replicationFactor: Int
    /// Whether missing topics are created at the start.
    public var createsTopics: Bool
    /// Whether spans are told to the topic `spans`.
    public var tellsSpans: Bool

    /// Tables and keys that services of one process share: what to pass as `ServicePart`'s `shared`.
    public static let sharedKeys: Set<String> = ["kafka", "network", "zoneinfo", "links"]

    /// A log that is reached at `bootstrapServers`, otherwise with defaults.
    public init(bootstrapServers: [String]) {
        self.bootstrapServers = bootstrapServers
        clientID = nil
        replicationFactor = -1
        createsTopics = true
        tellsSpans = true
    }

    /// Reads `[kafka]`; a server that is not `host:port` is an error at its line.
    public init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        bootstrapServers = try reader.list(
            "kafka.bootstrap_servers", default: ["127.0.0.1:9092"], doc: "Brokers to find the cluster from.")
        clientID = try reader.optionalString("kafka.client_id", doc: "Name for brokers; the service's own by default.")
        replicationFactor = try reader.int(
            "kafka.replication_factor", default: -1, in: -1...32_767,
            doc: "Copies of each partition of created topics; -1 is the broker's default.")
        createsTopics = try reader.bool(
            "kafka.create_topics", default: true, doc: "Create missing topics at the start.")
        tellsSpans = try reader.bool("kafka.tell_spans", default: true, doc: "Tell spans to the topic spans.")
        guard !bootstrapServers.isEmpty else {
            throw reader.error("kafka.bootstrap_servers", "needs at least one host:port")
        }
        for server in bootstrapServers where BrokerAddress(server) == nil {
            throw reader.error("kafka.bootstrap_servers", "has '\(server)', which is not host:port")
        }
    }

    /// The client's configuration for a service of that name.
    public func client(for service: String) -> KafkaClientConfiguration {
        KafkaClientConfiguration(bootstrapServers: bootstrapServers, clientID: clientID ?? service)
    }
}
