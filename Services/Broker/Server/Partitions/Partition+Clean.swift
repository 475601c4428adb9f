import KafkaWire
import Storage

extension Partition {
    /// How dirty the log is since the last cleaning; `nil` for a topic that is not compacted.
    func dirtiness(since checkpoint: Offset?) throws(StorageError) -> LogDirtiness? {
        try log.dirtiness(since: checkpoint, below: progress.offsets.lastStable, now: clock.now())
    }

    /// What a cleaning would do now; `nil` where none is needed.
    func planCleaning(since checkpoint: Offset?) throws(StorageError) -> CleaningPlan? {
        try log.planCleaning(since: checkpoint, below: progress.offsets.lastStable, now: clock.now())
    }

    /// A closed segment to read; `nil` where it is gone or another by now.
    func cleaningSource(_ segment: CleanableSegment) throws(StorageError) -> CleaningSource? {
        try log.cleaningSource(segment)
    }

    /// Takes over a segment that was written anew; `false` where the log has changed meanwhile.
    func replaceSegments(with cleaned: CleanedSegment) throws(StorageError) -> Bool {
        do {
            guard try log.replaceSegments(with: cleaned) else { return false }
        } catch {
            if progress.offsetsUnlessGone != nil { noteFailure(error) }
            throw error
        }
        // In memory these records are as they were; who reads them now shall find what is in the log.
        progress.dropTail(upTo: cleaned.endOffset)
        return true
    }
}
