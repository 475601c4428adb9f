import KafkaWire
import SystemPackage

extension PartitionLog {
    /// Deletes segments past `retention.ms` and `retention.bytes`, and those below the log start.
    ///
    /// The log start moves up to the oldest record that stays. Where everything is past its time the active segment is
    /// closed first, so that the log's end is kept.
    /// - Parameter bound: the high watermark; nothing at or after it is deleted.
    /// - Returns: the segments that are gone, oldest first.
    @discardableResult
    public func applyRetention(now: Int64, below bound: Offset = Offset(.max)) throws(StorageError) -> [SegmentInfo] {
        let all = try segments()
        let count = RetentionRules(configuration: configuration).expiredCount(
            all, logStart: logStart, logEnd: logEnd, bound: bound, now: now)
        if count == 0 { return [] }
        if count > closed.count { try roll(now: now) }
        // The names of the segments that stay must be durable first: without any, the log would start over at 0.
        try flush(includingActiveSegment: false)
        let newStart = max(logStart, endOffset(ofSegment: count - 1))
        try LogStartCheckpoint.write(newStart, folder, files)
        logStart = newStart
        for segment in all.prefix(count) { try removeOldest(segment) }
        return Array(all.prefix(count))
    }

    private func removeOldest(_ segment: SegmentInfo) throws(StorageError) {
        closed.removeFirst()
        openClosed.removeAll { $0.baseOffset == segment.baseOffset }
        positions.forget(below: closed.first?.baseOffset ?? active.baseOffset)
        folderChanges += 1
        isDirty = true
        // The log file first: an index without one is removed at the next start.
        for kind in [LogFileName.Kind.log, .index, .timeindex] {
            try files.remove(folder.file(kind, segment.baseOffset))
        }
        try aborted.remove(segment: segment.baseOffset)
    }

    /// Moves the log start up, as deleting records does; it survives restarts. Segments below it go with the next
    /// ``applyRetention(now:below:)``. An offset below the log start changes nothing.
    public func advanceLogStart(to offset: Offset) throws(ReadError) {
        do { try checkOnline() } catch { throw .storage(error) }
        guard offset <= logEnd else { throw .offsetOutOfRange(offset, start: logStart, end: logEnd) }
        guard offset > logStart else { return }
        do {
            // A log start beyond the records that a crash of the machine leaves would hide those that come after.
            if offset > flushedOffset { try flush() }
            try LogStartCheckpoint.write(offset, folder, files)
        } catch {
            throw .storage(error)
        }
        logStart = offset
    }

    /// Deletes the log: its folder gets another name at once, so that a topic of the same name can be made, and goes.
    /// The log is offline from the first step on, for its folder's path is the next topic's of the name: also where the
    /// disk refuses a step. Reads that were handed out stay valid.
    public func delete() throws(StorageError) {
        offlineReason = .offline(path: folder.string, reason: "the log was deleted")
        releaseFiles()
        let deleted = LogFileName.deletedFolder(for: folder)
        try files.removeFolder(deleted)
        try files.rename(folder, to: deleted)
        try files.syncFolder(folder.removingLastComponent())
        try files.removeFolder(deleted)
    }

    /// Removes folders that ``delete()`` could not finish with, because the process ended; for the start of a broker.
    public static func removeDeletedFolders(in dataFolder: FilePath, files: any FileSystem) throws(StorageError) {
        for name in try files.list(dataFolder) where name.hasSuffix(LogFileName.deletedFolderSuffix) {
            try files.removeFolder(dataFolder.appending(name))
        }
    }
}
