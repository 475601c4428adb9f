import KafkaWire

/// InitProducerId: who may write under a transactional id.
extension TransactionCoordinatorState {
    /// Gives the producer an identity that fences all earlier ones. A transaction that an earlier instance left open is
    /// aborted first, which is answered `CONCURRENT_TRANSACTIONS`: the client asks again.
    public mutating func initialize(_ input: InitializeInput, now: TransactionTime) -> [TransactionAction] {
        do throws(ErrorCode.Refusal) {
            return try decide(input, now: now)
        } catch {
            return [.reply(input.ticket, TransactionReply(error.code))]
        }
    }

    private mutating func decide(
        _ input: InitializeInput, now: TransactionTime
    ) throws(ErrorCode.Refusal) -> [TransactionAction] {
        if let refusal = refusal(of: input.transactionalID) { throw .init(refusal) }
        guard configuration.accepts(timeoutMilliseconds: input.timeoutMilliseconds) else {
            throw .init(.invalidTransactionTimeout)
        }
        if isBusy { throw .init(.coordinatorNotAvailable) }
        guard let entry = entries[input.transactionalID] else { return try create(input, now: now) }
        guard entry.step == nil, let metadata = entry.metadata else { throw .init(.concurrentTransactions) }
        if let expected = input.expected, !metadata.knows(expected) { throw .init(.producerFenced) }
        switch metadata.state {
        case .prepareCommit, .prepareAbort, .dead:
            throw .init(.concurrentTransactions)
        case .ongoing, .prepareEpochFence:
            if hasNoRoomForMarkers(of: metadata) { throw .init(.coordinatorNotAvailable) }
            let fenced = metadata.fenced(now: now.wallMilliseconds)
            return begin(.fence(input.ticket), of: input.transactionalID, to: fenced)
        case .empty, .completeCommit, .completeAbort:
            let next = try successor(of: metadata, input, now: now)
            return begin(.initialize(input.ticket), of: input.transactionalID, to: next)
        }
    }

    private mutating func create(
        _ input: InitializeInput, now: TransactionTime
    ) throws(ErrorCode.Refusal) -> [TransactionAction] {
        guard entries.count < configuration.maximumIDs else { throw .init(.policyViolation) }
        let metadata = TransactionMetadata.new(
            id: try newProducerID(), timeoutMilliseconds: input.timeoutMilliseconds, now: now.wallMilliseconds)
        return begin(.initialize(input.ticket), of: input.transactionalID, to: metadata)
    }

    /// The next epoch, a new id where the epochs are used up, or the present identity again where the request is one
    /// whose answer was lost.
    private mutating func successor(
        of metadata: TransactionMetadata, _ input: InitializeInput, now: TransactionTime
    ) throws(ErrorCode.Refusal) -> TransactionMetadata {
        let present = metadata.producer
        var next = present.bumped
        var lastEpoch = ProducerIdentity.noEpoch
        if let expected = input.expected, expected.epoch != present.epoch || expected.id != present.id {
            guard expected.epoch == metadata.lastProducerEpoch else { throw .init(.producerFenced) }
            next = present
            lastEpoch = metadata.lastProducerEpoch
        } else {
            if input.expected != nil { lastEpoch = present.epoch }
            if present.isExhausted { next = ProducerIdentity(id: try newProducerID(), epoch: 0) }
        }
        return metadata.initialized(
            as: next, lastEpoch: lastEpoch, timeoutMilliseconds: input.timeoutMilliseconds,
            now: now.wallMilliseconds)
    }

    /// A producer id from those that were offered.
    mutating func newProducerID() throws(ErrorCode.Refusal) -> ProducerID {
        guard let id = takeProducerID() else { throw .init(.coordinatorNotAvailable) }
        return id
    }
}

extension TransactionMetadata {
    /// Whether a client that names this identity can be the present producer: it has its id, or the id before it, whose
    /// epochs are used up and whose replacement it may never have heard of.
    fileprivate func knows(_ expected: ProducerIdentity) -> Bool {
        expected.id == producer.id || expected.id == previousProducerID && expected.isExhausted
    }
}

extension ErrorCode {
    /// An error code on its way out of a decision.
    struct Refusal: Error {
        let code: ErrorCode
        init(_ code: ErrorCode) { self.code = code }
    }
}
