import KafkaWire
import NIOCore
import SystemPackage

/// One partition's log: a folder of segments that batches are appended to and read from.
///
/// Synchronous and not `Sendable`: one owner, the partition's actor, calls it on its storage executor, where it may
/// block on the disk. What it hands out (payloads, ``FlushWork``) can go to other threads. Many logs may be open at
/// once: an idle one holds no file open.
///
/// After ``StorageError/offline(path:reason:)`` every call throws it until the log is opened again.
public final class PartitionLog {
    /// Closed segments whose files are kept open for reading.
    static let maximumOpenClosedSegments = 2
    /// Closed segments that may wait for a flush; one more makes closing a segment wait for the disk.
    static let maximumUnflushedSegments = 4
    /// Snapshots that are kept: the newest, and the one before in case it is damaged.
    static let keptSnapshots = 2

    public let topicPartition: TopicPartition
    /// May be replaced at any time; holds from the next call on.
    public var configuration: LogConfiguration
    /// What opening found.
    public let recovery: RecoveryReport

    let folder: FilePath
    let files: any FileSystem

    var closed: [ClosedSegment]
    var active: OpenSegment
    /// Closed segments in use, the last used at the end.
    var openClosed: [OpenSegment] = []
    var producers: ProducerStateTable
    var aborted: TransactionIndexTable
    var lastLeaderEpoch: LeaderEpoch
    /// Read when it is needed first.
    var knownEpochs: LeaderEpochTable?
    /// The epoch that this broker leads the partition under; ``LeaderEpoch/none`` for a log that nobody leads.
    var leadingEpoch: LeaderEpoch = .none
    var hasUnsavedEpochs = false
    var positions = PositionCache()

    /// The first offset that can be read.
    public internal(set) var logStart: Offset
    /// The offset that the next record will get.
    public internal(set) var logEnd: Offset

    /// Every record below is durable.
    public internal(set) var flushedOffset: Offset
    /// When the oldest record that is not durable was appended.
    var unflushedSince: Int64?
    var unflushedSegments: [FlushWork.ClosedSegment] = []
    var snapshots: [Offset]
    /// Changes to the names in the folder, and how many of them are durable.
    var folderChanges: Int
    var flushedFolderChanges = 0
    /// Whether the folder's own name may not be durable.
    var isFolderNew: Bool
    /// Whether the disk has to be written before the log may be called cleanly closed.
    var isDirty: Bool
    var offlineReason: StorageError?

    private init(_ topicPartition: TopicPartition, _ location: LogFolder, _ contents: LogFolder.Contents) {
        self.topicPartition = topicPartition
        configuration = location.configuration
        folder = location.path
        files = location.files
        recovery = contents.report
        closed = contents.closed
        active = contents.active
        producers = contents.producers
        aborted = TransactionIndexTable(
            location.path, location.files, baseOffsets: contents.transactionIndexes)
        lastLeaderEpoch = contents.lastLeaderEpoch
        logStart = contents.logStart
        logEnd = contents.logEnd
        flushedOffset = contents.logEnd
        snapshots = contents.snapshots
        folderChanges = contents.hasNewNames ? 1 : 0
        isFolderNew = contents.hasNewNames
        isDirty = !contents.report.wasClean
    }

    /// Opens a partition's log and makes an empty one where there is none.
    ///
    /// - Parameters:
    ///   - folder: the partition's own, as `data/topic-partition`.
    ///   - wasCleanShutdown: whether every log was closed before the process ended, see ``CleanShutdownMarker``. Then
    ///     no log data is read. Otherwise the segments that are not known to be durable are checked batch by batch, cut
    ///     where a batch is damaged, and their indexes and producers rebuilt; ``recovery`` tells.
    ///   - damage: what is done with whole batches behind a damaged one.
    ///   - now: milliseconds since 1970, as everywhere here.
    public static func open(
        folder: FilePath, topicPartition: TopicPartition, configuration: LogConfiguration, files: any FileSystem,
        wasCleanShutdown: Bool, damage: DamagePolicy = .setAside, now: Int64
    ) throws(StorageError) -> sending PartitionLog {
        try files.makeFolder(folder)
        let location = LogFolder(path: folder, files: files, configuration: configuration, damage: damage, now: now)
        let contents = try location.load(trusting: wasCleanShutdown)
        let log = PartitionLog(topicPartition, location, contents)
        try log.restoreAborted(contents)
        try log.restoreEpochs(contents)
        if let snapshot = contents.missingSnapshot { try log.vouch(snapshot, since: contents.replayedFrom ?? 0) }
        return log
    }

    /// A log that could not be opened: it is offline, and none of its files is touched.
    public static func offline(
        folder: FilePath, topicPartition: TopicPartition, configuration: LogConfiguration, files: any FileSystem,
        cause: StorageError
    ) -> sending PartitionLog {
        let location = LogFolder(
            path: folder, files: files, configuration: configuration, damage: .refuse, now: 0)
        let nothing = OpenSegment.unread(0, folder: folder, files: files, configuration: configuration)
        let log = PartitionLog(
            topicPartition, location, LogFolder.Contents(active: nothing, logStart: 0, logEnd: 0, snapshots: []))
        _ = log.goOffline(cause)
        return log
    }

