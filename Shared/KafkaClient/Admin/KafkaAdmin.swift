import KafkaMessages
import KafkaWire
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Manages topics, and looks at offsets, groups and the cluster.
///
/// Works without running; ``run()`` only closes the connections when the service group stops. Every call retries what
/// can be retried within the configuration's request timeout.
public final class KafkaAdmin: Service, Sendable {
    let cluster: ClusterClient
    let configuration: KafkaClientConfiguration

    /// - Throws: ``KafkaError/Code/invalidConfiguration``.
    public init(
        configuration: KafkaClientConfiguration,
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup,
        logger: Logger = Logger(label: "kafka.admin")
    ) throws(KafkaError) {
        try configuration.validate()
        self.configuration = configuration
        cluster = ClusterClient(configuration: configuration, eventLoopGroup: eventLoopGroup, logger: logger)
    }

    /// Waits for the service group to stop, then closes the connections.
    public func run() async throws {
        do {
            try await gracefulShutdown()
        } catch is CancellationError {
            cluster.logger.debug("The admin client was cancelled")
        }
        await close()
    }

    /// Closes all connections; later calls throw.
    public func close() async { await cluster.close() }

    /// An admin for the time of `body`.
    public static func with<Value>(
        _ configuration: KafkaClientConfiguration, logger: Logger = Logger(label: "kafka.admin"),
        _ body: (KafkaAdmin) async throws -> Value
    ) async throws -> Value {
        let admin = try KafkaAdmin(configuration: configuration, logger: logger)
        do {
            let value = try await body(admin)
            await admin.close()
            return value
        } catch {
            await admin.close()
            throw error
        }
    }

    // MARK: Topics

    /// Creates topics. A topic that exists already is an error of that topic.
    ///
    /// - Returns: one result per topic name.
    public func createTopics(
        _ topics: [NewTopic], validateOnly: Bool = false
    ) async throws(KafkaError) -> [String: Result<Void, KafkaError>] {
        let request = CreateTopicsRequest(
            topics: topics.map { topic in
                CreateTopicsRequest.CreatableTopic(
                    name: topic.name, numPartitions: topic.partitions, replicationFactor: topic.replicationFactor,
                    configs: topic.configuration.sorted { $0.key < $1.key }.map {
                        CreateTopicsRequest.CreatableTopicConfig(name: $0.key, value: $0.value)
                    })
            }, timeoutMs: timeoutMilliseconds, validateOnly: validateOnly)
        let response = try await cluster.retrying { () throws(KafkaError) in try await self.sendToController(request) }
        var results: [String: Result<Void, KafkaError>] = [:]
        for topic in response.topics {
            results[topic.name] = Self.result(topic.errorCode, topic.errorMessage ?? "creating topic '\(topic.name)'")
        }
        return results
    }

    /// Creates those of the topics that do not exist; throws the first error other than `TOPIC_ALREADY_EXISTS`.
    public func ensureTopics(_ topics: [NewTopic]) async throws(KafkaError) {
        for (_, result) in try await createTopics(topics) {
            if case .failure(let error) = result, error.errorCode != .topicAlreadyExists { throw error }
        }
    }

    /// Deletes topics with everything in them.
    public func deleteTopics(_ names: [String]) async throws(KafkaError) -> [String: Result<Void, KafkaError>] {
        let request = DeleteTopicsRequest(topicNames: names, timeoutMs: timeoutMilliseconds)
        // Version 5 is the last that takes names alone.
        let response = try await cluster.retrying { () throws(KafkaError) in
            try await self.sendToController(request, maximumVersion: 5)
        }
        var results: [String: Result<Void, KafkaError>] = [:]
        for topic in response.responses {
            guard let name = topic.name else { continue }
            results[name] = Self.result(topic.errorCode, topic.errorMessage ?? "deleting topic '\(name)'")
        }
        return results
    }

    /// All topics, ascending by name.
    public func listTopics() async throws(KafkaError) -> [TopicDescription] {
        let picture = try await metadata(of: nil)
        return picture.topics.map { Self.describe($0.key, $0.value) }.sorted { $0.name < $1.name }
    }

    /// The topics with their partitions; one result per name.
    public func describeTopics(
        _ names: [String]
    ) async throws(KafkaError) -> [String: Result<TopicDescription, KafkaError>] {
        let picture = try await metadata(of: names)
        var results: [String: Result<TopicDescription, KafkaError>] = [:]
        for name in names {
            guard let topic = picture.topics[name] else {
                results[name] = .failure(.broker(.unknownTopicOrPartition, "describing topic '\(name)'"))
                continue
            }
            results[name] = Self.result(topic.errorCode, "describing topic '\(name)'").map {
                Self.describe(name, topic)
            }
        }
        return results
    }

    /// The cluster's brokers.
    public func cluster() async throws(KafkaError) -> ClusterDescription {
        let picture = try await metadata(of: [])
        return ClusterDescription(
            clusterID: picture.clusterID, controller: picture.controller,
            brokers: picture.brokers.values.sorted { $0.id < $1.id })
    }

    // MARK: Shared parts

    var timeoutMilliseconds: Int32 { Int32(clamping: configuration.requestTimeout.milliseconds) }

    static func result(_ errorCode: ErrorCode, _ message: String) -> Result<Void, KafkaError> {
        errorCode == .none ? .success(()) : .failure(.broker(errorCode, message))
    }

    private static func describe(_ name: String, _ topic: ClusterMetadata.Topic) -> TopicDescription {
        TopicDescription(name: name, topicID: topic.id, isInternal: topic.isInternal, partitions: topic.partitions)
    }

    /// A fresh picture with these topics, or with all.
    func metadata(of topics: [String]?) async throws(KafkaError) -> ClusterMetadata {
        let request = MetadataRequest(
            topics: topics.map { $0.map { MetadataRequest.MetadataRequestTopic(name: $0) } },
            allowAutoTopicCreation: false)
        let response = try await cluster.retrying { () throws(KafkaError) in
            try await self.cluster.sendToAny(request)
        }
        await cluster.merge(response)
        var picture = ClusterMetadata()
        picture.merge(response)
        return picture
    }

    /// To the controller where one is known; whoever gets it otherwise answers `NOT_CONTROLLER`, which is retried.
    func sendToController<Request: KafkaRequest>(
        _ request: Request, maximumVersion: Int16 = .max
    ) async throws(KafkaError) -> Request.Response {
        let picture = try await metadata(of: [])
        guard let controller = picture.controller, picture.brokers[controller] != nil else {
            return try await cluster.sendToAny(request, maximumVersion: maximumVersion)
        }
        return try await cluster.send(request, to: controller, maximumVersion: maximumVersion)
    }
}
