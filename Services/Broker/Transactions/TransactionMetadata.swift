import KafkaWire

/// What `__transaction_state` says about one transactional id.
public struct TransactionMetadata: Sendable, Hashable {
    public var producer: ProducerIdentity
    /// The id before ``producer``'s, for a producer that repeats the request that gave it the new one.
    public var previousProducerID: ProducerID = .none
    /// The id that the producer goes on with once a transaction that used up the epochs is complete.
    public var nextProducerID: ProducerID = .none
    /// The epoch that a repeated request may still name; -1 when there is none, as after fencing.
    ///
    /// The log has no field for it: after a replay it is known where the transaction ended by
    /// ``TransactionProtocol/epochPerTransaction``.
    public var lastProducerEpoch = ProducerIdentity.noEpoch
    public var timeoutMilliseconds: Int32
    public var state: TransactionState
    public var partitions: Set<TopicPartition> = []
    /// When the first partition was added, in milliseconds since 1970; -1 before that.
    public var startTimestamp: Int64 = -1
    public var lastUpdateTimestamp: Int64
    /// How the client that made the last step ends its transactions. Fencing by the coordinator is always classic:
    /// the fenced producer must not take the raised epoch for the answer to a request of its own.
    public var clientProtocol = TransactionProtocol.classic

    public init(
        producer: ProducerIdentity, timeoutMilliseconds: Int32, state: TransactionState, lastUpdateTimestamp: Int64
    ) {
        self.producer = producer
        self.timeoutMilliseconds = timeoutMilliseconds
        self.state = state
        self.lastUpdateTimestamp = lastUpdateTimestamp
    }

    /// A transactional id that nobody has used before.
    static func new(id: ProducerID, timeoutMilliseconds: Int32, now: Int64) -> TransactionMetadata {
        TransactionMetadata(
            producer: ProducerIdentity(id: id, epoch: 0), timeoutMilliseconds: timeoutMilliseconds, state: .empty,
            lastUpdateTimestamp: now)
    }

    // MARK: Steps

    /// A new instance of the producer, or the same one after an error.
    /// - Parameter lastEpoch: the epoch with which this very request may be repeated.
    func initialized(
        as producer: ProducerIdentity, lastEpoch: Int16, timeoutMilliseconds: Int32, now: Int64
    ) -> TransactionMetadata {
        var next = self
        next.previousProducerID = self.producer.id
        next.nextProducerID = .none
        next.producer = producer
        next.lastProducerEpoch = lastEpoch
        next.timeoutMilliseconds = timeoutMilliseconds
        next.state = .empty
        next.partitions = []
        next.startTimestamp = -1
        next.clientProtocol = .classic
        next.lastUpdateTimestamp = max(lastUpdateTimestamp, now)
        return next
    }

    /// More partitions in the transaction, or the first ones of a new one.
    func adding(
        _ added: Set<TopicPartition>, clientProtocol: TransactionProtocol, now: Int64
    ) -> TransactionMetadata {
        var next = self
        if state != .ongoing { next.startTimestamp = now }
        next.state = .ongoing
        next.partitions.formUnion(added)
        next.clientProtocol = clientProtocol
        next.lastUpdateTimestamp = max(lastUpdateTimestamp, now)
        return next
    }

    /// The outcome is decided by the client.
    /// - Parameter nextProducerID: what the producer goes on with where this end uses up the epochs, else none.
    func prepared(
        commit: Bool, clientProtocol: TransactionProtocol, nextProducerID: ProducerID, now: Int64
    ) -> TransactionMetadata {
        var next = self
        next.state = commit ? .prepareCommit : .prepareAbort
        next.clientProtocol = clientProtocol
        next.nextProducerID = nextProducerID
        if !state.isOpen {
            next.startTimestamp = now
            next.partitions = []
        }
        if clientProtocol >= .epochPerTransaction {
            next.lastProducerEpoch = producer.epoch
            next.producer = producer.bumped
        }
        next.lastUpdateTimestamp = max(lastUpdateTimestamp, now)
        return next
    }

    /// The coordinator aborts, and whoever has the present epoch is fenced.
    func fenced(now: Int64) -> TransactionMetadata {
        var next = self
        next.state = .prepareAbort
        next.clientProtocol = .classic
        next.nextProducerID = .none
        next.lastProducerEpoch = ProducerIdentity.noEpoch
        next.producer = producer.bumped
        next.lastUpdateTimestamp = max(lastUpdateTimestamp, now)
        return next
    }

    /// Every marker is written.
    func completed(now: Int64) -> TransactionMetadata {
        var next = self
        next.state = state == .prepareCommit ? .completeCommit : .completeAbort
        next.partitions = []
        next.previousProducerID = producer.id
        next.producer = successor
        next.nextProducerID = .none
        next.lastUpdateTimestamp = max(lastUpdateTimestamp, now)
        return next
    }

    /// What the producer goes on with once the prepared transaction is complete.
    public var successor: ProducerIdentity {
        nextProducerID == .none ? producer : ProducerIdentity(id: nextProducerID, epoch: 0)
    }

    // MARK: Repeated ends

    /// Whether an end with this identity is the one that led here, repeated because its answer was lost. Only clients
    /// whose epoch rises with every end can be told apart so.
    func isRepeatedEnd(by client: ProducerIdentity) -> Bool {
        guard clientProtocol >= .epochPerTransaction, lastProducerEpoch == client.epoch,
            state.isPrepared || state.isComplete
        else { return false }
        if client.id == producer.id { return producer.epoch == client.bumped.epoch && client.epoch < Int16.max }
        return client.id == previousProducerID && client.isExhausted && producer.epoch == 0
    }

    /// Sets what the log does not hold, as far as it follows from the rest.
    mutating func deriveLastEpoch() {
        lastProducerEpoch = ProducerIdentity.noEpoch
        guard clientProtocol >= .epochPerTransaction, state.isPrepared || state.isComplete else { return }
        if producer.epoch > 0 {
            lastProducerEpoch = producer.epoch - 1
        } else if state.isComplete {
            lastProducerEpoch = ProducerIdentity.lastEpoch
        }
    }
}

extension TransactionState {
    /// Whether the last transaction is over and its markers are written.
    var isComplete: Bool { self == .completeCommit || self == .completeAbort }

    /// Whether an id in this state may be forgotten after a while.
    var mayExpire: Bool { self == .empty || isComplete }
}
