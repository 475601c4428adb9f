import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage

/// What an open of a log found and did.
public struct RecoveryReport: Hashable, Sendable {
    /// The log was stopped cleanly and nothing of it was read.
    public var wasClean = false
    public var scannedSegments = 0
    public var scannedBytes: Int64 = 0
    /// Bytes at the end that were no whole batch.
    public var cutBytes: Int64 = 0
    /// Base offsets of segments removed because they came after the cut, or after a missing one.
    public var removedSegments: [Offset] = []
    /// Why bytes were cut.
    public var reason: String?
    /// Files that whole batches were put into which came after a damaged one: nothing reads them again by itself.
    public var setAside: [String] = []
}

/// Reads a partition's folder into the parts of its log.
struct LogFolder {
    let path: FilePath
    let files: any FileSystem
    let configuration: LogConfiguration
    let damage: DamagePolicy
    let now: Int64

    /// A log's parts.
    struct Contents {
        var closed: [ClosedSegment] = []
        var active: OpenSegment
        var logStart: Offset
        var logEnd: Offset
        var producers = ProducerStateTable()
        /// Base offsets of the segments that have a file of aborted transactions.
        var transactionIndexes: [Offset] = []
        /// After a crash: from where on batches were gone through again, and the aborted transactions they tell of, by
        /// segment.
        var replayedFrom: Offset?
        var replayedAborted: [(segment: Offset, transactions: [AbortedTransaction])] = []
        /// The epochs of those batches, and the one before them.
        var replayedEpochs: [LeaderEpochTable.Entry] = []
        var epochBeforeReplay = LeaderEpoch.none
        /// After a crash: the producers as of the active segment's base, where no snapshot tells of them.
        var missingSnapshot: LogSnapshot?
        var lastLeaderEpoch = LeaderEpoch.none
        /// Offsets of the snapshots there are, ascending.
        var snapshots: [Offset]
        var report = RecoveryReport()
        /// Whether the names in the folder, and the folder's own, have still to be made durable.
        var hasNewNames = false
    }

    /// A segment's log file.
    struct SegmentFile {
        var baseOffset: Offset
        var byteCount: Int64
    }

    /// Loads what is there; makes the first segment where there is none.
    func load(trusting wasCleanShutdown: Bool) throws(StorageError) -> Contents {
        var (segments, snapshots, transactionIndexes) = try tidy()
        let checkpoint = try LogStartCheckpoint.read(path, files)
        if let checkpoint {
            // Batches that no snapshot vouches for are still needed: they tell of the producers' transactions.
            let (vouched, _) = try newestSnapshot(snapshots, notAfter: Offset(.max))
            try removeSegments(below: min(checkpoint, vouched ?? 0), &segments)
        }
        if segments.isEmpty { return try loadNew(at: max(checkpoint ?? 0, snapshots.last ?? 0), snapshots) }
        var contents: Contents
        if wasCleanShutdown, let trusted = try loadClean(segments, snapshots) {
            contents = trusted
        } else {
            contents = try recover(segments, snapshots)
        }
        if let checkpoint, checkpoint > contents.logEnd { contents = try restart(at: checkpoint, after: contents) }
        transactionIndexes.removeAll { base in !contents.hasSegment(base) }
        contents.transactionIndexes = transactionIndexes
        contents.logStart = max(contents.firstBase, min(checkpoint ?? 0, contents.logEnd))
        return contents
    }

    /// Removes what a crash left half done; returns segments and snapshots, ascending.
    private func tidy() throws(StorageError) -> (
        segments: [SegmentFile], snapshots: [Offset], transactionIndexes: [Offset]
    ) {
        var names = try files.list(path)
        if try SegmentSwap.recover(names, in: path, files) { names = try files.list(path) }
        let bases = Set(names.compactMap(LogFileName.parse).filter { $0.kind == .log }.map(\.offset))
        var segments: [SegmentFile] = []
        var snapshots: [Offset] = []
        var transactionIndexes: [Offset] = []
        for name in names {
            guard let (kind, offset) = LogFileName.parse(name) else {
                if name.hasSuffix("." + LogFileName.temporaryExtension) { try files.remove(path.appending(name)) }
                continue
            }
            switch kind {
            case .log:
                let bytes = try files.byteCount(of: path.appending(name)) ?? 0
                segments.append(SegmentFile(baseOffset: offset, byteCount: bytes))
            case .snapshot:
                snapshots.append(offset)
            case .index, .timeindex, .txnindex:
                if !bases.contains(offset) {
                    try files.remove(path.appending(name))
                } else if kind == .txnindex {
                    transactionIndexes.append(offset)
                }
            }
        }
        return (segments.sorted { $0.baseOffset < $1.baseOffset }, snapshots.sorted(), transactionIndexes)
    }

