import KafkaRecords
import KafkaWire
import NIOCore

/// What a cleaning did, for metrics and the log.
public struct CleaningStatistics: Hashable, Sendable {
    /// Bytes read, those of dirty segments twice: once for their keys.
    public var readBytes: Int64 = 0
    public var writtenBytes: Int64 = 0
    /// Bytes of segments before and after.
    public var bytesBefore: Int64 = 0
    public var bytesAfter: Int64 = 0
    public var droppedRecords: Int64 = 0
    /// How full the key map became, from 0 to 1.
    public var mapUtilization: Double = 0
    /// What the key map took.
    public var mapBytes = 0
}

/// One cleaning of one log: first the keys of the dirty segments are read, then segments are written anew.
///
/// Blocks on the disk and has one owner, the cleaner, on a thread of its own: it reads closed segments only, which
/// never change. The log takes over each segment that was finished.
public final class LogCleaning {
    /// Called with the bytes that were read or written since the last call; may wait, and throws to stop.
    public typealias Pace = (Int) throws(CleaningError) -> Void

    private let plan: CleaningPlan
    private let windowBytes: Int
    private let pace: Pace
    private let map: KeyOffsetMap
    private var filter = RecordBatchFilter()
    private var transactions: CleanedTransactions
    /// The newest offset whose key is known.
    private var latestMapped: Offset
    private var output: Output?
    /// The newest marker of every producer in the dirty segments.
    private var lastMarkers: [ProducerID: Offset] = [:]

    public private(set) var statistics = CleaningStatistics()

    /// - Parameters:
    ///   - limits: of memory.
    ///   - seed: a secret that the keys' hashes depend on.
    public init(_ plan: CleaningPlan, limits: CleanerLimits, seed: (UInt64, UInt64), pace: @escaping Pace) {
        self.plan = plan
        self.pace = pace
        windowBytes = limits.readBufferBytes
        map = KeyOffsetMap(
            byteCount: limits.keyMapBytes, loadFactor: limits.keyMapLoadFactor,
            seed: KeyHash.Seed(first: seed.0, second: seed.1))
        // Those that ended before the first key is read would never be seen to end.
        let firstDirty = plan.dirtiness.firstDirtyOffset
        transactions = CleanedTransactions(plan.aborted.filter { $0.lastOffset >= firstDirty })
        latestMapped = plan.dirtiness.firstDirtyOffset - 1
    }

    // MARK: Keys

    /// Reads the keys of a dirty segment; `false` when the map is full, so that later segments wait for another time.
    public func readKeys(of source: CleaningSource) throws(CleaningError) -> Bool {
        let firstDirty = plan.dirtiness.firstDirtyOffset
        var isFull = false
        try walk(source) { (batch) throws(CleaningError) in
            guard batch.header.lastOffset >= firstDirty else { return true }
            if batch.header.isControl {
                _ = transactions.meetMarker(batch.header, try marker(of: batch))
                lastMarkers[batch.header.producerID] = batch.header.lastOffset
            } else if !transactions.meetRecords(batch.header) {
                isFull = try !recordKeys(of: batch, from: firstDirty)
            }
            if !isFull { latestMapped = batch.header.lastOffset }
            return !isFull
        }
        if !isFull { latestMapped = max(latestMapped, source.segment.endOffset - 1) }
        return !isFull
    }

    /// Whether all of the batch's keys are in the map.
    private func recordKeys(of batch: RecordBatch, from firstDirty: Offset) throws(CleaningError) -> Bool {
        var fits = true
        _ = try apply(batch) { record in
            guard fits, record.offset >= firstDirty, let key = record.key else { return false }
            fits = map.record(key, at: record.offset)
            return false
        }
        if !fits, latestMapped < firstDirty {
            throw .mapTooSmall(keys: map.capacity, at: batch.header.baseOffset)
        }
        return fits
    }

