import KafkaWire
import Logging
import NIOCore
import Storage

/// One partition's leader: owns its log and runs on the storage thread it was given.
///
/// Appends never interleave. What others need to know without asking is in ``progress``.
actor Partition {
    /// Replicas that are in sync: on one node the leader alone.
    private static let inSyncReplicas = 1

    nonisolated let topicPartition: TopicPartition
    nonisolated let topicID: KafkaUUID
    nonisolated let progress: PartitionProgress
    nonisolated let leaderEpoch: LeaderEpoch

    nonisolated let environment: PartitionEnvironment
    nonisolated let eventLoop: any EventLoop
    private nonisolated let executor: any SerialExecutor
    let log: PartitionLog
    var commit = GroupCommit()
    /// Bytes that were appended and are above the high watermark.
    private var unreadableBytes = 0
    private var verifications = TransactionVerifications()

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    var clock: WallClock { environment.clock }
    /// Whether the disk failed in a way that only another start of the broker can put right.
    nonisolated var isOffline: Bool { progress.isOffline }

    /// - Parameter log: opened on any thread; from here on only this actor uses it.
    init(
        _ topicPartition: TopicPartition, topicID: KafkaUUID, leaderEpoch: LeaderEpoch, log: sending PartitionLog,
        eventLoop: any EventLoop, environment: PartitionEnvironment
    ) {
        self.topicPartition = topicPartition
        self.topicID = topicID
        self.leaderEpoch = leaderEpoch
        self.eventLoop = eventLoop
        self.environment = environment
        executor = eventLoop.executor
        log.beginLeading(leaderEpoch)
        progress = PartitionProgress(Self.offsets(of: log))
        if log.isOffline { progress.goOffline() }
        self.log = log
    }

    /// Appends whole batches as they were received, tells who waits for them, and returns when they are as durable as
    /// `flush.messages` asks.
    ///
    /// - Parameter isDurable: whether they have to be on the disk then, whatever `flush.messages` says.
    func append(
        _ batches: ByteBuffer, origin: AppendOrigin, isDurable: Bool = false
    ) async throws(AppendError) -> AppendResult {
        try await finish(try begin(batches, origin: origin, isDurable: isDurable))
    }

    /// Ends a producer's transaction here, tells who waits for committed records, and returns as
    /// ``append(_:origin:isDurable:)``.
    ///
    /// - Throws: `fencedProducer` or `fencedCoordinator` for a marker that comes too late.
    func appendMarker(
        _ marker: TransactionMarker, isDurable: Bool = false
    ) async throws(AppendError) -> AppendResult {
        let begun = try begin(isDurable: isDurable) { (log, now) throws(AppendError) in
            try log.appendMarker(marker, leaderEpoch: leaderEpoch, now: now)
        }
        // A marker that was refused has ended nothing, and takes back no word.
        verifications.marked(marker)
        return try await finish(begun)
    }

    private func finish(_ begun: BegunAppend) async throws(AppendError) -> AppendResult {
        do {
            if let end = begun.durableEnd { try await untilDurable(end) }
        } catch {
            throw .storage(error)
        }
        return begun.result
    }

    /// An append that is in the log and can be read, and may not be acknowledged yet.
    struct BegunAppend: Sendable {
        let result: AppendResult
        /// Must be waited for with ``untilDurable(_:)``; `nil` where nothing has to be.
        let durableEnd: Offset?
    }

    /// As ``append(_:origin:isDurable:)`` without the wait, so that further requests of a connection share the same
    /// flush.
    ///
    /// - Parameters:
    ///   - asksForAll: whether all replicas in sync are to have it (`acks=all`), `min.insync.replicas` at least.
    ///   - verification: given for a batch that is part of a transaction; one that no longer holds, and a transaction
    ///     that is not open, is `unverified`.
    func begin(
        _ batches: ByteBuffer, origin: AppendOrigin, asksForAll: Bool = false,
        verification: TransactionVerification? = nil, isDurable: Bool = false
    ) throws(AppendError) -> BegunAppend {
        let required = log.configuration.minimumInSyncReplicas
        if asksForAll, required > Self.inSyncReplicas {
            throw .notEnoughReplicas(inSync: Self.inSyncReplicas, required: required)
        }
        if let verification, !verifications.end(verification),
            !log.hasOngoingTransaction(of: verification.producer, epoch: verification.epoch)
        {
            throw .unverified(verification.producer)
        }
        if let found = verification?.strayedSequence, let producer = verification?.producer, !log.knows(producer) {
            throw .outOfOrderSequence(producer, expected: 0, found: found)
        }
        return try begin(isDurable: isDurable) { (log, now) throws(AppendError) in
            try log.append(batches, leaderEpoch: leaderEpoch, now: now, origin: origin)
        }
    }

    private func begin(
        isDurable mustBeDurable: Bool, _ append: (PartitionLog, _ now: Int64) throws(AppendError) -> AppendResult
    ) throws(AppendError) -> BegunAppend {
        let now = clock.now()
        let result: AppendResult
        do {
            result = try append(log, now)
        } catch {
            noteFailure(error)
            throw error
        }
        keepTail(result)
        // A repeated append may be of records that are still on their way to the disk.
        let end = result.lastOffset + 1
        let isAwaited = log.flushedOffset < end && (mustBeDurable || log.needsFlush(now: now))
        if isAwaited { commit.awaitedEnd = max(commit.awaitedEnd, end) }
        publish(appendedBytes: result.appendedBytes)
        startFlush()
        return BegunAppend(result: result, durableEnd: isAwaited ? end : nil)
    }

    /// Says whether a producer's batch may be appended without asking the coordinator; if not, the answer to
    /// ``begin(_:origin:verification:)`` or ``cancel(_:)`` says what the coordinator said.
    ///
    /// - Parameter strayedSequence: see ``TransactionVerification/strayedSequence``.
    func beginVerification(
        of producer: ProducerID, epoch: Int16, strayedSequence: Int32? = nil
    ) -> TransactionVerification {
        verifications.begin(
            of: producer, epoch: epoch, isOpen: log.hasOngoingTransaction(of: producer, epoch: epoch),
            strayedSequence: strayedSequence)
    }

    /// The coordinator did not vouch for the producer.
    func cancel(_ verification: TransactionVerification) {
        _ = verifications.end(verification)
    }

    /// Whether a producer has a transaction open here under that epoch, so that the coordinator knows of it.
    func hasOngoingTransaction(of producer: ProducerID, epoch: Int16) -> Bool {
        log.hasOngoingTransaction(of: producer, epoch: epoch)
    }

    /// Stored bytes from the batch that holds `offset` on; empty at the high watermark.
    func read(from offset: Offset, maximumBytes: Int, atLeastOneBatch: Bool) throws(ReadError) -> LogRead {
        try log.readRecords(
            from: offset, maxBytes: maximumBytes, atLeastOneBatch: atLeastOneBatch,
            below: progress.offsets.highWatermark)
    }

    /// As ``read(from:maximumBytes:atLeastOneBatch:)``, but empty from the last stable offset on, and with the aborted
    /// transactions that have records in what was read, ascending by first offset.
    func readCommitted(
        from offset: Offset, maximumBytes: Int, atLeastOneBatch: Bool
    ) throws(ReadError) -> (LogRead, [AbortedTransaction]) {
        let read = try log.readRecords(
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

    /// Where the records of a leader epoch end; see ``PartitionLog/endOffset(forLeaderEpoch:)``.
    func endOffset(forLeaderEpoch epoch: LeaderEpoch) throws(StorageError) -> EpochEnd {
        try log.endOffset(forLeaderEpoch: epoch)
    }

    /// The leader epoch of the record at an offset; `none` where it is not known.
    func leaderEpoch(at offset: Offset) throws(StorageError) -> LeaderEpoch {
        try log.leaderEpoch(at: offset)
    }

    /// The producers that are remembered here.
    func describeProducers() -> [ProducerDescription] { log.describeProducers() }

    /// Deletes what retention allows.
    func applyRetention() throws(StorageError) {
        let now = clock.now()
        log.expireProducers(now: now)
        do {
            _ = try log.applyRetention(now: now)
        } catch {
            noteFailure(error)
            throw error
        }
        publish(appendedBytes: 0)
    }

    /// What the log is told from the next call on.
    func reconfigure(_ configuration: LogConfiguration) {
        log.configuration = configuration
        // What waits for the disk may have to be there sooner now.
        startFlush()
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
            noteFailure(error)
            throw .log(error)
        }
        publish(appendedBytes: 0)
        return log.logStart
    }

    /// Bytes of all segments.
    var byteCount: Int64 { log.byteCount }

    /// Writes what a start without scanning needs, and closes the files.
    func close() async throws(StorageError) {
        while commit.isRunning { await flushEnd() }
        try log.close()
        progress.end()
    }

    /// Removes the partition from the disk.
    func delete() async throws(StorageError) {
        if progress.isOffline { environment.probe.forgotten() }
        progress.end()
        while commit.isRunning { await flushEnd() }
        try log.delete()
    }

    /// Lets everybody see that the log is offline, where that is what the error has brought.
    ///
    /// A log that was closed or deleted has not failed.
    func noteFailure(_ error: any Error) {
        guard log.isOffline, !progress.isOffline, progress.offsetsUnlessGone != nil else { return }
        progress.goOffline()
        environment.probe.failed()
        environment.logger.error(
            "a partition is offline until the next start",
            metadata: ["partition": "\(topicPartition)", "error": "\(error)"])
    }

    /// Keeps what was appended in memory where somebody reads along; before it is published, for who is woken by that.
    private func keepTail(_ result: AppendResult) {
        guard !result.stored.isEmpty, progress.isTailWanted else { return }
        let batch = TailBatch(first: result.firstOffset, end: result.lastOffset + 1, stored: result.stored)
        environment.tails.keep(batch, of: progress)
    }

    /// Tells everybody how far the log has come. Records that have to be durable before they are acknowledged are not
    /// read before that either: after a crash others could take their offsets.
    func publish(appendedBytes: Int) {
        unreadableBytes += appendedBytes
        var offsets = Self.offsets(of: log)
        if commit.awaitedEnd > log.flushedOffset {
            offsets = PartitionProgress.Offsets(
                logStart: log.logStart, highWatermark: max(progress.offsets.highWatermark, log.flushedOffset),
                logEnd: log.logEnd, firstUnstable: log.firstUnstableOffset)
        }
        let hasMoved = offsets.highWatermark > progress.offsets.highWatermark
        progress.publish(offsets, appendedBytes: hasMoved ? unreadableBytes : 0)
        if hasMoved { unreadableBytes = 0 }
    }

    private static func offsets(of log: PartitionLog) -> PartitionProgress.Offsets {
        PartitionProgress.Offsets(
            logStart: log.logStart, highWatermark: log.logEnd, logEnd: log.logEnd,
            firstUnstable: log.firstUnstableOffset)
    }
}
