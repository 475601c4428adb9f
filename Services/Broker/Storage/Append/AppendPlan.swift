import KafkaRecords
import KafkaWire
import NIOCore

/// What an append will write, decided before anything is.
struct AppendPlan {
    /// Batches as they came, in order; their base offsets are still those that the producer sent.
    private(set) var batches: [RecordBatch] = []
    /// The ends of transactions among the batches, by the batch's number.
    var markers: [Int: TransactionMarker] = [:]
    private(set) var byteCount = 0
    /// Offsets that the batches take.
    private(set) var offsetCount: Int64 = 0
    /// The largest of the batches' timestamps; -1 where they have none.
    private(set) var largestTimestamp: Int64 = -1
    /// Set where every batch is in the log already.
    var duplicate: (first: Offset, last: Offset)?

    mutating func add(_ batch: RecordBatch) {
        batches.append(batch)
        byteCount += batch.header.totalBytes
        offsetCount += Int64(batch.header.lastOffsetDelta) + 1
        largestTimestamp = max(largestTimestamp, batch.header.maxTimestamp)
    }
}

/// The rules of an append, apart from files: which batches may enter a log.
struct AppendRules {
    var configuration: LogConfiguration
    var origin: AppendOrigin

    /// Checks everything and changes nothing. The cost is that of the batches' checksums, but where ``RecordRules``
    /// look at records or the topic wants another codec than the batch's.
    ///
    /// - Parameter now: the broker's time.
    func plan(_ frame: ByteBuffer, producers: ProducerStateTable, now: Int64) throws(AppendError) -> AppendPlan {
        let records = RecordRules(configuration, origin: origin, now: now)
        var plan = AppendPlan()
        var sequence = RecordBatchSequence(frame, trailing: .error)
        while let batch = try next(&sequence) {
            try check(batch)
            try records.check(batch)
            if let marker = try marker(batch) { plan.markers[plan.batches.count] = marker }
            plan.add(try stored(batch))
        }
        guard !plan.batches.isEmpty else { throw .empty }
        guard plan.byteCount <= configuration.segmentBytes else {
            throw .appendTooLarge(byteCount: plan.byteCount, limit: configuration.segmentBytes)
        }
        try checkProducers(&plan, producers)
        return plan
    }

    private func next(_ sequence: inout RecordBatchSequence) throws(AppendError) -> RecordBatch? {
        do { return try sequence.next() } catch { throw .invalidBatch(error) }
    }

    private func check(_ batch: RecordBatch) throws(AppendError) {
        try checkSize(batch)
        do {
            switch origin {
            case .client: _ = try RecordBatchHeader.validate(batch: batch.bytes)
            case .coordinator: try checkInternal(batch)
            }
        } catch {
            throw .invalidBatch(error)
        }
    }

    private func checkSize(_ batch: RecordBatch) throws(AppendError) {
        // A marker is the broker's own and must get in, however small a topic's records have to be.
        guard batch.header.totalBytes <= configuration.maxMessageBytes || batch.header.isControl else {
            throw .batchTooLarge(byteCount: batch.header.totalBytes, limit: configuration.maxMessageBytes)
        }
    }

    /// The batch with the codec that the topic wants (`compression.type`).
    private func stored(_ batch: RecordBatch) throws(AppendError) -> RecordBatch {
        guard case .codec(let codec) = configuration.compression, batch.header.compression != codec,
            !batch.header.isControl
        else { return batch }
        let recompressed: RecordBatch
        do {
            recompressed = try batch.recompressed(
                with: codec, level: configuration.level(of: codec),
                maximumDecompressedBytes: configuration.maximumDecompressedBytes)
        } catch {
            throw .invalidBatch(error)
        }
        try checkSize(recompressed)
        return recompressed
    }

    /// The end of a transaction that a control batch is; clients may send none, as ``check(_:)`` has found by now.
    private func marker(_ batch: RecordBatch) throws(AppendError) -> TransactionMarker? {
        if !batch.header.isControl { return nil }
        do { return try TransactionMarker(batch) } catch { throw .invalidBatch(error) }
    }

    private func checkInternal(_ batch: RecordBatch) throws(RecordError) {
        try batch.header.verifyChecksum(of: batch.bytes)
        let offsets = Int(batch.header.lastOffsetDelta) + 1
        guard batch.header.recordsCount >= 1, Int(batch.header.recordsCount) == offsets else {
            throw .invalidRecordCount(records: Int(batch.header.recordsCount), offsets: offsets)
        }
    }
}
