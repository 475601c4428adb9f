import HeapModule
import KafkaWire
import OrderedCollections

/// The way to the log and back: outcomes of appends, and the replay when a partition comes here.
extension GroupCoordinatorState {
    // MARK: Commit and apply

    /// The append is committed: what it says is true from now on, and whoever waited for it is answered.
    ///
    /// A token that is not known, because its partition has moved away meanwhile, is ignored.
    public mutating func committed(_ token: CommitToken, now: CoordinatorTime) -> [CoordinatorAction] {
        guard let pending = end(token) else { return [] }
        switch pending {
        case .metadata(let groupId, let id):
            return act(groupId, now: now) { $0.committed(id, now: now) }
        case .offsets(let input, let offsets, let answer):
            for (position, offset) in offsets {
                applyOffset(position, offset, of: input.groupId, producer: input.producer?.id)
            }
            settle(input.groupId)
            return [.reply(input.ticket, .offsetCommit(answer))]
        case .removal(let removal):
            for position in removal.positions { applyOffset(position, nil, of: removal.groupId) }
            if removal.includesGroup {
                applyGroup(nil, of: removal.groupId)
                forgetConsumerGroup(removal.groupId)
            }
            settle(removal.groupId)
            return answer(removal, removal.earlierError?.asGroupAppendError ?? .none)
        case .consumer(let groupId, let id, let replacesClassic):
            if replacesClassic { applyGroup(nil, of: groupId) }
            return actConsumer(groupId, now: now) { $0.committed(id, topics: $1, now: now) }
        case .conversion(let groupId):
            settle(groupId)
            return []
        }
    }

    /// The append failed, or its outcome could not be learnt in time: nothing changes here, and whoever waited gets an
    /// error that tells what to do next.
    public mutating func failed(
        _ token: CommitToken, _ error: ErrorCode, now: CoordinatorTime
    ) -> [CoordinatorAction] {
        guard let pending = end(token) else { return [] }
        switch pending {
        case .metadata(let groupId, let id):
            return act(groupId, now: now) { $0.failed(id, error, now: now) }
        case .offsets(let input, _, _):
            settle(input.groupId)
            return [reply(to: input, error.asOffsetAppendError)]
        case .removal(let removal):
            if removal.includesGroup, entries[removal.groupId]?.consumer == nil {
                entries[removal.groupId]?.machine.cancelRemoval()
            }
            note(error, of: removal, token: token)
            settle(removal.groupId)
            return answer(removal, error.asGroupAppendError)
        case .consumer(let groupId, let id, _):
            return actConsumer(groupId, now: now) { $0.failed(id, error, topics: $1, now: now) }
        case .conversion(let groupId):
            // The classic group's record will say the same once there is one.
            settle(groupId)
            return []
        }
    }

    private mutating func end(_ token: CommitToken) -> PendingAppend? {
        guard let pending = appends.removeValue(forKey: token) else { return nil }
        entries[pending.groupId]?.appends -= 1
        switch pending {
        case .metadata, .consumer, .conversion: break
        case .offsets(let input, let offsets, _):
            for position in offsets.keys {
                entries[input.groupId]?.offsets.ended(position, isTransactional: input.isTransactional)
            }
        case .removal(let removal):
            for position in removal.positions { entries[removal.groupId]?.offsets.ended(position) }
            if removal.includesGroup { entries[removal.groupId]?.isBeingRemoved = false }
        }
        return pending
    }

    private mutating func applyOffset(
        _ position: TopicPartition, _ offset: CommittedOffset?, of groupId: String, producer: ProducerID? = nil
    ) {
        if entries[groupId] == nil {
            if offset == nil { return }
            insertEmptyGroup(groupId)
        }
        if let producer, let offset {
            entries[groupId]?.offsets.applyPending(position, offset, of: producer)
            openTransactions[configuration.partition(forGroup: groupId), default: [:]][producer, default: []]
                .insert(groupId)
        } else {
            entries[groupId]?.offsets.apply(position, offset)
        }
    }

    private mutating func applyGroup(_ metadata: GroupMetadata?, of groupId: String) {
        if entries[groupId] == nil {
            if metadata == nil { return }
            insertEmptyGroup(groupId)
        }
        // Of a group with records of both protocols the later one is what it is.
        if metadata != nil { forgetConsumerGroup(groupId) }
        metadataBytes -= entries[groupId]?.machine.metadataBytes ?? 0
        defer { metadataBytes += entries[groupId]?.machine.metadataBytes ?? 0 }
        entries[groupId]?.machine =
            metadata.map { GroupStateMachine(groupId: groupId, configuration: configuration, replaying: $0) }
            ?? GroupStateMachine(groupId: groupId, configuration: configuration)
    }

    // MARK: Partitions come and go

