import KafkaWire

/// Asks the transaction coordinator whether partitions are part of a producer's open transaction (KIP-890).
protocol TransactionAdmission: Sendable {
    /// - Parameters:
    ///   - partitions: what the producer is about to write to.
    ///   - adding: adds partitions that are not part of the transaction yet, instead of refusing them.
    /// - Returns: an error for each partition that may not be written; none for the others.
    func admit(
        transactionalID: String, producerID: ProducerID, producerEpoch: Int16, partitions: [TopicPartition],
        adding: Bool
    ) async -> [TopicPartition: ErrorCode]
}
