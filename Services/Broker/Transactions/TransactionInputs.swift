import KafkaWire

/// InitProducerId with a transactional id.
public struct InitializeInput: Sendable, Hashable {
    public var ticket: TransactionTicket
    public var transactionalID: String
    public var timeoutMilliseconds: Int32
    /// The identity the client has and wants to go on with after an error (KIP-360).
    public var expected: ProducerIdentity?

    public init(
        ticket: TransactionTicket, transactionalID: String, timeoutMilliseconds: Int32,
        expected: ProducerIdentity? = nil
    ) {
        self.ticket = ticket
        self.transactionalID = transactionalID
        self.timeoutMilliseconds = timeoutMilliseconds
        self.expected = expected
    }
}

/// AddPartitionsToTxn, AddOffsetsToTxn, or a request that adds the partitions it writes to.
public struct AddPartitionsInput: Sendable, Hashable {
    public var ticket: TransactionTicket
    public var transactionalID: String
    public var producer: ProducerIdentity
    public var partitions: Set<TopicPartition>
    public var clientProtocol: TransactionProtocol

    public init(
        ticket: TransactionTicket, transactionalID: String, producer: ProducerIdentity,
        partitions: Set<TopicPartition>, clientProtocol: TransactionProtocol = .classic
    ) {
        self.ticket = ticket
        self.transactionalID = transactionalID
        self.producer = producer
        self.partitions = partitions
        self.clientProtocol = clientProtocol
    }
}

/// EndTxn.
public struct EndInput: Sendable, Hashable {
    public var ticket: TransactionTicket
    public var transactionalID: String
    public var producer: ProducerIdentity
    public var isCommit: Bool
    public var clientProtocol: TransactionProtocol

    public init(
        ticket: TransactionTicket, transactionalID: String, producer: ProducerIdentity, isCommit: Bool,
        clientProtocol: TransactionProtocol = .classic
    ) {
        self.ticket = ticket
        self.transactionalID = transactionalID
        self.producer = producer
        self.isCommit = isCommit
        self.clientProtocol = clientProtocol
    }
}

/// The answer to a request: an error, or with `NONE` the identity that the producer has from now on.
public struct TransactionReply: Sendable, Hashable {
    public var errorCode: ErrorCode
    public var producer: ProducerIdentity

    public init(_ errorCode: ErrorCode, producer: ProducerIdentity = .none) {
        self.errorCode = errorCode
        self.producer = producer
    }
}

/// The markers that end a transaction, for the partitions that do not have one yet.
public struct MarkerOrder: Sendable, Hashable {
    public var transactionalID: String
    /// The identity in the marker; its epoch is above that of every record of the transaction where the end raised it.
    public var producer: ProducerIdentity
    public var isCommit: Bool
    /// The leader epoch of the `__transaction_state` partition that decided.
    public var coordinatorEpoch: Int32
    public var clientProtocol: TransactionProtocol
    /// By topic and number.
    public var partitions: [TopicPartition]
}

/// What became of one partition's marker.
public enum MarkerOutcome: Sendable, Hashable, CaseIterable {
    /// It is in the log, or there is nothing left that it could end: the partition is deleted, or a newer epoch of the
    /// producer has been there.
    case settled
    /// The partition cannot take it now.
    case retry
}

/// What the coordinator asks of its driver.
public enum TransactionAction: Sendable, Hashable {
    /// Answer a request; a ticket is answered exactly once.
    case reply(TransactionTicket, TransactionReply)
    /// Append these records as one batch to this partition of `__transaction_state`, wait until they are committed, and
    /// say so by ``TransactionCoordinatorState/committed(_:now:)`` or
    /// ``TransactionCoordinatorState/failed(_:_:now:)``. Appends to one partition happen in the order in
    /// which they were asked for; their outcomes may be reported in any order.
    case append(TransactionToken, partition: Int32, records: [TransactionRecord])
    /// Write these markers and say what became of them by
    /// ``TransactionCoordinatorState/finishedMarkers(_:outcomes:now:)``.
    case writeMarkers(MarkerOrder)
}
