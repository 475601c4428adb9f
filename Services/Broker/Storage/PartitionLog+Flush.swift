import KafkaWire
import NIOCore
import SystemPackage

extension PartitionLog {
    /// Records that a crash of the machine could lose.
    public var unflushedMessages: Int64 { logEnd - flushedOffset }

    /// Whether `flush.messages` or `flush.ms` ask for a flush now.
    public func needsFlush(now: Int64) -> Bool {
        if unflushedMessages == 0 { return false }
        if unflushedMessages >= configuration.flushMessages { return true }
        guard let unflushedSince else { return false }
        return now - unflushedSince >= configuration.flushMilliseconds
    }

    /// When `flush.ms` asks for a flush, in milliseconds since 1970; `nil` where nothing waits or it is not set.
    public var flushDeadline: Int64? {
        guard unflushedMessages > 0, let unflushedSince else { return nil }
        let (deadline, overflow) = unflushedSince.addingReportingOverflow(configuration.flushMilliseconds)
        return overflow ? nil : deadline
    }

    /// Whether closed segments wait to be made durable, which nothing is held up by; run
    /// ``flushWork(includingActiveSegment:)`` without the active segment in the background. Until then recovery after a
    /// crash has these segments to scan as well.
    public var hasUnflushedSegments: Bool { !unflushedSegments.isEmpty }

    /// Makes every record durable before it returns.
    public func flush() throws(StorageError) {
        try flush(includingActiveSegment: true)
    }

    func flush(includingActiveSegment: Bool) throws(StorageError) {
        guard var work = try flushWork(includingActiveSegment: includingActiveSegment) else { return }
        work.isOwners = true
        var failure: StorageError?
        do { try work.run() } catch { failure = error }
        try finishFlush(work, failure: failure)
    }

    /// What has to be made durable now, to be run elsewhere; `nil` where nothing has.
    public func flushWork(includingActiveSegment: Bool = true) throws(StorageError) -> FlushWork? {
        try checkOnline()
        let needsActive = includingActiveSegment && flushedOffset < logEnd && active.byteCount > 0
        var changedFolders: [FilePath] = []
        if folderChanges != flushedFolderChanges { changedFolders.append(folder) }
        if isFolderNew { changedFolders.append(folder.removingLastComponent()) }
        guard needsActive || !unflushedSegments.isEmpty || !changedFolders.isEmpty else { return nil }
        return FlushWork(
            upTo: includingActiveSegment ? logEnd : max(flushedOffset, active.baseOffset), closed: unflushedSegments,
            active: needsActive ? try active.log() : nil, folder: folder,
            changedFolders: changedFolders, folderChanges: folderChanges, files: files)
    }

    /// Takes note of flush work that was run. After a failure the log is offline, for nobody knows what the disk has.
    public func finishFlush(_ work: FlushWork, failure: StorageError?) throws(StorageError) {
        if let failure { throw goOffline(failure) }
        // By name, not by number: a flush of the owner may have been faster than this one.
        let finished = Set(work.closed.map(\.end))
        unflushedSegments.removeAll { finished.contains($0.end) }
        flushedOffset = max(flushedOffset, work.upTo)
        flushedFolderChanges = max(flushedFolderChanges, work.folderChanges)
        isFolderNew = false
        if flushedOffset == logEnd { unflushedSince = nil }
        if let end = work.closed.last?.end { try keepSnapshot(end) }
    }

    /// Has the next flush write the snapshot at the active segment's base that a crash has kept from being written.
    ///
    /// Without it retention would delete the only batches that tell of an open transaction's beginning.
    func vouch(_ snapshot: LogSnapshot, since start: Offset) throws(StorageError) {
        var parts: [any File] = []
        for index in closed.indices where endOffset(ofSegment: index) > start {
            let segment = try openSegment(index)
            parts += [try segment.log(), try segment.offsetIndex.openFile(), try segment.timeIndex.openFile()]
            if let index = try aborted.file(ofSegment: segment.baseOffset) { parts.append(index) }
        }
        try saveEpochs()
        unflushedSegments.append(
            FlushWork.ClosedSegment(parts: parts, end: active.baseOffset, snapshot: snapshot.encoded()))
        folderChanges += 1
    }

    /// Records that a durable snapshot was written and removes those that are not needed any more.
    func keepSnapshot(_ offset: Offset) throws(StorageError) {
        snapshots.removeAll { $0 == offset }
        snapshots.append(offset)
        snapshots.sort()
        while snapshots.count > Self.keptSnapshots {
            try files.remove(folder.file(.snapshot, snapshots[0]))
            snapshots.removeFirst()
        }
    }

    /// Makes everything durable and leaves the folder so that the next open reads no log data. The log must not be used
    /// afterwards. Costs nothing where nothing has changed since it was opened after a clean stop.
    public func close() throws(StorageError) {
        try checkOnline()
        if isDirty {
            try flushAborted()
            try saveEpochs()
            try flush()
            try active.seal()
            try active.offsetIndex.openFile().sync()
            try active.timeIndex.openFile().sync()
            try aborted.file(ofSegment: active.baseOffset)?.sync()
            let snapshot = LogSnapshot(
                producers: producers, segmentBytes: active.byteCount, lastLeaderEpoch: lastLeaderEpoch)
            try files.replace(folder.file(.snapshot, logEnd), with: snapshot.encoded())
            try keepSnapshot(logEnd)
            isDirty = false
        }
        releaseFiles()
    }
}
