import KafkaWire

/// Records that were accepted together and are on their way; from ``KafkaProducer/submit(_:)``.
public struct PendingRecords: Sendable {
    /// How many records were handed over.
    public let count: Int
    let collector: DeliveryCollector

    /// Waits until every record has its result; for one task. Per batch, not per record: offsets within a batch ascend
    /// by one.
    ///
    /// - Throws: the first failure, once every record has its result; `cancelled` when the task was.
    public func acknowledgements() async throws(KafkaError) -> [RecordsAcknowledgement] {
        if count == 0 { return [] }
        guard let parts = await collector.finished.value() else {
            throw KafkaError(.cancelled, "cancelled while waiting for the acknowledgements")
        }
        var acknowledgements: [RecordsAcknowledgement] = []
        acknowledgements.reserveCapacity(parts.count)
        for part in parts {
            let acknowledged = try part.result.get()
            guard let partition = part.topicPartition else { continue }
            acknowledgements.append(
                RecordsAcknowledgement(
                    topicPartition: partition, indices: part.indices, baseOffset: acknowledged.baseOffset,
                    logAppendTime: acknowledged.logAppendTime, acceptedTime: part.acceptedTime))
        }
        return acknowledgements
    }
}

/// Where records are that follow each other in one call and in one batch of a partition.
public struct RecordsAcknowledgement: Sendable, Hashable {
    /// The partition the records were written to.
    public var topicPartition: TopicPartition
    /// Which of the records that were handed over, by their place.
    public var indices: Range<Int>
    /// The first record's offset, each next one's is one more; `nil` where the broker did not say: with acks = 0, or
    /// for a retry the broker had already forgotten.
    public var baseOffset: Offset?
    /// Milliseconds since 1970 UTC where the broker's clock counts; `nil` where the records' own timestamps do.
    public var logAppendTime: Int64?
    /// The timestamp of records that were handed over without one.
    let acceptedTime: Int64

    /// The offset of one of the records, by its place among those handed over.
    public func offset(at index: Int) -> Offset? {
        precondition(indices.contains(index), "the record is not a part of this acknowledgement")
        return baseOffset.map { $0 + Int64(index - indices.lowerBound) }
    }

    /// As of a record by itself.
    func metadata(at index: Int, of record: ProducerRecord) -> RecordMetadata {
        RecordMetadata(
            topicPartition: topicPartition, offset: offset(at: index),
            timestamp: logAppendTime ?? record.timestamp ?? acceptedTime)
    }
}