    // MARK: Facts

    /// Bytes of all segments.
    public var byteCount: Int64 { closed.reduce(active.byteCount) { $0 + $1.byteCount } }

    /// Every segment, oldest first; reads index files the first time.
    public func segments() throws(StorageError) -> [SegmentInfo] {
        try checkOnline()
        var all: [SegmentInfo] = []
        for index in closed.indices {
            all.append(
                SegmentInfo(
                    baseOffset: closed[index].baseOffset, byteCount: closed[index].byteCount,
                    largestTimestamp: try largestTimestamp(ofClosed: index)))
        }
        let largest = try active.times().largest
        all.append(
            SegmentInfo(baseOffset: active.baseOffset, byteCount: active.byteCount, largestTimestamp: largest))
        return all
    }

    private func largestTimestamp(ofClosed index: Int) throws(StorageError) -> Int64 {
        if let known = closed[index].largestTimestamp { return known }
        let largest = try openSegment(index).times().largest
        closed[index].largestTimestamp = largest
        return largest
    }

    /// Producers whose sequence numbers are remembered.
    public var producerCount: Int { producers.count }

    /// Forgets producers that were silent for `producer.id.expiration.ms`; returns how many.
    @discardableResult
    public func expireProducers(now: Int64) -> Int {
        let count = producers.expire(now: now, expiration: configuration.producerIDExpirationMilliseconds)
        if count > 0 { isDirty = true }
        return count
    }

    /// Closes the files of a log that is not in use just now; they open again by themselves.
    public func releaseFiles() {
        openClosed.removeAll()
        active.releaseFiles()
        aborted.releaseFiles()
    }

    // MARK: Failing

    /// Whether the log can be used no more until it is opened again.
    public var isOffline: Bool { offlineReason != nil }

    func checkOnline() throws(StorageError) {
        if let offlineReason { throw offlineReason }
    }

    /// Gives the log up: what is in its files is not known any more.
    func goOffline(_ cause: StorageError) -> StorageError {
        let reason = StorageError.offline(path: folder.string, reason: cause.description)
        if offlineReason == nil { offlineReason = reason }
        return reason
    }

    // MARK: Segments

    /// The segment of that number; the one after the closed ones is the active one.
    func openSegment(_ index: Int) throws(StorageError) -> OpenSegment {
        if index == closed.count { return active }
        let facts = closed[index]
        if let place = openClosed.firstIndex(where: { $0.baseOffset == facts.baseOffset }) {
            let segment = openClosed.remove(at: place)
            openClosed.append(segment)
            return segment
        }
        let (segment, hasIndexes) = try OpenSegment.existing(
            facts.baseOffset, byteCount: facts.byteCount, folder: folder, files: files, configuration: configuration,
            now: 0)
        if !hasIndexes { try segment.reindex() }
        keepOpen(segment)
        return segment
    }

    func keepOpen(_ segment: OpenSegment) {
        if openClosed.count >= Self.maximumOpenClosedSegments { openClosed.removeFirst() }
        openClosed.append(segment)
    }

    /// The number of the segment that an offset belongs to.
    func segmentIndex(of offset: Offset) -> Int {
        if offset >= active.baseOffset { return closed.count }
        return IndexSearch.last(in: 0..<closed.count) { closed[$0].baseOffset <= offset } ?? 0
    }

    /// The offset after a segment's last record.
    func endOffset(ofSegment index: Int) -> Offset {
        if index == closed.count { return logEnd }
        return index + 1 == closed.count ? active.baseOffset : closed[index + 1].baseOffset
    }

    /// Closes the active segment and begins the next at the log's end. Nothing has changed after an error.
    func roll(now: Int64) throws(StorageError) {
        if unflushedSegments.count >= Self.maximumUnflushedSegments {
            try flush(includingActiveSegment: false)
        }
        try active.seal()
        try flushAborted()
        try saveEpochs()
        var parts: [any File] = [
            try active.log(), try active.offsetIndex.openFile(), try active.timeIndex.openFile(),
        ]
        if let index = try aborted.file(ofSegment: active.baseOffset) { parts.append(index) }
        let largest = try active.times().largest
        let next = try OpenSegment.create(
            logEnd, folder: folder, files: files, configuration: configuration, now: now)
        let snapshot = LogSnapshot(producers: producers, segmentBytes: 0, lastLeaderEpoch: lastLeaderEpoch)
        unflushedSegments.append(
            FlushWork.ClosedSegment(parts: parts, end: logEnd, snapshot: snapshot.encoded()))
        closed.append(
            ClosedSegment(baseOffset: active.baseOffset, byteCount: active.byteCount, largestTimestamp: largest))
        keepOpen(active)
        active = next
        folderChanges += 1
        isDirty = true
    }
}
