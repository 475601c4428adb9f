import KafkaWire
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Reads records of topics, alone or as a member of a group.
///
/// Run it in a `ServiceGroup` and iterate over ``batches`` in one task. The other methods may be called from any task.
public final class KafkaConsumer: Service, Sendable {
    let core: ConsumerCore
    let hooks: KafkaRebalanceHooks
    let coordinator: GroupCoordinatorClient?
    let stopRequest = OneShot<Bool>()
    let configuration: KafkaConsumerConfiguration

    /// - Throws: ``KafkaError/Code/invalidConfiguration``.
    public init(
        configuration: KafkaConsumerConfiguration, hooks: KafkaRebalanceHooks = KafkaRebalanceHooks(),
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup,
        logger: Logger = Logger(label: "kafka.consumer")
    ) throws(KafkaError) {
        try configuration.validate()
        self.configuration = configuration
        self.hooks = hooks
        let cluster = ClusterClient(
            configuration: configuration.client, eventLoopGroup: eventLoopGroup, logger: logger)
        core = ConsumerCore(configuration: configuration, cluster: cluster, logger: logger)
        coordinator = configuration.groupID.map { GroupCoordinatorClient(groupID: $0, cluster: cluster) }
    }

    /// The fetched batches, in order within each partition. The sequence ends when the consumer stops, and throws what
    /// ended it. For one iterator at a time; asking for the next batch says that the last one is processed.
    public var batches: ConsumerBatches { ConsumerBatches(core: core) }

    // MARK: Commits

    /// Commits that everything before these offsets is processed.
    ///
    /// During a rebalance this waits until the coordinator takes commits again, for as long as the partitions stay
    /// assigned. Afterwards it fails with `REBALANCE_IN_PROGRESS`, `ILLEGAL_GENERATION` or `UNKNOWN_MEMBER_ID`; the
    /// records will be delivered again to whoever has the partitions then. Where the partitions were taken away while
    /// it waited it fails with ``KafkaError/Code/notAssigned``.
    public func commit(_ offsets: [TopicPartition: CommittedOffset]) async throws(KafkaError) {
        // Also those that it never had may be committed.
        let mustOwn = core.withSubscription { $0.isAssigned(offsets.keys) }
        try await commit(offsets, patience: nil, mustOwn: mustOwn) { $0.isAssigned(offsets.keys) }
    }

    /// - Parameter patience: how long to retry; the request timeout when `nil`.
    func commit(
        _ offsets: [TopicPartition: CommittedOffset], patience: Duration?, mustOwn: Bool = true,
        isOwner: @Sendable @escaping (SubscriptionState) -> Bool
    ) async throws(KafkaError) {
        guard let coordinator else {
            throw KafkaError(.invalidArgument, "a consumer without a group id has nowhere to commit to")
        }
        try await coordinator.commit(offsets, patience: patience, mustOwn: mustOwn) { [core] in
            core.withSubscription { subscription in isOwner(subscription) }
        }
        core.withSubscription { $0.noteCommitted(offsets) }
        core.probe.committed()
    }

    /// Commits that this batch, one of this consumer's, and everything before it is processed.
    ///
    /// Fails as ``commit(_:)-([TopicPartition:CommittedOffset])`` does, and with ``KafkaError/Code/notAssigned`` where
    /// the partition was taken away since the batch was delivered, even if it has come back.
    public func commit(_ batch: ConsumerBatch, metadata: String = "") async throws(KafkaError) {
        try checkAssigned(batch)
        let offset = CommittedOffset(
            offset: batch.nextOffset, leaderEpoch: batch.leaderEpoch, metadata: metadata)
        try await commit([batch.topicPartition: offset], patience: nil) { $0.isAssigned(batch) }
    }

    /// Throws where the batch's partition was taken away since it was delivered.
    func checkAssigned(_ batch: ConsumerBatch) throws(KafkaError) {
        if core.withSubscription({ $0.isAssigned(batch) }) { return }
        throw .notAssigned([batch.topicPartition])
    }

    /// The group's committed offsets; partitions without one are left out.
    public func committed(
        _ partitions: [TopicPartition]
    ) async throws(KafkaError) -> [TopicPartition: CommittedOffset] {
        guard let coordinator else {
            throw KafkaError(.invalidArgument, "a consumer without a group id has no committed offsets")
        }
        return try await coordinator.committed(partitions)
    }

    /// Who this consumer is in its group now, for ``KafkaProducer/sendOffsets(_:of:)``; `nil` without a group id.
    public var groupMetadata: ConsumerGroupMetadata? {
        guard let coordinator else { return nil }
        let member = coordinator.membership
        return ConsumerGroupMetadata(
            groupID: coordinator.groupID, generation: member.generation, memberID: member.memberID,
            groupInstanceID: member.groupInstanceID)
    }

    // MARK: Positions

    /// The partitions this consumer has now, ascending.
    public var assignment: [TopicPartition] { core.withSubscription { $0.assignment } }

    /// Moves to another position: the next batch of this partition starts there. Also from `onAssigned`.
    public func seek(_ partition: TopicPartition, to position: KafkaStartPosition) throws(KafkaError) {
        if position == .committed, coordinator == nil {
            throw KafkaError(.invalidArgument, "a consumer without a group id has no committed offsets")
        }
        guard core.withSubscription({ $0.seek(partition, to: position) }) else {
            throw KafkaError(.notAssigned, "the partition is not assigned", topicPartition: partition)
        }
        core.wakeAll()
    }

    /// Delivers nothing of these partitions until ``resume(_:)``; they stay assigned.
    public func pause(_ partitions: [TopicPartition]) {
        core.withSubscription { $0.pause(partitions) }
        core.wakeFetchers()
    }

    /// Undoes ``pause(_:)``.
    public func resume(_ partitions: [TopicPartition]) {
        core.withSubscription { $0.resume(partitions) }
        core.wakeFetchers()
    }

    /// The offset of the next record to be delivered; `nil` before the position is known.
    public func position(_ partition: TopicPartition) -> Offset? {
        core.withSubscription { $0[partition]?.position }
    }

    /// Records between position and end per assigned partition, as of the last fetch.
    public func lag() -> [TopicPartition: Int64] { core.withSubscription { $0.lag } }

    /// Makes ``run()`` stop as the service group's graceful shutdown does.
    public func beginShutdown() { stopRequest.fulfil(true) }
}
