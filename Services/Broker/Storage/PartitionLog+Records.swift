import KafkaRecords
import KafkaWire

extension PartitionLog {
    /// As ``read(from:maxBytes:atLeastOneBatch:below:)`` for consumers: never only batches that compaction has emptied,
    /// as long as others follow.
    ///
    /// librdkafka takes an answer without any record for one that was cut off by its own limit, doubles the limit and
    /// in the end gives up.
    public func readRecords(
        from offset: Offset, maxBytes: Int, atLeastOneBatch: Bool = true, below upperBound: Offset
    ) throws(ReadError) -> LogRead {
        let first = try read(
            from: offset, maxBytes: maxBytes, atLeastOneBatch: atLeastOneBatch, below: upperBound)
        var found = first
        while found.hasOnlyEmptiedBatches, found.nextOffset < upperBound {
            found = try read(
                from: found.nextOffset, maxBytes: maxBytes, atLeastOneBatch: atLeastOneBatch, below: upperBound)
        }
        return found.byteCount == 0 ? first : found
    }
}

extension LogRead {
    /// Costs one header where the first batch has records. What is handed out as a file is long enough to have some.
    fileprivate var hasOnlyEmptiedBatches: Bool {
        guard byteCount > 0, payload.pieces.count == 1, case .bytes(let bytes)? = payload.pieces.first
        else { return false }
        var batches = RecordBatchSequence(bytes, trailing: .stop)
        do {
            while let batch = try batches.next() {
                if batch.header.recordsCount != 0 { return false }
            }
        } catch {
            // Damaged: the consumer has to see it.
            return false
        }
        return true
    }
}
