import KafkaWire

/// A transaction under way, in the hands of ``KafkaProducer/withTransaction(_:)``: writes and offsets that become
/// visible together, or never.
public struct KafkaTransaction: Sendable {
    let producer: KafkaProducer

    /// As ``KafkaProducer/send(_:)-(ProducerRecord)``; the acknowledgement says that the record is in the log, not that
    /// it is committed.
    @discardableResult
    public func send(_ record: ProducerRecord) async throws(KafkaError) -> RecordMetadata {
        try await producer.send(record)
    }

    /// As ``KafkaProducer/send(_:)-([ProducerRecord])``.
    @discardableResult
    public func send(_ records: [ProducerRecord]) async throws(KafkaError) -> [RecordMetadata] {
        try await producer.send(records)
    }

    /// Takes a record over; the commit waits for it, and fails if it is not written.
    public func enqueue(
        _ record: ProducerRecord, onDelivery: (@Sendable (Result<RecordMetadata, KafkaError>) -> Void)? = nil
    ) async throws(KafkaError) {
        try await producer.enqueue(record, onDelivery: onDelivery)
    }

    /// Commits offsets of a group with the transaction.
    public func sendOffsets(
        _ offsets: [TopicPartition: CommittedOffset], of group: ConsumerGroupMetadata
    ) async throws(KafkaError) {
        try await producer.sendOffsets(offsets, of: group)
    }

    /// Commits with the transaction that a consumer's batch, and everything before it, is processed.
    ///
    /// - Throws: ``KafkaError/Code/notAssigned`` where the partition was taken away since the batch was delivered;
    ///   whoever has it now processes it.
    public func sendOffsets(of batch: ConsumerBatch, from consumer: KafkaConsumer) async throws(KafkaError) {
        guard let group = consumer.groupMetadata else {
            throw KafkaError(.invalidArgument, "a consumer without a group id has no offsets to commit")
        }
        // After the membership was read: one that has lost the partition is there only once the partition is gone.
        try consumer.checkAssigned(batch)
        let offset = CommittedOffset(offset: batch.nextOffset, leaderEpoch: batch.leaderEpoch)
        try await producer.sendOffsets([batch.topicPartition: offset], of: group)
    }
}
