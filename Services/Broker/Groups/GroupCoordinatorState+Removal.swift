import KafkaWire

/// Taking offsets and groups away: by request, by time, and when their topics are gone.
extension GroupCoordinatorState {
    /// Tombstones on their way to the log.
    struct Removal: Sendable {
        /// The request that asked for them, and what it is answered once they are written.
        enum Request: Sendable {
            case group(RequestTicket)
            case offsets(OffsetDeletionInput, [OffsetCommitReply.Partition])

            var ticket: RequestTicket {
                switch self {
                case .group(let ticket): ticket
                case .offsets(let input, _): input.ticket
                }
            }
        }

        var groupId: String
        var positions: [TopicPartition]
        var includesGroup = false
        var request: Request?
    }

    // MARK: Requests

    /// DeleteGroups for one group: an empty one goes with its offsets, also those that a transaction has pending.
    public mutating func deleteGroup(_ input: GroupDeletionInput, now: CoordinatorTime) -> [CoordinatorAction] {
        func answer(_ error: ErrorCode) -> [CoordinatorAction] { [.reply(input.ticket, .groupDeletion(error))] }
        if let refusal = availability(ofGroup: input.groupId) { return answer(refusal) }
        guard let entry = entries[input.groupId] else { return answer(.groupIdNotFound) }
        if let refusal = entry.refusalOfDeletion { return answer(refusal) }
        let offsets = entry.offsets
        let positions = Set(offsets.all.map(\.topicPartition)).union(offsets.pendingPartitions).sorted()
        if positions.isEmpty && !entry.hasRecord {
            // Nothing of it is in the log: ids that were handed out are all there is.
            return act(input.groupId, now: now) { $0.forgetPendingMembers() } + answer(.none)
        }
        return remove(
            Removal(
                groupId: input.groupId, positions: positions, includesGroup: entry.hasRecord,
                request: .group(input.ticket)))
    }

    /// OffsetDelete: offsets of topics that no member reads.
    public mutating func deleteOffsets(_ input: OffsetDeletionInput, now: CoordinatorTime) -> [CoordinatorAction] {
        func refused(_ error: ErrorCode) -> [CoordinatorAction] {
            [.reply(input.ticket, .offsetDeletion(OffsetDeletionReply(error)))]
        }
        if let refusal = availability(ofGroup: input.groupId) { return refused(refusal) }
        guard let entry = entries[input.groupId] else { return refused(.groupIdNotFound) }
        if let refusal = entry.refusalOfOffsetDeletion { return refused(refusal) }
        var outcome: [OffsetCommitReply.Partition] = []
        var positions: Set<TopicPartition> = []
        for partition in input.partitions {
            let position = partition.topicPartition
            let isSubscribed = entry.isSubscribed(to: position.topic)
            let refusal = partition.refusal ?? (isSubscribed ? .groupSubscribedToTopic : nil)
            outcome.append(.init(topicPartition: position, errorCode: refusal ?? .none))
            if refusal == nil, entry.offsets[position] != nil || entry.offsets.isPending(position) {
                positions.insert(position)
            }
        }
        if positions.isEmpty {
            return [.reply(input.ticket, .offsetDeletion(OffsetDeletionReply(.none, partitions: outcome)))]
        }
        return remove(
            Removal(groupId: input.groupId, positions: positions.sorted(), request: .offsets(input, outcome)))
    }

    /// The answer to the request behind a removal, if there was one.
    func answer(_ removal: Removal, _ error: ErrorCode) -> [CoordinatorAction] {
        switch removal.request {
        case nil:
            return []
        case .group(let ticket):
            return [.reply(ticket, .groupDeletion(error))]
        case .offsets(let input, let outcome):
            let partitions = error == .none ? outcome : []
            return [.reply(input.ticket, .offsetDeletion(OffsetDeletionReply(error, partitions: partitions)))]
        }
    }

    // MARK: Topics and time

    /// Topics were deleted: their offsets go, so that a new topic of the same name starts without them.
    public mutating func topicsDeleted(_ topics: Set<String>, now: CoordinatorTime) -> [CoordinatorAction] {
        var actions: [CoordinatorAction] = []
        for (groupId, entry) in entries.sorted(by: { $0.key < $1.key }) where partitions[entry.partition] == .active {
            let stored = entry.offsets.all.map(\.topicPartition)
            let gone = Set(stored + entry.offsets.pendingPartitions).filter { topics.contains($0.topic) }
            if gone.isEmpty { continue }
            actions += remove(Removal(groupId: groupId, positions: gone.sorted()))
        }
        return actions
    }

    /// Writes tombstones for offsets past their retention, and for groups of which nothing is left.
    mutating func expireOffsets(now: CoordinatorTime) -> [CoordinatorAction] {
        var actions: [CoordinatorAction] = []
        for (groupId, entry) in entries.sorted(by: { $0.key < $1.key }) where partitions[entry.partition] == .active {
            let expired = entry.offsets.expired(
                at: now.wallMilliseconds, retentionMilliseconds: configuration.offsetsRetention.wholeMilliseconds,
                from: entry.retentionStart, isSubscribed: entry.isSubscribed)
            let removesGroup =
                entry.isRemovable && entry.appends == 0 && !entry.offsets.hasOpenTransactions
                && expired.count == entry.offsets.count
            if expired.isEmpty && !removesGroup { continue }
            actions += remove(Removal(groupId: groupId, positions: expired, includesGroup: removesGroup))
        }
        return actions
    }

    // MARK: Writing

    mutating func remove(_ removal: Removal) -> [CoordinatorAction] {
        let groupId = removal.groupId
        do {
            var records: [GroupRecord] = []
            for position in removal.positions {
                records.append(try GroupRecord(.offset(groupId: groupId, position, nil)))
            }
            if removal.includesGroup {
                for tombstone in entries[groupId]?.tombstones ?? [] { records.append(try GroupRecord(tombstone)) }
                entries[groupId]?.isBeingRemoved = true
                if entries[groupId]?.consumer == nil { entries[groupId]?.machine.beginRemoval() }
            }
            for position in removal.positions { entries[groupId]?.offsets.began(position) }
            return [begin(.removal(removal), records: records)]
        } catch {
            // A key that was written once can be written again, so this does not happen.
            return answer(removal, .unknownServerError)
        }
    }
}
