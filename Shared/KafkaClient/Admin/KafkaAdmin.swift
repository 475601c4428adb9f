import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Manages topics, and looks at offsets, groups and the cluster.
///
/// Works without running; ``run()`` only closes the connections when the service group stops.
public final class KafkaAdmin: Service, Sendable {
    /// - Throws: ``KafkaError/Code/invalidConfiguration``.
    public init(
        configuration: KafkaClientConfiguration, eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup,
        logger: Logger = Logger(label: "kafka.admin")
    ) throws(KafkaError) {
        try configuration.validate()
    }

    public func run() async throws { fatalError("being written") }
    /// Closes all connections.
    public func close() async {}
    /// An admin for the time of `body`.
    public static func with<Value>(
        _ configuration: KafkaClientConfiguration, _ body: (KafkaAdmin) async throws -> Value
    ) async throws -> Value { fatalError("being written") }

    /// Creates topics. A topic that exists already is an error of that topic.
    /// - Returns: one result per topic name.
    public func createTopics(_ topics: [NewTopic], validateOnly: Bool = false) async throws(KafkaError)
        -> [String: Result<Void, KafkaError>] { fatalError("being written") }
    /// Creates those that do not exist; throws the first error other than "exists".
    public func ensureTopics(_ topics: [NewTopic]) async throws(KafkaError) { fatalError("being written") }
    public func deleteTopics(_ names: [String]) async throws(KafkaError) -> [String: Result<Void, KafkaError>] { fatalError("being written") }
    /// All topics, ascending by name.
    public func listTopics() async throws(KafkaError) -> [TopicDescription] { fatalError("being written") }
    public func describeTopics(_ names: [String]) async throws(KafkaError) -> [String: Result<TopicDescription, KafkaError>] { fatalError("being written") }
    /// - Parameter position: earliest, latest or a timestamp.
    public func listOffsets(_ partitions: [TopicPartition], at position: KafkaStartPosition) async throws(KafkaError)
        -> [TopicPartition: Offset] { fatalError("being written") }
    /// All committed offsets of a group, or those of the given partitions.
    public func committedOffsets(groupID: String, partitions: [TopicPartition]? = nil) async throws(KafkaError)
        -> [TopicPartition: CommittedOffset] { fatalError("being written") }
    public func listGroups() async throws(KafkaError) -> [GroupListing] { fatalError("being written") }
    public func describeGroups(_ groupIDs: [String]) async throws(KafkaError) -> [String: Result<GroupDescription, KafkaError>] { fatalError("being written") }
    public func cluster() async throws(KafkaError) -> ClusterDescription { fatalError("being written") }
}
