import KafkaWire

/// Which partitions belong to a transaction.
extension TransactionCoordinatorState {
    /// Takes partitions into the producer's transaction and begins one where there is none. While the transaction
    /// before it is being completed the request waits, up to `add.partitions.to.txn.retry.backoff.max.ms`.
    public mutating func add(_ input: AddPartitionsInput, now: TransactionTime) -> [TransactionAction] {
        let deadline = now.uptime + configuration.addPartitionsWait
        let parkedBefore = parkedCount
        let actions = add(input, until: deadline, now: now)
        if parkedCount > parkedBefore { schedule(input.transactionalID, at: deadline) }
        return actions
    }

    mutating func add(
        _ input: AddPartitionsInput, until deadline: Duration, now: TransactionTime
    ) -> [TransactionAction] {
        func answer(_ code: ErrorCode) -> [TransactionAction] {
            [.reply(input.ticket, TransactionReply(code, producer: input.producer))]
        }
        if let refusal = refusal(of: input.transactionalID) { return answer(refusal) }
        guard let entry = entries[input.transactionalID], let metadata = entry.metadata else {
            return answer(.invalidProducerIdMapping)
        }
        if let step = entry.step, case .expire = step.purpose { return answer(.concurrentTransactions) }
        // Before the identity is looked at: the step may be about to give the producer another one.
        if entry.step != nil || metadata.state.isPrepared {
            guard deadline > now.uptime, entry.parked.count < configuration.maximumWaiting else {
                return answer(.concurrentTransactions)
            }
            if isBusy { return answer(.coordinatorNotAvailable) }
            entries[input.transactionalID]?.parked.append(ParkedAdd(input: input, deadline: deadline))
            parkedCount += 1
            return []
        }
        if let refusal = metadata.refusal(of: input.producer) { return answer(refusal) }
        if metadata.state == .ongoing, input.partitions.isSubset(of: metadata.partitions) { return answer(.none) }
        let partitions = metadata.state == .ongoing ? metadata.partitions.union(input.partitions) : input.partitions
        guard partitions.count <= configuration.maximumPartitions else { return answer(.policyViolation) }
        if isBusy { return answer(.coordinatorNotAvailable) }
        let next = metadata.adding(
            partitions, clientProtocol: input.clientProtocol, now: now.wallMilliseconds)
        return begin(.add(input.ticket), of: input.transactionalID, to: next)
    }

    /// Whether each partition belongs to the producer's ongoing transaction (KIP-890, first part): `NONE`,
    /// `TRANSACTION_ABORTABLE` where it does not, or why the producer has none.
    public func verify(
        _ transactionalID: String, producer: ProducerIdentity, partitions: some Sequence<TopicPartition>
    ) -> [TopicPartition: ErrorCode] {
        var result: [TopicPartition: ErrorCode] = [:]
        let metadata = entries[transactionalID]?.metadata
        let refusal =
            refusal(of: transactionalID)
            ?? (metadata.map { $0.verificationRefusal(of: producer) } ?? .invalidProducerIdMapping)
        for partition in partitions {
            let isAdded = metadata?.state == .ongoing && metadata?.partitions.contains(partition) == true
            result[partition] = refusal ?? (isAdded ? ErrorCode.none : .transactionAbortable)
        }
        return result
    }

    /// Decides again about requests that waited for a step of the id to be done.
    mutating func unpark(_ transactionalID: String, now: TransactionTime) -> [TransactionAction] {
        guard let parked = entries[transactionalID]?.parked, !parked.isEmpty else { return [] }
        entries[transactionalID]?.parked = []
        parkedCount -= parked.count
        return parked.flatMap { add($0.input, until: $0.deadline, now: now) }
    }
}

extension TransactionMetadata {
    /// Why a producer may not write under the id.
    func refusal(of client: ProducerIdentity) -> ErrorCode? {
        if client.id != producer.id { return .invalidProducerIdMapping }
        return client.epoch == producer.epoch ? nil : .producerFenced
    }

    fileprivate func verificationRefusal(of client: ProducerIdentity) -> ErrorCode? {
        refusal(of: client) ?? (state.isPrepared ? .concurrentTransactions : nil)
    }
}
