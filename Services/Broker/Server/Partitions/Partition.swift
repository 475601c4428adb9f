import KafkaWire
import NIOCore
import Storage

/// One partition's leader: owns its log and runs on the storage thread it was given.
///
/// Appends never interleave. What others need to know without asking is in ``progress``.
actor Partition {
    nonisolated let topicPartition: TopicPartition
    nonisolated let topicID: KafkaUUID
    nonisolated let progress: PartitionProgress
    nonisolated let leaderEpoch: LeaderEpoch

    private nonisolated let executor: any SerialExecutor
    private let log: PartitionLog
    private let clock: WallClock

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameter log: opened on any thread; from here on only this actor uses it.
    init(
        _ topicPartition: TopicPartition, topicID: KafkaUUID, leaderEpoch: LeaderEpoch, log: sending PartitionLog,
        clock: WallClock, executor: any SerialExecutor
    ) {
        self.topicPartition = topicPartition
        self.topicID = topicID
        self.leaderEpoch = leaderEpoch
        self.executor = executor
        self.clock = clock
        progress = PartitionProgress(Self.offsets(of: log))
        self.log = log
    }

    /// Appends whole batches as they were received, and tells who waits for them.
    func append(_ batches: ByteBuffer, origin: AppendOrigin) throws(AppendError) -> AppendResult {
        let now = clock.now()
        return try finish(log.append(batches, leaderEpoch: leaderEpoch, now: now, origin: origin), now: now)
    }

    /// Ends a producer's transaction here, and tells who waits for committed records.
    ///
    /// - Throws: `fencedProducer` or `fencedCoordinator` for a marker that comes too late.
    func appendMarker(_ marker: TransactionMarker) throws(AppendError) -> AppendResult {
        let now = clock.now()
        return try finish(log.appendMarker(marker, leaderEpoch: leaderEpoch, now: now), now: now)
    }

    private func finish(_ result: AppendResult, now: Int64) throws(AppendError) -> AppendResult {
        do throws(StorageError) {
            if log.needsFlush(now: now) { try log.flush() }
        } catch {
            throw .storage(error)
        }
        publish(appendedBytes: result.appendedBytes)
        return result
    }

    /// Whether a producer has a transaction open here under that epoch, so that the coordinator knows of it.
    func hasOngoingTransaction(of producer: ProducerID, epoch: Int16) -> Bool {
        log.hasOngoingTransaction(of: producer, epoch: epoch)
    }

    /// Stored bytes from the batch that holds `offset` on; empty at the high watermark.
    func read(from offset: Offset, maximumBytes: Int, atLeastOneBatch: Bool) throws(ReadError) -> LogRead {
        try log.read(
            from: offset, maxBytes: maximumBytes, atLeastOneBatch: atLeastOneBatch,
            below: progress.offsets.highWatermark)
    }

    /// As ``read(from:maximumBytes:atLeastOneBatch:)``, but empty from the last stable offset on, and with the aborted
    /// transactions that have records in what was read, ascending by first offset.
    func readCommitted(
        from offset: Offset, maximumBytes: Int, atLeastOneBatch: Bool
    ) throws(ReadError) -> (LogRead, [AbortedTransaction]) {
        let read = try log.read(
            from: offset, maxBytes: maximumBytes, atLeastOneBatch: atLeastOneBatch,
            below: progress.offsets.lastStable)
        guard let first = read.firstBatchBase else { return (read, []) }
        do {
            return (read, try log.abortedTransactions(from: first, upTo: read.nextOffset))
        } catch {
            throw .storage(error)
        }
    }

    /// The first record at or after `timestamp` (milliseconds), exact to the record.
    func offset(forTimestamp timestamp: Int64) throws(StorageError) -> TimestampedOffset? {
        try log.offset(forTimestamp: timestamp)
    }

    /// The record with the largest timestamp.
    func maximumTimestamp() throws(StorageError) -> TimestampedOffset? {
        try log.maxTimestamp()
    }

    /// Writes what `flush.ms` asks for and, when it is time for it, deletes what retention allows.
    func maintain(applyRetention: Bool) throws(StorageError) {
        let now = clock.now()
        if log.needsFlush(now: now) { try log.flush() }
        guard applyRetention else { return }
        log.expireProducers(now: now)
        _ = try log.applyRetention(now: now)
        publish(appendedBytes: 0)
    }

    /// Moves the log start up to `offset`, or with -1 to the high watermark; returns where it is now.
    func deleteRecords(before offset: Offset) throws(RecordDeletionError) -> Offset {
        let end = progress.offsets.highWatermark
        let target = offset == -1 ? end : offset
        guard log.configuration.cleanupPolicy.contains(.delete) else { throw .notByPolicy }
        guard target >= 0, target <= end else { throw .outOfRange(target, end: end) }
        do {
            try log.advanceLogStart(to: target)
        } catch {
            throw .log(error)
        }
        publish(appendedBytes: 0)
        return log.logStart
    }

    /// Bytes of all segments.
    var byteCount: Int64 { log.byteCount }

    /// Closed segments that are not on the disk yet, to be written by somebody else's thread.
    func takeFlushWork() throws(StorageError) -> FlushWork? {
        log.hasUnflushedSegments ? try log.flushWork(includingActiveSegment: false) : nil
    }

    /// Takes note of what became of ``takeFlushWork()``.
    func finish(_ work: FlushWork, failure: StorageError?) throws(StorageError) {
        try log.finishFlush(work, failure: failure)
    }

    /// Writes what a start without scanning needs, and closes the files.
    func close() throws(StorageError) {
        try log.close()
        progress.end()
    }

    /// Removes the partition from the disk.
    func delete() throws(StorageError) {
        progress.end()
        try log.delete()
    }

    private func publish(appendedBytes: Int) {
        progress.publish(Self.offsets(of: log), appendedBytes: appendedBytes)
    }

    private static func offsets(of log: PartitionLog) -> PartitionProgress.Offsets {
        PartitionProgress.Offsets(
            logStart: log.logStart, highWatermark: log.logEnd, logEnd: log.logEnd,
            firstUnstable: log.firstUnstableOffset)
    }
}