    /// To be called when all keys are read: the groups of segments that are to be written, and where the cleaning ends.
    public func finishKeys() -> (groups: [[CleanableSegment]], end: Offset) {
        transactions = CleanedTransactions(plan.aborted)
        statistics.mapUtilization = map.utilization
        statistics.mapBytes = map.usedBytes
        let end = latestMapped + 1
        let segments = plan.segments.filter { $0.baseOffset < end }
        return (CleaningRules(configuration: plan.configuration).groups(segments), end)
    }

    // MARK: Segments

    /// The segment that is being written.
    private struct Output {
        var group: [CleanableSegment]
        var writer: CleanedSegmentWriter
        var isChanged: Bool
    }

    /// Begins to write a group anew; ``add(_:)`` its segments in order, then ``finish()``, or ``abandon()``.
    public func begin(_ group: [CleanableSegment]) throws(CleaningError) {
        guard let first = group.first, let last = group.last else { return }
        let swap = SegmentSwap(
            folder: plan.folder, files: plan.files, base: first.baseOffset, end: last.endOffset)
        let interval = plan.configuration.indexIntervalBytes
        let writer = try storage { () throws(StorageError) in
            try CleanedSegmentWriter(swap, indexIntervalBytes: interval)
        }
        output = Output(group: group, writer: writer, isChanged: group.count > 1)
    }

    /// The segment as it will be, durable and ready to be taken over by the log; `nil` where nothing would change.
    public func finish() throws(CleaningError) -> CleanedSegment? {
        guard var written = output, written.isChanged else {
            _ = transactions.takeRetained()
            try storage { () throws(StorageError) in try abandon() }
            return nil
        }
        let cleaned = CleanedSegment(
            swap: written.writer.swap, replaced: written.group, byteCount: written.writer.byteCount,
            largestTimestamp: written.writer.largestTimestamp, aborted: transactions.takeRetained())
        try storage { () throws(StorageError) in
            try written.writer.finish()
            try cleaned.swap.commit()
        }
        output = nil
        statistics.bytesBefore += written.group.reduce(0) { $0 + $1.byteCount }
        statistics.bytesAfter += cleaned.byteCount
        return cleaned
    }

    /// Removes what was written of a group.
    public func abandon() throws(StorageError) {
        guard let abandoned = output.take() else { return }
        abandoned.writer.releaseFiles()
        try abandoned.writer.swap.discard()
    }

    /// Writes what stays of the group's next segment.
    public func add(_ source: CleaningSource) throws(CleaningError) {
        try walk(source) { (batch) throws(CleaningError) in
            let kept = try clean(batch)
            if kept?.bytes != batch.bytes { output?.isChanged = true }
            guard let kept else { return true }
            statistics.writtenBytes += Int64(kept.header.totalBytes)
            try storage { () throws(StorageError) in try output?.writer.append(kept) }
            return true
        }
    }

    /// What stays of a batch.
    private func clean(_ batch: RecordBatch) throws(CleaningError) -> RecordBatch? {
        let header = batch.header
        let isUnneeded =
            header.isControl
            ? transactions.meetMarker(header, try marker(of: batch)) : transactions.meetRecords(header)
        let isPastHorizon = header.attributes.hasDeleteHorizon && header.baseTimestamp <= plan.now
        let dropsAll = isUnneeded && (!header.isControl || isPastHorizon)
        let outcome = try apply(batch, needsHorizon: isUnneeded && header.isControl) { record in
            let stays = !dropsAll && (header.isControl || self.stays(record, isPastHorizon: isPastHorizon))
            if !stays { statistics.droppedRecords += 1 }
            return stays
        }
        switch outcome {
        case .unchanged: return batch
        case .changed(let bytes): return try rewritten(bytes, of: batch)
        case .empty: return staysWhenEmpty(header) ? try rewritten(batch.emptied(), of: batch) : nil
        }
    }