    /// Removes segments that are wholly below the log start: a deletion that the end of the process interrupted.
    private func removeSegments(below logStart: Offset, _ segments: inout [SegmentFile]) throws(StorageError) {
        while segments.count > 1, segments[1].baseOffset <= logStart {
            try remove(segments[0].baseOffset)
            segments.removeFirst()
        }
    }

    /// The first segment of a log. Nothing is made durable before the first flush, so that making a topic of many
    /// partitions does not wait for the disk.
    private func loadNew(at base: Offset, _ snapshots: [Offset]) throws(StorageError) -> Contents {
        let segment = try OpenSegment.create(
            base, folder: path, files: files, configuration: configuration, now: now)
        var contents = Contents(active: segment, logStart: base, logEnd: base, snapshots: snapshots)
        if let snapshot = try newestSnapshot(snapshots, notAfter: base).1 {
            contents.producers = snapshot.producers
            contents.lastLeaderEpoch = snapshot.lastLeaderEpoch
        }
        contents.hasNewNames = true
        contents.report.wasClean = true
        return contents
    }

    /// Goes on at the log start where the log ends before it: everything there is was deleted, and what comes next must
    /// not get offsets that are deleted as well. Source: LogLoader.deleteSegmentsIfLogStartGreaterThanLogEnd.
    private func restart(at start: Offset, after old: Contents) throws(StorageError) -> Contents {
        var contents = try loadNew(at: start, [])
        contents.producers = old.producers
        contents.lastLeaderEpoch = old.lastLeaderEpoch
        contents.report = old.report
        contents.report.reason = old.report.reason ?? "the log start is \(start), the log's end was \(old.logEnd)"
        let snapshot = LogSnapshot(producers: old.producers, lastLeaderEpoch: old.lastLeaderEpoch)
        try files.replace(path.file(.snapshot, start), with: snapshot.encoded())
        contents.snapshots = old.snapshots + [start]
        old.active.releaseFiles()
        let active = SegmentFile(baseOffset: old.active.baseOffset, byteCount: old.active.byteCount)
        for file in old.closed.map({ SegmentFile(baseOffset: $0.baseOffset, byteCount: $0.byteCount) }) + [active] {
            // Deleted records, if the log start is right, and nobody can say any more whether it is.
            contents.report.setAside += try setAside(file)
            try remove(file.baseOffset)
        }
        return contents
    }

    // MARK: After a clean stop

    /// `nil` where the files are not as a clean stop leaves them.
    private func loadClean(_ segments: [SegmentFile], _ snapshots: [Offset]) throws(StorageError) -> Contents? {
        guard let last = segments.last else { return nil }
        // A log that was never written to has no snapshot, and needs none.
        let isUnused = segments.count == 1 && snapshots.isEmpty && last.byteCount == 0
        let logEnd = isUnused ? last.baseOffset : snapshots.last ?? 0
        let snapshot = isUnused ? LogSnapshot() : try readSnapshot(logEnd)
        guard let snapshot, logEnd >= last.baseOffset, snapshot.segmentBytes == last.byteCount else { return nil }
        let (active, hasIndexes) = try existing(last)
        guard hasIndexes || last.byteCount == 0 else { return nil }
        var contents = Contents(active: active, logStart: 0, logEnd: logEnd, snapshots: snapshots)
        contents.hasNewNames = isUnused
        contents.closed = segments.dropLast().map { ClosedSegment(baseOffset: $0.baseOffset, byteCount: $0.byteCount) }
        contents.producers = snapshot.producers
        contents.lastLeaderEpoch = snapshot.lastLeaderEpoch
        contents.report.wasClean = true
        return contents
    }

    // MARK: After a crash

    /// Scans from the segment that the newest snapshot belongs to: a snapshot vouches for all before its offset.
    private func recover(_ segments: [SegmentFile], _ snapshots: [Offset]) throws(StorageError) -> Contents {
        let (vouched, _) = try newestSnapshot(snapshots, notAfter: Offset(.max))
        let first = segments.lastIndex { $0.baseOffset <= vouched ?? 0 } ?? 0
        var report = RecoveryReport()
        var scanned: [OpenSegment] = []
        var end = segments[first].baseOffset
        for file in segments[first...] {
            guard file.baseOffset == end, report.reason == nil else {
                report.setAside += try setAside(file)
                try remove(file.baseOffset)
                report.removedSegments.append(file.baseOffset)
                report.reason = report.reason ?? "no segment starts at \(end)"
                continue
            }
            let (segment, _) = try existing(file)
            let scan = try segment.rebuild(damage: damage, durableEnd: vouched ?? 0)
            report.add(scan)
            end = scan.nextOffset
            scanned.append(segment)
        }
        for segment in scanned.dropLast() { try segment.seal() }
        try makeDurable(scanned, report)
        let active = scanned[scanned.count - 1]
        var contents = Contents(active: active, logStart: 0, logEnd: end, snapshots: [], report: report)
        contents.closed = segments[..<first].map { ClosedSegment(baseOffset: $0.baseOffset, byteCount: $0.byteCount) }
        contents.closed += scanned.dropLast().map { ClosedSegment(baseOffset: $0.baseOffset, byteCount: $0.byteCount) }
        contents.hasNewNames = report.scannedBytes == 0
        contents.snapshots = snapshots.filter { $0 <= end }
        for offset in snapshots where offset > end { try files.remove(path.file(.snapshot, offset)) }
        try restoreProducers(&contents)
        return contents
    }

