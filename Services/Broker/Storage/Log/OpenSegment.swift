import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage

/// One segment's files while they are in use. Opens each on first use; has one owner, the partition's log.
final class OpenSegment {
    let baseOffset: Offset
    let folder: FilePath
    let files: any FileSystem
    private let indexIntervalBytes: Int
    /// When this object was made, which for a new segment is when the segment was.
    let createdAt: Int64

    /// Bytes of whole batches; nothing after them is ever read.
    var byteCount: Int64
    var offsetIndex: SparseIndex<OffsetIndexEntry>
    var timeIndex: SparseIndex<TimeIndexEntry>

    private let logFile: PooledFile
    var bytesSinceIndexEntry = 0
    var knownTimes: Times?

    /// What the records' timestamps are.
    struct Times {
        /// -1 without records that have one.
        var largest: Int64 = -1
        /// The last offset of the batch that has it.
        var largestOffset: Offset
        /// Of the newest time index entry.
        var indexed: Int64 = -1
        /// The largest timestamp of the first batch; -1 where there is none.
        var first: Int64 = -1
    }

    private init(
        _ baseOffset: Offset, folder: FilePath, files: any FileSystem, configuration: LogConfiguration, now: Int64,
        byteCount: Int64, offsetIndex: SparseIndex<OffsetIndexEntry>, timeIndex: SparseIndex<TimeIndexEntry>
    ) {
        self.baseOffset = baseOffset
        self.folder = folder
        self.files = files
        indexIntervalBytes = configuration.indexIntervalBytes
        createdAt = now
        self.byteCount = byteCount
        self.offsetIndex = offsetIndex
        self.timeIndex = timeIndex
        logFile = PooledFile(files.openFiles)
    }

    deinit { releaseFiles() }

    /// A new, empty segment; the last step that can fail is making its log file.
    static func create(
        _ baseOffset: Offset, folder: FilePath, files: any FileSystem, configuration: LogConfiguration, now: Int64
    ) throws(StorageError) -> OpenSegment {
        let offsetIndex = SparseIndex<OffsetIndexEntry>(in: folder, baseOffset, files: files, writtenCount: 0)
        let timeIndex = SparseIndex<TimeIndexEntry>(in: folder, baseOffset, files: files, writtenCount: 0)
        try files.remove(offsetIndex.path)
        try files.remove(timeIndex.path)
        let segment = OpenSegment(
            baseOffset, folder: folder, files: files, configuration: configuration, now: now, byteCount: 0,
            offsetIndex: offsetIndex, timeIndex: timeIndex)
        segment.knownTimes = Times(largestOffset: baseOffset)
        _ = try segment.logFile.get { () throws(StorageError) in try files.create(folder.file(.log, baseOffset)) }
        return segment
    }

    /// A segment that is on disk; `nil` for its index where a file of it is missing or damaged, see ``rebuild()``.
    ///
    /// - Parameter byteCount: how much of its log file holds batches.
    static func existing(
        _ baseOffset: Offset, byteCount: Int64, folder: FilePath, files: any FileSystem,
        configuration: LogConfiguration, now: Int64
    ) throws(StorageError) -> (segment: OpenSegment, hasIndexes: Bool) {
        var offsetIndex = SparseIndex<OffsetIndexEntry>(in: folder, baseOffset, files: files, writtenCount: 0)
        var timeIndex = SparseIndex<TimeIndexEntry>(in: folder, baseOffset, files: files, writtenCount: 0)
        let hasOffsets = try offsetIndex.trustFile()
        let hasTimes = try timeIndex.trustFile()
        let segment = OpenSegment(
            baseOffset, folder: folder, files: files, configuration: configuration, now: now, byteCount: byteCount,
            offsetIndex: offsetIndex, timeIndex: timeIndex)
        return (segment, hasOffsets && hasTimes)
    }