    /// The newest record of a key stays, and a tombstone for a time.
    private func stays(_ record: RecordBatchFilter.Candidate, isPastHorizon: Bool) -> Bool {
        if record.offset > latestMapped { return true }
        guard let key = record.key else { return false }
        if let newest = map.offset(of: key), newest > record.offset { return false }
        return !record.isTombstone || !isPastHorizon
    }

    /// A producer's newest batch keeps its sequence number; the last of a segment keeps where the segment ends, so that
    /// every segment begins where the one before ends.
    private func staysWhenEmpty(_ header: RecordBatchHeader) -> Bool {
        if output?.writer.swap.end == header.nextOffset { return true }
        guard header.hasProducerID, let tail = plan.producers[header.producerID] else { return false }
        guard let last = tail.lastDataOffset else {
            // Of many markers the newest is enough.
            let isLast = lastMarkers[header.producerID].map { header.lastOffset >= $0 } ?? true
            return header.isControl && header.producerEpoch == tail.epoch && isLast
        }
        return header.lastOffset == last
    }

    // MARK: Batches

    private func walk(
        _ source: CleaningSource, _ body: (RecordBatch) throws(CleaningError) -> Bool
    ) throws(CleaningError) {
        var batches = BatchCursor(
            source.file, from: 0, to: source.segment.byteCount, windowBytes: windowBytes)
        var unpaced = 0
        var next = source.segment.baseOffset
        while let batch = try storage({ () throws(StorageError) in try batches.nextBatch() }) {
            statistics.readBytes += Int64(batch.header.totalBytes)
            unpaced += batch.header.totalBytes
            try Self.check(batch, between: next, and: source.segment.endOffset)
            next = batch.header.nextOffset
            if unpaced >= windowBytes {
                try pace(unpaced)
                unpaced = 0
            }
            if try !body(batch) { break }
        }
        try pace(unpaced)
    }

    /// A damaged batch must not get a right checksum by being written anew. The checksum does not cover the offset.
    private static func check(
        _ batch: RecordBatch, between start: Offset, and end: Offset
    ) throws(CleaningError) {
        let offset = batch.header.baseOffset
        do { try batch.header.verifyChecksum(of: batch.bytes) } catch { throw .damagedBatch(error, at: offset) }
        guard offset >= start, batch.header.nextOffset <= end else {
            throw .damagedBatch(.invalidField("an offset outside of \(start) to \(end)"), at: offset)
        }
    }

    private func apply(
        _ batch: RecordBatch, needsHorizon: Bool = false, keep: (RecordBatchFilter.Candidate) -> Bool
    ) throws(CleaningError) -> RecordBatchFilter.Outcome {
        let options = RecordBatchFilter.Options(
            maximumDecompressedBytes: plan.configuration.maximumDecompressedBytes,
            deleteHorizon: plan.deleteHorizon, needsHorizon: needsHorizon)
        do {
            return try filter.apply(batch, options, keep: keep)
        } catch {
            throw .damagedBatch(error, at: batch.header.baseOffset)
        }
    }

    private func rewritten(_ bytes: ByteBuffer, of batch: RecordBatch) throws(CleaningError) -> RecordBatch {
        do {
            return RecordBatch(header: try RecordBatchHeader(peeking: bytes), bytes: bytes)
        } catch {
            throw .damagedBatch(error, at: batch.header.baseOffset)
        }
    }

    private func marker(of batch: RecordBatch) throws(CleaningError) -> ControlRecord? {
        do {
            var reader = try RecordBatchReader(
                batch, maximumDecompressedBytes: plan.configuration.maximumDecompressedBytes)
            return try reader.next().map { record throws(RecordError) in try ControlRecord(key: record.key) }
        } catch {
            throw .damagedBatch(error, at: batch.header.baseOffset)
        }
    }

    private func storage<Value>(_ body: () throws(StorageError) -> Value) throws(CleaningError) -> Value {
        do { return try body() } catch { throw .storage(error) }
    }
}
