import KafkaMessages
import KafkaRecords
import KafkaWire
import NIOCore

/// Turns one partition's bytes of a fetch response into records.
enum FetchDecoder {
    /// The most that one compressed batch may grow to.
    static let maximumDecompressedBytes = 128 * 1024 * 1024

    /// The records from `offset` on; none where the bytes hold only earlier ones, or control records.
    ///
    /// A fetch inside a batch brings the whole batch, whose earlier records are dropped here; control batches are
    /// skipped, with read_committed those of aborted transactions too, and a batch cut off at the end is left for the
    /// next fetch.
    static func decode(
        _ data: FetchResponse.PartitionData, topicPartition: TopicPartition, from offset: Offset,
        isolation: KafkaConsumerConfiguration.IsolationLevel = .readUncommitted
    ) throws(KafkaError) -> (batch: ConsumerBatch, memoryBytes: Int) {
        var batch = ConsumerBatch(
            topicPartition: topicPartition, records: [], nextOffset: offset,
            highWatermark: end(data, isolation))
        guard let payload = data.records, payload.byteCount > 0 else { return (batch, 0) }
        var memoryBytes = 0
        do {
            let bytes = try payload.contiguous()
            batch.byteCount = bytes.readableBytes
            var batches = RecordBatchSequence(bytes, trailing: .stop)
            var filter = AbortedTransactionFilter(isolation == .readCommitted ? data.abortedTransactions ?? [] : [])
            while let next = try batches.next() {
                guard next.header.nextOffset > offset else { continue }
                try next.header.verifyChecksum(of: next.bytes)
                batch.nextOffset = next.header.nextOffset
                batch.leaderEpoch = next.header.partitionLeaderEpoch
                guard try filter.admits(next) else { continue }
                memoryBytes += try append(next, from: offset, to: &batch)
            }
        } catch {
            throw KafkaError(
                .protocolViolation, "the records fetched at offset \(offset) cannot be read", cause: error,
                topicPartition: topicPartition)
        }
        return (batch, memoryBytes)
    }

    /// The end of what can be read: the last stable offset with read_committed.
    private static func end(
        _ data: FetchResponse.PartitionData, _ isolation: KafkaConsumerConfiguration.IsolationLevel
    ) -> Offset {
        switch isolation {
        case .readCommitted where data.lastStableOffset >= 0: Offset(data.lastStableOffset)
        case .readCommitted, .readUncommitted: Offset(data.highWatermark)
        }
    }

    private static func append(
        _ stored: RecordBatch, from offset: Offset, to batch: inout ConsumerBatch
    ) throws(RecordError) -> Int {
        var reader = try RecordBatchReader(stored, maximumDecompressedBytes: maximumDecompressedBytes)
        batch.records.reserveCapacity(batch.records.count + Int(stored.header.recordsCount))
        while let record = try reader.next() {
            if record.offset >= offset { batch.records.append(record) }
        }
        return reader.recordsByteCount
    }
}
