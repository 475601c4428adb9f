import KafkaWire
import OrderedCollections

/// Committing, fetching and expiring offsets.
extension GroupCoordinatorState {
    /// OffsetCommit: answered once the records are committed; at once if none of its partitions is acceptable.
    ///
    /// Partitions with a refusal of the driver's, or with too much metadata, fail on their own; the others go on.
    public mutating func commitOffsets(_ input: OffsetCommitInput, now: CoordinatorTime) -> [CoordinatorAction] {
        if let refusal = admit(input, now: now) { return [reply(to: input, refusal)] }
        let accepted = acceptedOffsets(input, now: now)
        let outcome = input.partitions.map { partition in
            OffsetCommitReply.Partition(partition, errorCode: refusal(of: partition) ?? .none)
        }
        let answer = OffsetCommitReply(partitions: outcome)
        defer { settle(input.groupId) }
        guard !accepted.isEmpty else { return [.reply(input.ticket, .offsetCommit(answer))] }
        do {
            var records: [GroupRecord] = []
            for (position, offset) in accepted.sorted(by: { $0.key < $1.key }) {
                records.append(try GroupRecord(.offset(groupId: input.groupId, position, offset)))
            }
            for position in accepted.keys { entries[input.groupId]?.offsets.began(position) }
            return [begin(.offsets(input, accepted, answer), records: records)]
        } catch {
            return [reply(to: input, .invalidCommitOffsetSize)]
        }
    }

    private mutating func admit(_ input: OffsetCommitInput, now: CoordinatorTime) -> ErrorCode? {
        if input.groupId.utf8.count > Int(Int16.max) { return .invalidGroupId }
        if let refusal = availability(ofGroup: input.groupId) { return refusal }
        if appends.count >= configuration.maximumPendingAppends { return .coordinatorNotAvailable }
        if entries[input.groupId] == nil {
            if input.generation >= 0 { return input.knowsGroupIdNotFound ? .groupIdNotFound : .illegalGeneration }
            guard create(input.groupId) else { return .policyViolation }
        }
        return entries[input.groupId]?.machine.admitCommit(input, now: now)
    }

    private func refusal(of partition: OffsetCommitInput.Partition) -> ErrorCode? {
        if let refusal = partition.refusal { return refusal }
        let isTooLarge = partition.metadata.utf8.count > configuration.maximumOffsetMetadataBytes
        return isTooLarge ? .offsetMetadataTooLarge : nil
    }

    /// A partition that is named twice takes the last value.
    private func acceptedOffsets(
        _ input: OffsetCommitInput, now: CoordinatorTime
    ) -> [TopicPartition: CommittedOffset] {
        var accepted: [TopicPartition: CommittedOffset] = [:]
        for partition in input.partitions where refusal(of: partition) == nil {
            accepted[partition.topicPartition] = CommittedOffset(
                offset: partition.offset, leaderEpoch: partition.leaderEpoch, metadata: partition.metadata,
                commitTimestamp: now.wallMilliseconds,
                expireTimestamp: input.retention.map { now.wallMilliseconds &+ $0.wholeMilliseconds })
        }
        return accepted
    }

    /// One error for every partition that has none of its own.
    func reply(to input: OffsetCommitInput, _ error: ErrorCode) -> CoordinatorAction {
        let partitions = input.partitions.map { partition in
            OffsetCommitReply.Partition(partition, errorCode: refusal(of: partition) ?? error)
        }
        return .reply(input.ticket, .offsetCommit(OffsetCommitReply(partitions: partitions)))
    }

    // MARK: Fetching

    /// What OffsetFetch answers for one group.
    public struct FetchedOffsets: Sendable, Hashable {
        /// One partition; `nil` where nothing is committed.
        public struct Partition: Sendable, Hashable {
            public var topicPartition: TopicPartition
            public var offset: CommittedOffset?
        }

        /// Set when the group cannot be read here.
        public var errorCode: ErrorCode
        /// In the request's order; by name when everything was asked for.
        public var partitions: [Partition]
    }

    /// OffsetFetch for one group: committed offsets only. `nil` asks for all there are.
    ///
    /// There are no transactional commits yet, so `require_stable` has nothing to wait for.
    public func fetchOffsets(groupId: String, partitions wanted: [TopicPartition]?) -> FetchedOffsets {
        if let refusal = availability(ofGroup: groupId) { return FetchedOffsets(errorCode: refusal, partitions: []) }
        let offsets = entries[groupId]?.offsets ?? OffsetsTable()
        let partitions =
            wanted?.map { FetchedOffsets.Partition(topicPartition: $0, offset: offsets[$0]) }
            ?? offsets.all.map { FetchedOffsets.Partition(topicPartition: $0.topicPartition, offset: $0.offset) }
        return FetchedOffsets(errorCode: .none, partitions: partitions)
    }

    // MARK: Retention

    /// Writes tombstones for offsets past their retention, and for groups of which nothing is left.
    mutating func expireOffsets(now: CoordinatorTime) -> [CoordinatorAction] {
        var actions: [CoordinatorAction] = []
        for (groupId, entry) in entries.sorted(by: { $0.key < $1.key }) where partitions[entry.partition] == .active {
            let expired = entry.offsets.expired(
                at: now.wallMilliseconds, retentionMilliseconds: configuration.offsetsRetention.wholeMilliseconds,
                from: entry.machine.retentionStart, subscribedTopics: entry.machine.subscribedTopics ?? [])
            let removesGroup =
                entry.machine.isRemovable && entry.appends == 0 && expired.count == entry.offsets.count
            if expired.isEmpty && !removesGroup { continue }
            actions += remove(expired, of: groupId, includingGroup: removesGroup)
        }
        return actions
    }

    private mutating func remove(
        _ positions: [TopicPartition], of groupId: String, includingGroup: Bool
    ) -> [CoordinatorAction] {
        do {
            var records: [GroupRecord] = []
            for position in positions { records.append(try GroupRecord(.offset(groupId: groupId, position, nil))) }
            if includingGroup {
                records.append(try GroupRecord(.group(groupId: groupId, nil)))
                entries[groupId]?.machine.beginRemoval()
            }
            for position in positions { entries[groupId]?.offsets.began(position) }
            let removal = PendingAppend.removal(groupId: groupId, positions, includingGroup: includingGroup)
            return [begin(removal, records: records)]
        } catch {
            return []  // A key that was written once can be written again, so this does not happen.
        }
    }
}

extension OffsetCommitReply.Partition {
    init(_ partition: OffsetCommitInput.Partition, errorCode: ErrorCode) {
        self.init(topicPartition: partition.topicPartition, topicId: partition.topicId, errorCode: errorCode)
    }
}
