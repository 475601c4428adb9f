import KafkaMessages
import KafkaRecords
import KafkaWire

/// Says which batches of a fetch a read_committed consumer delivers.
///
/// A pure rule, for one partition of one response, given its batches in order. The broker names the aborted
/// transactions by producer and first offset; each holds until its abort marker. A producer's next transaction begins
/// after that marker, so it is not mistaken for the aborted one. Source: KIP-98, "Consumer".
struct AbortedTransactionFilter {
    /// By first offset, the next one last.
    private var upcoming: [FetchResponse.AbortedTransaction]
    /// Producers inside an aborted transaction at the batch looked at.
    private var aborted: Set<ProducerID> = []

    init(_ transactions: [FetchResponse.AbortedTransaction]) {
        upcoming = transactions.sorted { $0.firstOffset > $1.firstOffset }
    }

    /// Whether the records of this batch are delivered; control batches never are.
    mutating func admits(_ batch: RecordBatch) throws(RecordError) -> Bool {
        if upcoming.isEmpty, aborted.isEmpty { return !batch.header.isControl }
        return admits(batch.header, isAbortMarker: try Self.isAbortMarker(batch))
    }

    mutating func admits(_ header: RecordBatchHeader, isAbortMarker: Bool) -> Bool {
        while let next = upcoming.last, next.firstOffset <= header.lastOffset.rawValue {
            aborted.insert(ProducerID(next.producerId))
            upcoming.removeLast()
        }
        if isAbortMarker { aborted.remove(header.producerID) }
        if header.isControl { return false }
        return !header.isTransactional || !aborted.contains(header.producerID)
    }

    private static func isAbortMarker(_ batch: RecordBatch) throws(RecordError) -> Bool {
        guard batch.header.isControl, batch.header.isTransactional else { return false }
        var reader = try RecordBatchReader(
            batch, maximumDecompressedBytes: FetchDecoder.maximumDecompressedBytes)
        guard let record = try reader.next() else { return false }
        return try ControlRecord(key: record.key) == .abort
    }
}
