import HeapModule
import KafkaWire

/// The end of a decided transaction: a marker in every partition, then the record that says so.
extension TransactionCoordinatorState {
    /// Orders all markers of a prepared transaction.
    mutating func startMarkers(of id: String, now: TransactionTime) -> [TransactionAction] {
        guard let metadata = entries[id]?.metadata else { return [] }
        entries[id]?.missingMarkers = metadata.partitions
        pendingMarkerCount += metadata.partitions.count
        return continueCompletion(of: id, now: now)
    }

    /// Orders the markers that are missing, or writes the completion where none is.
    private mutating func continueCompletion(of id: String, now: TransactionTime) -> [TransactionAction] {
        guard let entry = entries[id], entry.step == nil, let metadata = entry.metadata, metadata.state.isPrepared
        else { return [] }
        entries[id]?.retryDue = nil
        if entry.missingMarkers.isEmpty {
            return begin(.complete, of: id, to: metadata.completed(now: now.wallMilliseconds))
        }
        let partition = configuration.partition(for: id)
        let order = MarkerOrder(
            transactionalID: id, producer: metadata.producer, isCommit: metadata.state == .prepareCommit,
            coordinatorEpoch: partitions[partition]?.coordinatorEpoch ?? 0, clientProtocol: metadata.clientProtocol,
            partitions: entry.missingMarkers.sorted())
        return [.writeMarkers(order)]
    }

    /// Takes note of what became of an order's markers; those that could not be written are ordered again after
    /// `signalbox.transaction.marker.retry.backoff.ms`. The transaction is complete when none is missing.
    ///
    /// An order that is not the present one, because its partition has moved away meanwhile, is ignored.
    public mutating func finishedMarkers(
        _ order: MarkerOrder, outcomes: [TopicPartition: MarkerOutcome], now: TransactionTime
    ) -> [TransactionAction] {
        let id = order.transactionalID
        guard let metadata = entries[id]?.metadata, metadata.state.isPrepared, metadata.producer == order.producer
        else { return [] }
        for (partition, outcome) in outcomes where outcome == .settled {
            if entries[id]?.missingMarkers.remove(partition) != nil { pendingMarkerCount -= 1 }
        }
        if entries[id]?.missingMarkers.isEmpty == true { return continueCompletion(of: id, now: now) }
        retryLater(id, now: now)
        return []
    }

    mutating func retryLater(_ id: String, now: TransactionTime) {
        let due = now.uptime + configuration.markerRetryBackoff
        entries[id]?.retryDue = due
        schedule(id, at: due)
    }

    // MARK: Time

    /// Does everything whose time has come: waiting requests, repeated markers, timeouts, forgotten ids.
    public mutating func tick(now: TransactionTime) -> [TransactionAction] {
        var actions: [TransactionAction] = []
        while let next = deadlines.min, next.at <= now.uptime {
            deadlines.removeMin()
            let id = next.transactionalID
            if let due = entries[id]?.retryDue, due <= now.uptime { actions += continueCompletion(of: id, now: now) }
            if entries[id]?.parked.contains(where: { $0.deadline <= now.uptime }) == true {
                actions += unpark(id, now: now)
            }
        }
        if let due = timeoutCheckDue, due <= now.uptime {
            timeoutCheckDue = now.uptime + configuration.timeoutCheckInterval
            actions += abortTimedOut(now: now)
        }
        if let due = expirationCheckDue, due <= now.uptime {
            expirationCheckDue = now.uptime + configuration.expirationCheckInterval
            actions += forgetExpired(now: now)
        }
        return actions
    }

    /// Aborts transactions that have been open for longer than their producer allowed, and fences the producer.
    private mutating func abortTimedOut(now: TransactionTime) -> [TransactionAction] {
        var actions: [TransactionAction] = []
        for id in open.sorted() where isActive(id) {
            guard let entry = entries[id], entry.step == nil, let metadata = entry.metadata,
                metadata.startTimestamp + Int64(metadata.timeoutMilliseconds) < now.wallMilliseconds
            else { continue }
            if isBusy || hasNoRoomForMarkers(of: metadata) { break }
            actions += begin(.fence(nil), of: id, to: metadata.fenced(now: now.wallMilliseconds))
        }
        return actions
    }

    /// Ids of one tombstone batch.
    private static let expirationBatch = 500

    /// Forgets ids that had no transaction for `transactional.id.expiration.ms`.
    private mutating func forgetExpired(now: TransactionTime) -> [TransactionAction] {
        let limit = now.wallMilliseconds - configuration.idExpirationMilliseconds
        let expired = entries.filter { id, entry in
            guard entry.step == nil, let metadata = entry.metadata else { return false }
            return metadata.state.mayExpire && metadata.lastUpdateTimestamp <= limit && isActive(id)
        }
        let batches = Dictionary(grouping: expired.keys.sorted()) { configuration.partition(for: $0) }
        var actions: [TransactionAction] = []
        for (partition, ids) in batches.sorted(by: { $0.key < $1.key }) {
            var rest = ids[...]
            while !rest.isEmpty, !isBusy {
                actions += forget(Array(rest.prefix(Self.expirationBatch)), in: partition)
                rest = rest.dropFirst(Self.expirationBatch)
            }
        }
        return actions
    }

    private mutating func forget(_ ids: [String], in partition: Int32) -> [TransactionAction] {
        var records: [TransactionRecord] = []
        do {
            for id in ids { records.append(try TransactionRecord(transactionalID: id, nil)) }
        } catch {
            return []  // A key that was written once can be written again, so this does not happen.
        }
        let token = makeToken(for: ids)
        for id in ids { entries[id]?.step = Step(token: token, next: nil, purpose: .expire) }
        return [.append(token, partition: partition, records: records)]
    }

    private func isActive(_ id: String) -> Bool {
        partitions[configuration.partition(for: id)]?.isLoading == false
    }
}
