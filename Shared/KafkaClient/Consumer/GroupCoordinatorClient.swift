import KafkaMessages
import KafkaTransport
import KafkaWire
import Synchronization

/// Requests to a group's coordinator: offsets for anybody, membership for members.
final class GroupCoordinatorClient: Sendable {
    /// Who commits: -1 and an empty id for a consumer that is not a member.
    struct Membership: Sendable, Hashable {
        var memberID = ""
        var generation: Int32 = -1
        var groupInstanceID: String?
        /// The group has gone on without the member, which still stands by this name: what it commits is refused, where
        /// that of nobody would be accepted.
        var isLost = false
    }

    let groupID: String
    let cluster: ClusterClient
    let locator: CoordinatorLocator
    private let current = Mutex(Membership())

    init(groupID: String, cluster: ClusterClient) {
        self.groupID = groupID
        self.cluster = cluster
        locator = CoordinatorLocator(.group, key: groupID, cluster: cluster)
    }

    var membership: Membership {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }

    /// The member is none any more, until it is given another membership.
    func loseMembership() { current.withLock { $0.isLost = true } }

    /// Where the coordinator is; asks where that is not known.
    @discardableResult
    func find() async throws(KafkaError) -> BrokerAddress { try await locator.find() }

    /// Sends to the coordinator; forgets it where it cannot be reached.
    func send<Request: KafkaRequest>(
        _ request: Request, timeout: Duration? = nil, maximumVersion: Int16 = .max,
        purpose: ConnectionPurpose = .coordinator
    ) async throws(KafkaError) -> Request.Response {
        try await locator.send(request, timeout: timeout, maximumVersion: maximumVersion, purpose: purpose)
    }

    /// Throws the code as an error, and forgets the coordinator where the code says it is another one.
    func check(
        _ errorCode: ErrorCode, _ doing: @autoclosure () -> String, _ partition: TopicPartition? = nil
    ) throws(KafkaError) {
        try locator.check(errorCode, doing(), partition)
    }

    // MARK: Offsets

    /// Commits as the current member; retries what can be retried.
    ///
    /// During a rebalance the coordinator refuses commits, or has counted on to the next generation already. A member
    /// that still has the partitions then tries again with the generation it is given.
    ///
    /// - Parameters:
    ///   - patience: how long to retry; the request timeout when `nil`.
    ///   - mustOwn: whether it fails where the member does not have all of the partitions any more.
    ///   - isOwner: whether the member still has all of the partitions.
    func commit(
        _ offsets: [TopicPartition: CommittedOffset], patience: Duration? = nil, mustOwn: Bool,
        isOwner: @Sendable () -> Bool
    ) async throws(KafkaError) {
        if offsets.isEmpty { return }
        try await cluster.retrying(for: patience) { () throws(KafkaError) in
            let member = self.membership
            // In this order: a membership that has lost the partitions is published only after they are gone.
            if mustOwn, !isOwner() { throw .notAssigned(offsets.keys.sorted()) }
            do throws(KafkaError) {
                try await self.commitOnce(offsets, member)
            } catch {
                var error = error
                if error.isAboutGeneration, member.generation >= 0, !self.membership.isLost, isOwner() {
                    error.isRetriable = true
                }
                throw error
            }
        }
    }

    private func commitOnce(
        _ offsets: [TopicPartition: CommittedOffset], _ member: Membership
    ) async throws(KafkaError) {
        typealias Topic = OffsetCommitRequest.OffsetCommitRequestTopic
        let topics = Dictionary(grouping: offsets, by: \.key.topic).map { topic, entries in
            Topic(
                name: topic,
                partitions: entries.map { entry in
                    OffsetCommitRequest.OffsetCommitRequestPartition(
                        partitionIndex: entry.key.partition, committedOffset: entry.value.offset.rawValue,
                        committedLeaderEpoch: entry.value.leaderEpoch.rawValue,
                        committedMetadata: entry.value.metadata)
                })
        }
        let request = OffsetCommitRequest(
            groupId: groupID, generationIdOrMemberEpoch: member.generation, memberId: member.memberID,
            groupInstanceId: member.groupInstanceID, topics: topics)
        let response = try await send(request, maximumVersion: 9)
        for topic in response.topics {
            for partition in topic.partitions {
                try check(
                    partition.errorCode, "committing offsets",
                    TopicPartition(topic: topic.name, partition: partition.partitionIndex))
            }
        }
    }
}

extension KafkaError {
    /// The consumer does not have the partitions any more.
    static func notAssigned(_ partitions: [TopicPartition]) -> KafkaError {
        KafkaError(.notAssigned, "\(partitions) were taken away meanwhile", topicPartition: partitions.first)
    }

    /// The coordinator has counted on to another generation or member epoch.
    fileprivate var isAboutGeneration: Bool {
        errorCode == .rebalanceInProgress || errorCode == .illegalGeneration || errorCode == .staleMemberEpoch
    }
}
