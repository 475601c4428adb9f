import KafkaWire

/// Why the client could not do what was asked: one type for producer, consumer and admin.
///
/// ``isRetriable`` says whether doing the same again can succeed. The producer and the consumer have already retried
/// within their own deadlines when they throw, so a caller retries only what it has a longer patience for.
public struct KafkaError: Error, Sendable {
    /// What kind of thing went wrong.
    public enum Code: Hashable, Sendable {
        /// A value in a configuration is not possible; never retriable.
        case invalidConfiguration
        /// An argument of the call is not possible, such as a partition the topic does not have.
        case invalidArgument
        /// No connection, or it broke before the response came.
        case connection
        /// A connection was there, and no response came in time.
        case requestTimedOut
        /// A record was not acknowledged within the delivery timeout. It may or may not be in the log.
        case deliveryTimedOut
        /// The broker answered with this error.
        case broker(ErrorCode)
        /// The broker sent bytes that are not the protocol, or a corrupt batch.
        case protocolViolation
        /// The broker speaks no version of this API that the client speaks.
        case unsupportedByBroker
        /// The record is larger than the producer may send, or than its whole buffer.
        case recordTooLarge
        /// The producer's buffer stayed full for as long as a call may wait.
        case bufferFull
        /// The topic or its partitions did not become known in time.
        case metadataUnavailable
        /// There is no position to start at and no rule to choose one (`auto.offset.reset` = none).
        case noPosition
        /// The partition is not assigned to this consumer (any more).
        case notAssigned
        /// The producer or consumer was stopped.
        case closed
        /// The task was cancelled while it waited.
        case cancelled
        /// A rebalance hook of the application threw.
        case hookFailed
        /// The call does not fit the transaction's state, such as a record sent outside a transaction.
        case invalidTransactionState
        /// The record was not written because its transaction was aborted.
        case transactionAborted
    }

    /// What an error does to the transaction under way.
    public enum TransactionEffect: Hashable, Sendable {
        /// Nothing; or there is none.
        case none
        /// It cannot be committed any more: abort it, and begin another.
        case abortable
        /// The producer is of no more use: close it. Another one with its transactional id, if that is what happened,
        /// has ended the transaction.
        case fatal
    }

    /// What kind of thing went wrong.
    public var code: Code
    /// One sentence: what was tried, and what came back.
    public var message: String
    /// The error below this one, if any.
    public var cause: (any Error)?
    /// The partition this is about, if it is about one.
    public var topicPartition: TopicPartition?
    /// Whether the same call can succeed later.
    public var isRetriable: Bool
    /// Whether aborting the transaction helps.
    public var transactionEffect = TransactionEffect.none

    public init(
        _ code: Code, _ message: String, cause: (any Error)? = nil, topicPartition: TopicPartition? = nil,
        isRetriable: Bool? = nil
    ) {
        self.code = code
        self.message = message
        self.cause = cause
        self.topicPartition = topicPartition
        self.isRetriable = isRetriable ?? Self.isRetriable(code)
    }

    /// The broker's own error code, where the broker sent one.
    public var errorCode: ErrorCode? {
        if case .broker(let errorCode) = code { errorCode } else { nil }
    }

    private static func isRetriable(_ code: Code) -> Bool {
        switch code {
        case .connection, .requestTimedOut, .deliveryTimedOut, .metadataUnavailable, .bufferFull: true
        case .broker(let errorCode): errorCode.isRetriable
        case .invalidConfiguration, .invalidArgument, .protocolViolation, .unsupportedByBroker, .recordTooLarge,
            .noPosition, .notAssigned, .closed, .cancelled, .hookFailed, .invalidTransactionState,
            .transactionAborted:
            false
        }
    }
}

extension KafkaError: CustomStringConvertible {
    public var description: String {
        var text = "\(codeName): \(message)"
        if let topicPartition { text += " [\(topicPartition)]" }
        if let cause { text += " (\(cause))" }
        return text
    }

    private var codeName: String {
        if case .broker(let errorCode) = code { errorCode.name } else { "\(code)" }
    }
}

extension KafkaError {
    /// The broker's error, with what was tried.
    static func broker(
        _ errorCode: ErrorCode, _ message: String, _ topicPartition: TopicPartition? = nil
    ) -> KafkaError {
        KafkaError(.broker(errorCode), message, topicPartition: topicPartition)
    }

    static func configuration(_ message: String) -> KafkaError { KafkaError(.invalidConfiguration, message) }
    static var transactionAborted: KafkaError {
        KafkaError(.transactionAborted, "the transaction was aborted before the record was written")
    }
    static func closed(_ what: String) -> KafkaError { KafkaError(.closed, "the \(what) was stopped") }
}
