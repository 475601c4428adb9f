import KafkaWire
import OrderedCollections

/// Committing offsets, plainly or in a transaction.
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
            for position in accepted.keys {
                entries[input.groupId]?.offsets.began(position, isTransactional: input.isTransactional)
            }
            return [begin(.offsets(input, accepted, answer), records: records, producer: input.producer)]
        } catch {
            return [reply(to: input, .invalidCommitOffsetSize)]
        }
    }

    private mutating func admit(_ input: OffsetCommitInput, now: CoordinatorTime) -> ErrorCode? {
        if input.groupId.utf8.count > Int(Int16.max) { return .invalidGroupId }
        if input.isTransactional && input.groupId.isEmpty { return .invalidGroupId }
        if let refusal = availability(ofGroup: input.groupId) { return refusal }
        if appends.count >= configuration.maximumPendingAppends { return .coordinatorNotAvailable }
        if entries[input.groupId] == nil {
            if input.generation >= 0 {
                return input.knowsGroupIdNotFound && !input.isTransactional ? .groupIdNotFound : .illegalGeneration
            }
            guard create(input.groupId) else { return .policyViolation }
        }
        if let consumer = entries[input.groupId]?.consumer { return consumer.refusal(of: input) }
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
                expireTimestamp: input.retention.map { now.wallMilliseconds &+ $0.wholeMilliseconds },
                topicID: topics.byName[partition.topicPartition.topic]?.id ?? .zero)
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
}

extension OffsetCommitReply.Partition {
    init(_ partition: OffsetCommitInput.Partition, errorCode: ErrorCode) {
        self.init(topicPartition: partition.topicPartition, topicId: partition.topicId, errorCode: errorCode)
    }
}