    /// What was cut must not come back, so it is made durable before anything new is appended.
    private func makeDurable(_ scanned: [OpenSegment], _ report: RecoveryReport) throws(StorageError) {
        if report.scannedBytes == 0, report.removedSegments.isEmpty { return }
        for segment in scanned { try segment.log().sync() }
        try files.syncFolder(path)
    }

    private func restoreProducers(_ contents: inout Contents) throws(StorageError) {
        let (offset, snapshot) = try newestSnapshot(contents.snapshots, notAfter: contents.logEnd)
        var replay = ProducerReplay(from: offset ?? 0, now: now)
        replay.producers = snapshot?.producers ?? ProducerStateTable()
        replay.lastLeaderEpoch = snapshot?.lastLeaderEpoch ?? .none
        contents.replayedFrom = replay.start
        contents.epochBeforeReplay = replay.lastLeaderEpoch
        for (index, segment) in contents.closed.enumerated() {
            let next = index + 1 < contents.closed.count ? contents.closed[index + 1].baseOffset : nil
            guard next ?? contents.active.baseOffset > replay.start else { continue }
            let file = SegmentFile(baseOffset: segment.baseOffset, byteCount: segment.byteCount)
            contents.note(try replay.walk(try existing(file).segment), in: segment.baseOffset)
        }
        if replay.start < contents.active.baseOffset {
            contents.missingSnapshot = LogSnapshot(
                producers: replay.producers, lastLeaderEpoch: replay.lastLeaderEpoch)
        }
        contents.note(try replay.walk(contents.active), in: contents.active.baseOffset)
        contents.producers = replay.producers
        contents.lastLeaderEpoch = replay.lastLeaderEpoch
        contents.replayedEpochs = replay.epochs.entries
    }

    // MARK: Parts

    private func existing(_ file: SegmentFile) throws(StorageError) -> (segment: OpenSegment, hasIndexes: Bool) {
        try OpenSegment.existing(
            file.baseOffset, byteCount: file.byteCount, folder: path, files: files, configuration: configuration,
            now: now)
    }

    private func remove(_ baseOffset: Offset) throws(StorageError) {
        for kind in [LogFileName.Kind.log, .index, .timeindex, .txnindex] {
            try files.remove(path.file(kind, baseOffset))
        }
    }

    /// Gives a segment that comes after damage a name under which nothing reads it; returns that, if there is anything.
    private func setAside(_ file: SegmentFile) throws(StorageError) -> [String] {
        if file.byteCount == 0 { return [] }
        let old = path.file(.log, file.baseOffset)
        if damage == .refuse {
            throw .corrupt(path: old.string, position: 0, reason: "the segment before it is damaged or missing")
        }
        let name = LogFileName.damaged(file.baseOffset, position: 0)
        try files.rename(old, to: path.appending(name))
        return [name]
    }

    private func readSnapshot(_ offset: Offset) throws(StorageError) -> LogSnapshot? {
        try files.contents(of: path.file(.snapshot, offset)).flatMap(LogSnapshot.init(decoding:))
    }

    /// The newest snapshot that can be read; damaged ones are passed over.
    private func newestSnapshot(
        _ offsets: [Offset], notAfter limit: Offset
    ) throws(StorageError) -> (Offset?, LogSnapshot?) {
        for offset in offsets.reversed() where offset <= limit {
            if let snapshot = try readSnapshot(offset) { return (offset, snapshot) }
        }
        return (nil, nil)
    }
}

extension LogFolder.Contents {
    fileprivate var firstBase: Offset { closed.first?.baseOffset ?? active.baseOffset }

    fileprivate func hasSegment(_ baseOffset: Offset) -> Bool {
        active.baseOffset == baseOffset || closed.contains { $0.baseOffset == baseOffset }
    }

    fileprivate mutating func note(_ aborted: [AbortedTransaction], in segment: Offset) {
        if !aborted.isEmpty { replayedAborted.append((segment, aborted)) }
    }
}

extension RecoveryReport {
    fileprivate mutating func add(_ scan: OpenSegment.Scan) {
        scannedSegments += 1
        scannedBytes += scan.scannedBytes
        cutBytes += scan.cutBytes
        reason = reason ?? scan.reason
        if let name = scan.setAside { setAside.append(name) }
    }
}

/// A segment that is not written to any more. Its files are open only while they are read.
struct ClosedSegment {
    var baseOffset: Offset
    var byteCount: Int64
    /// `nil` until it was asked for.
    var largestTimestamp: Int64?
}
