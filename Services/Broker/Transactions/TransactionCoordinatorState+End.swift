import KafkaWire

/// EndTxn: commit or abort, and the same asked twice.
extension TransactionCoordinatorState {
    /// Decides the outcome. Answered as soon as the decision is in the log; the markers follow.
    public mutating func end(_ input: EndInput, now: TransactionTime) -> [TransactionAction] {
        do throws(ErrorCode.Refusal) {
            return try decide(input, now: now)
        } catch {
            return [.reply(input.ticket, TransactionReply(error.code))]
        }
    }

    private mutating func decide(
        _ input: EndInput, now: TransactionTime
    ) throws(ErrorCode.Refusal) -> [TransactionAction] {
        if let refusal = refusal(of: input.transactionalID) { throw .init(refusal) }
        guard let entry = entries[input.transactionalID], let metadata = entry.metadata else {
            throw .init(.invalidProducerIdMapping)
        }
        let isRepeated = input.clientProtocol >= .epochPerTransaction && metadata.isRepeatedEnd(by: input.producer)
        if input.clientProtocol >= .epochPerTransaction, metadata.state.isPrepared,
            input.producer == metadata.successor
        {
            // The end of the next transaction, which has to wait for this one's.
            throw .init(.concurrentTransactions)
        }
        if !isRepeated, let refusal = metadata.refusal(of: input.producer) { throw .init(refusal) }
        if entry.step != nil { throw .init(.concurrentTransactions) }
        switch metadata.verdict(on: input, isRepeated: isRepeated) {
        case .prepare:
            return try prepare(input, metadata, now: now)
        case .answer(.none):
            return [.reply(input.ticket, TransactionReply(.none, producer: metadata.producer))]
        case .answer(let code):
            throw .init(code)
        }
    }

    private mutating func prepare(
        _ input: EndInput, _ metadata: TransactionMetadata, now: TransactionTime
    ) throws(ErrorCode.Refusal) -> [TransactionAction] {
        if isBusy || hasNoRoomForMarkers(of: metadata) { throw .init(.coordinatorNotAvailable) }
        var nextID = ProducerID.none
        if input.clientProtocol >= .epochPerTransaction, metadata.producer.isExhausted {
            nextID = try newProducerID()
        }
        let next = metadata.prepared(
            commit: input.isCommit, clientProtocol: input.clientProtocol, nextProducerID: nextID,
            now: now.wallMilliseconds)
        return begin(.end(input.ticket), of: input.transactionalID, to: next)
    }
}

/// What is to be done about the end of a transaction.
private enum EndVerdict {
    case prepare
    case answer(ErrorCode)
}

extension TransactionMetadata {
    /// The table of states and requests. Clients that raise the epoch at every end may abort a transaction that has no
    /// partitions, since producing may have failed before the first one was added.
    fileprivate func verdict(on input: EndInput, isRepeated: Bool) -> EndVerdict {
        let raisesEpoch = input.clientProtocol >= .epochPerTransaction
        switch state {
        case .ongoing, .prepareEpochFence:
            return .prepare
        case .prepareCommit, .prepareAbort:
            guard input.isCommit == (state == .prepareCommit) else { return .answer(.invalidTxnState) }
            return .answer(.concurrentTransactions)
        case .completeCommit, .completeAbort:
            let isSame = input.isCommit == (state == .completeCommit)
            if isRepeated || !raisesEpoch { return .answer(isSame ? .none : .invalidTxnState) }
            return input.isCommit ? .answer(.invalidTxnState) : .prepare
        case .empty:
            return raisesEpoch && !input.isCommit ? .prepare : .answer(.invalidTxnState)
        case .dead:
            return .answer(.invalidTxnState)
        }
    }
}
