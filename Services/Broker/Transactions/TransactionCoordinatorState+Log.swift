import KafkaWire

/// The way to the log and back: outcomes of appends, and the replay when a partition comes here.
extension TransactionCoordinatorState {
    // MARK: Commit and apply

    /// The append is committed: what it says is true from now on, and whoever waited for it is answered.
    ///
    /// A token that is not known, because its partition has moved away meanwhile, is ignored.
    public mutating func committed(_ token: TransactionToken, now: TransactionTime) -> [TransactionAction] {
        var actions: [TransactionAction] = []
        for id in appends.removeValue(forKey: token) ?? [] {
            guard let step = endStep(token, of: id) else { continue }
            apply(step.next, to: id)
            actions += conclude(step, of: id, now: now)
            actions += unpark(id, now: now)
        }
        return actions
    }

    private mutating func conclude(_ step: Step, of id: String, now: TransactionTime) -> [TransactionAction] {
        let metadata = step.next
        switch step.purpose {
        case .initialize(let ticket), .add(let ticket):
            return [.reply(ticket, TransactionReply(.none, producer: metadata?.producer ?? .none))]
        case .end(let ticket):
            // Answered before the markers are written: the outcome can no longer change.
            let reply = TransactionReply(.none, producer: metadata?.successor ?? .none)
            return [.reply(ticket, reply)] + startMarkers(of: id, now: now)
        case .fence(let ticket):
            let replies = ticket.map { [TransactionAction.reply($0, TransactionReply(.concurrentTransactions))] }
            return (replies ?? []) + startMarkers(of: id, now: now)
        case .complete, .expire:
            return []
        }
    }

    /// The append failed and is not in the log: nothing changes here, and whoever waited gets an error that tells what
    /// to do next.
    public mutating func failed(
        _ token: TransactionToken, _ error: ErrorCode, now: TransactionTime
    ) -> [TransactionAction] {
        var actions: [TransactionAction] = []
        for id in appends.removeValue(forKey: token) ?? [] {
            guard let step = endStep(token, of: id) else { continue }
            if let ticket = step.purpose.ticket {
                actions.append(.reply(ticket, TransactionReply(error.asTransactionAppendError)))
            }
            if case .complete = step.purpose { retryLater(id, now: now) }
            actions += unpark(id, now: now)
            if entries[id]?.metadata == nil, entries[id]?.step == nil { entries[id] = nil }
        }
        return actions
    }

    private mutating func endStep(_ token: TransactionToken, of id: String) -> Step? {
        guard let step = entries[id]?.step, step.token == token else { return nil }
        entries[id]?.step = nil
        return step
    }

    /// Makes what a record says true.
    private mutating func apply(_ metadata: TransactionMetadata?, to id: String) {
        guard let metadata else {
            entries[id] = nil
            open.remove(id)
            return
        }
        entries[id, default: Entry()].metadata = metadata
        if metadata.state.isOpen { open.insert(id) } else { open.remove(id) }
    }

    // MARK: Partitions come and go

    /// This broker becomes the coordinator of a partition; its ids answer `COORDINATOR_LOAD_IN_PROGRESS` until
    /// ``finishLoading(_:now:)``.
    /// - Parameter coordinatorEpoch: the partition's leader epoch.
    public mutating func startLoading(_ partition: Int32, coordinatorEpoch: Int32) {
        precondition(partitions[partition] == nil, "a partition is loaded once")
        partitions[partition] = PartitionState(coordinatorEpoch: coordinatorEpoch)
    }

    /// Replays one record of a partition that loads, in the log's order.
    ///
    /// Returns false, and changes nothing, for a kind of record that this build does not know and for an id that does
    /// not belong to a loading partition. Throws for a record that is not what its version says.
    public mutating func apply(_ record: TransactionRecord) throws(WireError) -> Bool {
        switch try record.decode() {
        case .transaction(let id, let metadata):
            guard partitions[configuration.partition(for: id)]?.isLoading == true else { return false }
            apply(metadata?.state == .dead ? nil : metadata, to: id)
            return true
        case .unknown:
            return false
        }
    }

    /// The replay has reached the end of the log: the partition's ids are open, and transactions whose outcome was
    /// decided are completed.
    public mutating func finishLoading(_ partition: Int32, now: TransactionTime) -> [TransactionAction] {
        precondition(partitions[partition]?.isLoading == true, "only a loading partition finishes loading")
        partitions[partition]?.isLoading = false
        if timeoutCheckDue == nil { timeoutCheckDue = now.uptime + configuration.timeoutCheckInterval }
        if expirationCheckDue == nil { expirationCheckDue = now.uptime + configuration.expirationCheckInterval }
        let prepared = ids(in: partition).filter { entries[$0]?.metadata?.state.isPrepared == true }
        return prepared.flatMap { startMarkers(of: $0, now: now) }
    }

    /// Another broker becomes the coordinator of the partition, or this one stops: everyone who waits is answered
    /// `NOT_COORDINATOR`, its ids are forgotten, and outcomes of its appends and markers no longer matter.
    public mutating func unload(_ partition: Int32) -> [TransactionAction] {
        guard partitions.removeValue(forKey: partition) != nil else { return [] }
        var actions: [TransactionAction] = []
        for id in ids(in: partition) {
            guard let entry = entries.removeValue(forKey: id) else { continue }
            open.remove(id)
            pendingMarkerCount -= entry.missingMarkers.count
            parkedCount -= entry.parked.count
            if let step = entry.step { appends[step.token] = nil }
            let tickets = entry.parked.map(\.input.ticket) + [entry.step?.purpose.ticket].compactMap(\.self)
            actions += tickets.map { .reply($0, TransactionReply(.notCoordinator)) }
        }
        return actions
    }

    private func ids(in partition: Int32) -> [String] {
        entries.keys.filter { configuration.partition(for: $0) == partition }.sorted()
    }
}

extension ErrorCode {
    /// What a client of the coordinator is told about an append to `__transaction_state` that failed. Source:
    /// Kafka's coordinator; the client looks the coordinator up again and repeats its request.
    fileprivate var asTransactionAppendError: ErrorCode {
        switch self {
        case .unknownTopicOrPartition, .notEnoughReplicas, .notEnoughReplicasAfterAppend, .requestTimedOut:
            .coordinatorNotAvailable
        case .notLeaderOrFollower, .kafkaStorageError:
            .notCoordinator
        case .notCoordinator, .coordinatorNotAvailable:
            self
        default:
            .unknownServerError
        }
    }
}
