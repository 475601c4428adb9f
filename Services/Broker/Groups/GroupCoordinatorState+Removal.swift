import KafkaWire
import OrderedCollections

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
        /// Further appends of the same removal, which were asked for right behind this one.
        var following: UInt64 = 0
        /// What happened to an append before this one.
        var earlierError: ErrorCode?
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

    /// Removes a group's offsets of topics that were deleted while nobody wrote it down: the broker went down between
    /// the topic's end and its offsets' tombstones.
    mutating func removeStaleOffsets(of groupId: String) -> [CoordinatorAction] {
        let stale = entries[groupId]?.offsets.positions(where: topics.isStale) ?? []
        return stale.isEmpty ? [] : remove(Removal(groupId: groupId, positions: stale))
    }

    /// Writes tombstones for offsets past their retention, for those of deleted topics whose tombstones failed before,
    /// and for groups of which nothing is left.
    mutating func expireOffsets(now: CoordinatorTime) -> [CoordinatorAction] {
        var actions: [CoordinatorAction] = []
        for (groupId, entry) in entries.sorted(by: { $0.key < $1.key }) where partitions[entry.partition] == .active {
            let expired = entry.offsets.expired(
                at: now.wallMilliseconds, retentionMilliseconds: configuration.offsetsRetention.wholeMilliseconds,
                from: entry.retentionStart, isSubscribed: entry.isSubscribed, isOfDeletedTopic: topics.isStale)
            let removesGroup =
                entry.isRemovable && entry.appends == 0 && !entry.offsets.hasOpenTransactions
                && expired.count == entry.offsets.count
            if expired.isEmpty && !removesGroup { continue }
            actions += remove(Removal(groupId: groupId, positions: expired, includesGroup: removesGroup))
        }
        return actions
    }

    // MARK: Writing

    /// Asks for a removal's tombstones in as many appends as ``maximumAppendBytes`` makes necessary, one right behind
    /// the other, so that a commit that comes later stays later in the log.
    ///
    /// The group's own tombstones are in the last one: what a crash or an error leaves behind is a group with fewer
    /// offsets, never offsets without their group's record. The last one answers the request.
    mutating func remove(_ removal: Removal) -> [CoordinatorAction] {
        let groupId = removal.groupId
        do {
            let parts = try parts(of: removal)
            if removal.includesGroup {
                entries[groupId]?.isBeingRemoved = true
                if entries[groupId]?.consumer == nil { entries[groupId]?.machine.beginRemoval() }
            }
            for position in removal.positions { entries[groupId]?.offsets.began(position) }
            return parts.map { begin(.removal($0.removal), records: $0.records) }
        } catch {
            // A key that was written once can be written again, so this does not happen.
            return answer(removal, .unknownServerError)
        }
    }

    private func parts(of removal: Removal) throws(WireError) -> [(removal: Removal, records: [GroupRecord])] {
        var parts: [(removal: Removal, records: [GroupRecord])] = []
        var part = Removal(groupId: removal.groupId, positions: [])
        var records: [GroupRecord] = []
        var bytes = GroupRecord.batchOverheadBytes
        func makeRoom(for more: Int) {
            if !records.isEmpty, bytes + more > maximumAppendBytes {
                parts.append((part, records))
                part.positions = []
                records = []
                bytes = GroupRecord.batchOverheadBytes
            }
            bytes += more
        }
        for position in removal.positions {
            let record = try GroupRecord(.offset(groupId: removal.groupId, position, nil))
            makeRoom(for: record.maximumBytes)
            part.positions.append(position)
            records.append(record)
        }
        if removal.includesGroup {
            // These few stay together: they are one change.
            let tombstones = try (entries[removal.groupId]?.tombstones ?? []).map {
                content throws(WireError) in try GroupRecord(content)
            }
            makeRoom(for: tombstones.reduce(0) { $0 + $1.maximumBytes })
            records += tombstones
        }
        part.includesGroup = removal.includesGroup
        part.request = removal.request
        parts.append((part, records))
        for index in parts.indices { parts[index].removal.following = UInt64(parts.count - 1 - index) }
        return parts
    }

    /// One of several appends failed: the last one, which answers, has to know.
    mutating func note(_ error: ErrorCode, of removal: Removal, token: CommitToken) {
        let last = CommitToken(rawValue: token.rawValue + removal.following)
        guard case .removal(var final) = appends[last] else { return }
        final.earlierError = final.earlierError ?? error
        appends[last] = .removal(final)
    }
}