    /// This broker becomes the coordinator of a partition; its groups answer `COORDINATOR_LOAD_IN_PROGRESS` until
    /// ``finishLoading(_:now:)``.
    public mutating func startLoading(_ partition: Int32) {
        precondition(partitions[partition] == nil, "a partition is loaded once")
        partitions[partition] = .loading
    }

    /// Replays one record of a partition that loads, in the log's order.
    ///
    /// Returns false, and changes nothing, for a kind of record that this build does not know and for a group that does
    /// not belong to a loading partition. Throws for a record that is not what its version says.
    ///
    /// - Parameter producer: whose transaction the record belongs to; its offsets are pending until the marker.
    public mutating func apply(_ record: GroupRecord, producer: ProducerID? = nil) throws(WireError) -> Bool {
        switch try record.decode() {
        case .offset(let groupId, let position, let offset):
            guard isLoading(groupId) else { return false }
            applyOffset(position, offset, of: groupId, producer: producer)
        case .group(let groupId, let metadata):
            guard isLoading(groupId) else { return false }
            applyGroup(metadata, of: groupId)
        case .consumerGroup(let groupId, let change):
            guard isLoading(groupId) else { return false }
            replay(change, of: groupId)
        case .unknown:
            return false
        }
        return true
    }

    private func isLoading(_ groupId: String) -> Bool {
        partitions[configuration.partition(forGroup: groupId)] == .loading
    }

    /// The replay has reached the end of the log: the partition's groups are open, their members' sessions start.
    ///
    /// What topics there are has to be known by now: offsets of others go.
    public mutating func finishLoading(_ partition: Int32, now: CoordinatorTime) -> [CoordinatorAction] {
        // It may have gone again while its log was read.
        guard partitions[partition] == .loading else { return [] }
        partitions[partition] = .active
        if retentionCheckDue == nil { retentionCheckDue = now.uptime + configuration.offsetsRetentionCheckInterval }
        var actions: [CoordinatorAction] = []
        for groupId in groupIds(in: partition) {
            actions += removeStaleOffsets(of: groupId)
            actions += act(groupId, now: now) { $0.start(now: now) }
            actions += actConsumer(groupId, now: now) { machine, _ in machine.start(now: now) }
        }
        return actions
    }

    /// Another broker becomes the coordinator of the partition, or this one stops: everyone who waits is answered
    /// `NOT_COORDINATOR`, its groups are forgotten, and outcomes of its appends no longer matter.
    public mutating func unload(_ partition: Int32, now: CoordinatorTime) -> [CoordinatorAction] {
        guard partitions.removeValue(forKey: partition) != nil else { return [] }
        var actions: [CoordinatorAction] = []
        for (token, pending) in appends where configuration.partition(forGroup: pending.groupId) == partition {
            appends[token] = nil
            switch pending {
            case .metadata, .consumer, .conversion: break
            case .offsets(let input, _, _): actions.append(reply(to: input, .notCoordinator))
            case .removal(let removal): actions += answer(removal, .notCoordinator)
            }
        }
        openTransactions[partition] = nil
        for groupId in groupIds(in: partition) {
            for action in entries[groupId]?.machine.unload(now: now) ?? [] {
                if case .reply(let ticket, let reply) = action { actions.append(.reply(ticket, reply)) }
            }
            for action in entries[groupId]?.consumer?.unload() ?? [] {
                if case .reply(let ticket, let reply) = action {
                    actions.append(.reply(ticket, .consumerHeartbeat(reply)))
                }
            }
            metadataBytes -= entries[groupId]?.metadataBytes ?? 0
            entries[groupId] = nil
        }
        return actions
    }

    private func groupIds(in partition: Int32) -> [String] {
        entries.filter { $0.value.partition == partition }.keys.sorted()
    }

    // MARK: Time

    /// Does everything whose time has come: sessions, barriers, retention.
    public mutating func tick(now: CoordinatorTime) -> [CoordinatorAction] {
        var actions: [CoordinatorAction] = []
        for groupId in takeDueGroups(at: now.uptime) {
            actions += actConsumer(groupId, now: now) { machine, _ in machine.tick(now: now) }
            actions += act(groupId, now: now) { $0.tick(now: now) }
        }
        if let due = retentionCheckDue, due <= now.uptime {
            retentionCheckDue = now.uptime + configuration.offsetsRetentionCheckInterval
            actions += expireOffsets(now: now)
        }
        return actions
    }

    /// Deadlines move away far more often than they come closer, so old ones are left in place and skipped here.
    private mutating func takeDueGroups(at uptime: Duration) -> [String] {
        var due: [String] = []
        while let first = deadlines.min, first.deadline <= uptime {
            deadlines.removeMin()
            guard entries[first.groupId]?.scheduled == first.deadline else { continue }
            entries[first.groupId]?.scheduled = nil
            due.append(first.groupId)
        }
        return due
    }
}
