import KafkaWire

// What an error means: try again, abort, or the end of the producer.

extension TransactionStateMachine {
    /// What to do about a failed request.
    enum Verdict: Hashable {
        case retry
        case abortable
        /// Only an abort helps, and the coordinator has forgotten the producer: it needs a new epoch.
        case abortableWithNewEpoch
        case fatal
    }

    /// Takes a request's failure in; the driver waits before the next step where the verdict is to retry.
    mutating func failed(_ request: Request, _ error: KafkaError) -> (verdict: Verdict, outcomes: [Outcome]) {
        if let outcomes = forgivenEnd(request, error) { return (.abortable, outcomes) }
        let verdict = Self.verdict(request, error)
        switch verdict {
        case .retry: return (.retry, [])
        case .abortable: return (verdict, becomeAbortable(error, request))
        case .abortableWithNewEpoch:
            needsNewEpoch = true
            return (verdict, becomeAbortable(error, request))
        case .fatal: return (verdict, becomeFatal(error))
        }
    }

    /// An abort that finds nothing to abort has its end: no request that adds to the transaction has arrived, or the
    /// coordinator has forgotten the producer.
    private mutating func forgivenEnd(_ request: Request, _ error: KafkaError) -> [Outcome]? {
        guard request == .end(commit: false), phase == .aborting else { return nil }
        switch error.errorCode {
        case .invalidTxnState? where !isOpen:
            // An unconfirmed write of version 2 would join whatever transaction comes next under this epoch.
            needsNewEpoch = needsNewEpoch || addsImplicitly
        case .invalidProducerIdMapping?, .unknownProducerId?:
            needsNewEpoch = true
        default: return nil
        }
        if case .tell(let outcomes) = afterAbort() { return outcomes }
        return []
    }

    /// A record was not written.
    mutating func deliveryFailed(_ error: KafkaError) -> [Outcome] {
        switch phase {
        case .inTransaction, .committing: break
        case .uninitialised, .initialising, .ready, .aborting, .abortable, .fatal: return []
        }
        switch error.errorCode {
        case .producerFenced?, .transactionalIdAuthorizationFailed?, .clusterAuthorizationFailed?,
            .unsupportedVersion?:
            return becomeFatal(error)
        case .invalidProducerEpoch?, .unknownProducerId?, .outOfOrderSequenceNumber?, .invalidProducerIdMapping?:
            needsNewEpoch = true
            return becomeAbortable(error, nil)
        default: return becomeAbortable(error, nil)
        }
    }

    private mutating func becomeAbortable(_ error: KafkaError, _ request: Request?) -> [Outcome] {
        var error = error
        error.isRetriable = false
        switch phase {
        case .inTransaction, .committing: break
        case .initialising where identity == nil:
            // Nothing has begun: initTransactions may be called again.
            phase = .uninitialised
            return [.settled(.failure(error))]
        case .aborting where request?.isPartOfTransaction ?? true:
            // It was asked before the abort, which makes up for it.
            return []
        case .initialising, .aborting: return becomeFatal(error)
        case .uninitialised, .ready, .abortable, .fatal: return []
        }
        error.transactionEffect = .abortable
        let wasCommitting = phase == .committing
        phase = .abortable
        self.error = error
        waitingPartitions = []
        return dropOffsets(error) + (wasCommitting ? [.settled(.failure(error))] : [])
    }

    private mutating func becomeFatal(_ error: KafkaError) -> [Outcome] {
        var error = error
        error.isRetriable = false
        error.transactionEffect = .fatal
        let isWaitedFor: Bool =
            switch phase {
            case .initialising, .committing, .aborting: true
            case .uninitialised, .ready, .inTransaction, .abortable, .fatal: false
            }
        phase = .fatal
        self.error = error
        waitingPartitions = []
        return dropOffsets(error) + (isWaitedFor ? [.settled(.failure(error))] : [])
    }

    static func verdict(_ request: Request, _ error: KafkaError) -> Verdict {
        guard let code = error.errorCode else { return error.isRetriable ? .retry : .fatal }
        switch code {
        case .producerFenced, .invalidProducerEpoch, .transactionalIdAuthorizationFailed,
            .clusterAuthorizationFailed, .unsupportedForMessageFormat, .unsupportedVersion, .invalidTxnState,
            .invalidTransactionTimeout:
            return .fatal
        case .transactionAbortable, .groupAuthorizationFailed, .topicAuthorizationFailed, .operationNotAttempted,
            .fencedInstanceId, .unknownMemberId, .illegalGeneration, .staleMemberEpoch, .fencedMemberEpoch,
            .rebalanceInProgress:
            return .abortable
        case .unknownProducerId, .invalidProducerIdMapping:
            return .abortableWithNewEpoch
        default:
            if code.isRetriable { return .retry }
            return request.isAddition ? .abortable : .fatal
        }
    }
}

extension TransactionStateMachine.Request {
    /// Whether it adds to a transaction, so that an abort undoes it.
    fileprivate var isPartOfTransaction: Bool {
        switch self {
        case .addPartitions, .addOffsets, .commitOffsets: true
        case .initialise, .end: false
        }
    }

    /// Whether it is about partitions of the application, where an unknown error is the partition's.
    fileprivate var isAddition: Bool {
        switch self {
        case .addPartitions: true
        case .initialise, .addOffsets, .commitOffsets, .end: false
        }
    }
}
