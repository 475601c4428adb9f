import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Reads records of topics, alone or as a member of a group.
///
/// Run it in a `ServiceGroup` and iterate over ``batches`` in one task.
public final class KafkaConsumer: Service, Sendable {
    /// - Throws: ``KafkaError/Code/invalidConfiguration``.
    public init(
        configuration: KafkaConsumerConfiguration, hooks: KafkaRebalanceHooks = KafkaRebalanceHooks(),
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup,
        logger: Logger = Logger(label: "kafka.consumer")
    ) throws(KafkaError) {
        try configuration.validate()
    }

    /// Joins, fetches and heartbeats until the service group stops gracefully; then the sequence ends, offsets are
    /// committed (with auto commit) and the group is left.
    public func run() async throws { fatalError("being written") }

    /// The fetched batches; ends when the consumer stops, throws what ended it. For one iterator at a time.
    public var batches: ConsumerBatches { fatalError("being written") }

    /// Commits that everything before these offsets is processed. Group mode, or assigned mode with a group id.
    public func commit(_ offsets: [TopicPartition: CommittedOffset]) async throws(KafkaError) { fatalError("being written") }
    /// Commits that this batch and everything before it is processed.
    public func commit(_ batch: ConsumerBatch) async throws(KafkaError) { fatalError("being written") }
    /// Moves to another position: the next batch of this partition starts there.
    public func seek(_ partition: TopicPartition, to position: KafkaStartPosition) throws(KafkaError) { fatalError("being written") }
    /// Delivers nothing of these partitions until ``resume(_:)``; they stay assigned.
    public func pause(_ partitions: [TopicPartition]) {}
    /// Undoes ``pause(_:)``.
    public func resume(_ partitions: [TopicPartition]) {}
    /// The partitions this consumer has now, ascending.
    public var assignment: [TopicPartition] { [] }
    /// The offset of the next record to be delivered; `nil` before the position is known.
    public func position(_ partition: TopicPartition) -> Offset? { nil }
    /// The group's committed offsets; partitions without one are left out.
    public func committed(_ partitions: [TopicPartition]) async throws(KafkaError) -> [TopicPartition: CommittedOffset] { fatalError("being written") }
    /// Records between position and end per assigned partition, as of the last fetch.
    public func lag() -> [TopicPartition: Int64] { [:] }
}

/// The batches of a consumer, in order within each partition.
public struct ConsumerBatches: AsyncSequence, Sendable {
    public typealias Element = ConsumerBatch
    public typealias Failure = KafkaError
    public func makeAsyncIterator() -> Iterator { Iterator() }
    /// Asking for the next batch says that the last one is processed.
    public struct Iterator: AsyncIteratorProtocol {
        public mutating func next() async throws -> ConsumerBatch? { try await next(isolation: nil) }
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(KafkaError) -> ConsumerBatch? { nil }
    }
}