    /// A segment that nothing is known of and no file of which is touched: that of a log that cannot be opened.
    static func unread(
        _ baseOffset: Offset, folder: FilePath, files: any FileSystem, configuration: LogConfiguration
    ) -> OpenSegment {
        OpenSegment(
            baseOffset, folder: folder, files: files, configuration: configuration, now: 0, byteCount: 0,
            offsetIndex: SparseIndex(in: folder, baseOffset, files: files, writtenCount: 0),
            timeIndex: SparseIndex(in: folder, baseOffset, files: files, writtenCount: 0))
    }

    // MARK: Files

    /// The open log file.
    func log() throws(StorageError) -> any File {
        try logFile.get { () throws(StorageError) in try files.open(folder.file(.log, baseOffset)) }
    }

    /// Closes the files until they are needed again; slices being sent keep theirs open.
    func releaseFiles() {
        logFile.close()
        offsetIndex.releaseFile()
        timeIndex.releaseFile()
    }

    /// Walks the batches from a position on.
    func cursor(
        from position: Int64, to end: Int64? = nil, windowBytes: Int = BatchCursor.headerWindowBytes
    ) throws(StorageError) -> BatchCursor {
        BatchCursor(try log(), from: position, to: end ?? byteCount, windowBytes: windowBytes)
    }

    // MARK: Writing

    /// The records' timestamps, read from the indexes and the first batch where they are not known yet.
    func times() throws(StorageError) -> Times {
        if let knownTimes { return knownTimes }
        var times = Times(largestOffset: baseOffset)
        if let entry = try timeIndex.last() {
            guard try isTrue(entry) else {
                // Retention goes by it: a wrong one could take records before their time.
                try reindex()
                return try self.times()
            }
            times.largest = entry.timestamp
            times.indexed = entry.timestamp
            times.largestOffset = baseOffset + Int64(entry.relativeOffset)
        }
        var batches = try cursor(from: 0)
        if let first = try batches.next() { times.first = first.header.maxTimestamp }
        knownTimes = times
        return times
    }

    /// Does everything that can fail before an append but the write itself.
    func prepareAppend() throws(StorageError) {
        _ = try times()
        if offsetIndex.wantsFlush { try offsetIndex.flush() }
        if timeIndex.wantsFlush { try timeIndex.flush() }
    }

    /// Writes batches at the end. After an error the file may hold a part of them behind ``byteCount``.
    func write(_ image: AppendImage) throws(StorageError) {
        try log().write(image.pieces, at: byteCount)
        for header in image.headers { note(header) }
    }

    /// Cuts the file to its whole batches.
    func cutTail() throws(StorageError) {
        try log().truncate(to: byteCount)
        try log().sync()
    }

    /// Takes one more batch into account that stands at the end: size, indexes and times.
    func note(_ header: RecordBatchHeader) {
        var times = knownTimes ?? Times(largestOffset: baseOffset)
        if byteCount == 0 { times.first = header.maxTimestamp }
        if header.maxTimestamp > times.largest {
            times.largest = header.maxTimestamp
            times.largestOffset = header.lastOffset
        }
        if bytesSinceIndexEntry > indexIntervalBytes {
            addIndexEntries(header, &times)
            bytesSinceIndexEntry = 0
        }
        knownTimes = times
        bytesSinceIndexEntry += header.totalBytes
        byteCount += Int64(header.totalBytes)
    }

    private func addIndexEntries(_ header: RecordBatchHeader, _ times: inout Times) {
        if let relative = Int32(exactly: header.lastOffset - baseOffset), let position = Int32(exactly: byteCount) {
            offsetIndex.append(OffsetIndexEntry(relativeOffset: relative, position: position))
        }
        addTimeEntry(&times)
    }

    private func addTimeEntry(_ times: inout Times) {
        guard times.largest > times.indexed, let relative = Int32(exactly: times.largestOffset - baseOffset)
        else { return }
        timeIndex.append(TimeIndexEntry(timestamp: times.largest, relativeOffset: relative))
        times.indexed = times.largest
    }

    /// Completes the index files: the time index ends with the segment's largest timestamp.
    func seal() throws(StorageError) {
        var times = try times()
        addTimeEntry(&times)
        knownTimes = times
        try offsetIndex.flush()
        try timeIndex.flush()
    }
}
