import KafkaRecords
import KafkaWire
import NIOCore

/// Writes the batches of a cleaned segment with their indexes, under names that no log reads.
struct CleanedSegmentWriter {
    /// Bytes of batches that are written at once.
    private static let bufferedBytes = 1 << 20

    let swap: SegmentSwap
    private let file: any File
    private let indexIntervalBytes: Int
    private var offsetIndex: SparseIndex<OffsetIndexEntry>
    private var timeIndex: SparseIndex<TimeIndexEntry>

    private var pending: [ByteBuffer] = []
    private var pendingBytes = 0
    private var written: Int64 = 0
    private var bytesSinceIndexEntry = 0
    private var largest: (timestamp: Int64, offset: Offset)
    private var indexedTimestamp: Int64 = -1

    init(_ swap: SegmentSwap, indexIntervalBytes: Int) throws(StorageError) {
        self.swap = swap
        self.indexIntervalBytes = indexIntervalBytes
        largest = (-1, swap.base)
        offsetIndex = SparseIndex(path: swap.cleanedPath(.index), files: swap.files, writtenCount: 0)
        timeIndex = SparseIndex(path: swap.cleanedPath(.timeindex), files: swap.files, writtenCount: 0)
        try offsetIndex.reset()
        try timeIndex.reset()
        file = try swap.files.create(swap.cleanedPath(.log))
        try file.truncate(to: 0)
    }

    var byteCount: Int64 { written + Int64(pendingBytes) }
    var largestTimestamp: Int64 { largest.timestamp }

    mutating func append(_ batch: RecordBatch) throws(StorageError) {
        let header = batch.header
        if header.maxTimestamp > largest.timestamp { largest = (header.maxTimestamp, header.lastOffset) }
        if bytesSinceIndexEntry > indexIntervalBytes { try addIndexEntries(header) }
        bytesSinceIndexEntry += header.totalBytes
        pending.append(batch.bytes)
        pendingBytes += header.totalBytes
        if pendingBytes >= Self.bufferedBytes { try writePending() }
    }

    private mutating func addIndexEntries(_ header: RecordBatchHeader) throws(StorageError) {
        bytesSinceIndexEntry = 0
        if let relative = Int32(exactly: header.lastOffset - swap.base), let position = Int32(exactly: byteCount) {
            offsetIndex.append(OffsetIndexEntry(relativeOffset: relative, position: position))
        }
        addTimeEntry()
        if offsetIndex.wantsFlush { try offsetIndex.flush() }
        if timeIndex.wantsFlush { try timeIndex.flush() }
    }

    private mutating func addTimeEntry() {
        guard largest.timestamp > indexedTimestamp, let relative = Int32(exactly: largest.offset - swap.base)
        else { return }
        timeIndex.append(TimeIndexEntry(timestamp: largest.timestamp, relativeOffset: relative))
        indexedTimestamp = largest.timestamp
    }

    private mutating func writePending() throws(StorageError) {
        try file.write(pending, at: written)
        written += Int64(pendingBytes)
        pending.removeAll(keepingCapacity: true)
        pendingBytes = 0
    }

    /// Completes the files and makes their content durable.
    mutating func finish() throws(StorageError) {
        try writePending()
        addTimeEntry()
        try offsetIndex.flush()
        try timeIndex.flush()
        try file.sync()
        try offsetIndex.openFile().sync()
        try timeIndex.openFile().sync()
        releaseFiles()
    }

    /// Closes the index files; must be called before the writer goes.
    func releaseFiles() {
        offsetIndex.releaseFile()
        timeIndex.releaseFile()
    }
}
