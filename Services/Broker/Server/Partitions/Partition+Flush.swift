import KafkaWire
import Logging
import NIOCore
import NIOPosix
import Storage

/// Appends that wait for the disk, and the flush that runs for them: one at a time for each partition, so that all
/// that arrive meanwhile share the next (group commit).
struct GroupCommit {
    var isRunning = false
    /// The end of the records that may not be acknowledged, nor read, before they are on the disk.
    var awaitedEnd: Offset = 0
    var waiting: [(end: Offset, continuation: CheckedContinuation<StorageError?, Never>)] = []

    /// Those whose records end at or below `offset`.
    mutating func take(upTo offset: Offset) -> [CheckedContinuation<StorageError?, Never>] {
        let ready = waiting.filter { $0.end <= offset }
        waiting.removeAll { $0.end <= offset }
        return ready.map(\.continuation)
    }
}

extension Partition {
    /// Every record below is on the disk.
    var flushedOffset: Offset { log.flushedOffset }

    /// Returns when every record below `end` is durable.
    ///
    /// - Throws: the disk's error; the partition is offline then and nobody knows what of the records it has.
    func untilDurable(_ end: Offset) async throws(StorageError) {
        if log.flushedOffset >= end { return }
        let failure = await withCheckedContinuation { (continuation: CheckedContinuation<StorageError?, Never>) in
            // As in ``flushEnd()``: it may be there by now, and the next flush is none of ours.
            guard log.flushedOffset < end else { return continuation.resume(returning: nil) }
            commit.waiting.append((end, continuation))
            startFlush()
        }
        if let failure { throw failure }
    }

    /// Starts the flush that `flush.messages`, `flush.ms`, a waiting append or a closed segment asks for, on a thread
    /// of its own; whoever comes while one is running is taken along by the next.
    func startFlush() {
        guard !commit.isRunning else { return }
        let isAwaited = !commit.waiting.isEmpty || commit.awaitedEnd > log.flushedOffset
        let needsActive = isAwaited || log.needsFlush(now: clock.now())
        guard needsActive || log.hasUnflushedSegments else { return askForFlushInTime() }
        let work: FlushWork
        do {
            guard let found = try log.flushWork(includingActiveSegment: needsActive) else {
                return answer(commit.take(upTo: log.flushedOffset), nil)
            }
            work = found
        } catch {
            noteFlushNotBegun(error)
            return answer(commit.take(upTo: Offset(.max)), error)
        }
        commit.isRunning = true
        run(work)
    }

    /// Out of descriptors, perhaps: what waits in the log is still to reach the disk, so maintenance comes by again.
    private func noteFlushNotBegun(_ error: StorageError) {
        guard !log.isOffline, progress.offsetsUnlessGone != nil else { return }
        environment.due.insert(self)
        environment.logger.error(
            "a flush could not be begun and will be tried again",
            metadata: ["partition": "\(topicPartition)", "error": "\(error)"])
    }

    private func run(_ work: FlushWork) {
        let begun = ContinuousClock.now
        environment.flushThreads.submit { state in
            let failure = Self.failure(of: work, state)
            self.eventLoop.execute {
                self.assumeIsolated { $0.flushed(work, failure, after: .now - begun) }
            }
        }
    }

    private static func failure(of work: FlushWork, _ state: NIOThreadPool.WorkItemState) -> StorageError? {
        switch state {
        case .cancelled: return .offline(path: "", reason: "the broker stops")
        case .active:
            do { try work.run() } catch { return error }
            return nil
        }
    }

    private func flushed(_ work: FlushWork, _ failure: StorageError?, after duration: Duration) {
        commit.isRunning = false
        environment.probe.flushed(messages: max(0, work.upTo - log.flushedOffset), after: duration)
        do {
            try log.finishFlush(work, failure: failure)
        } catch {
            // Only what a failed flush leaves unknown takes the log offline, and with it everyone who waits.
            noteFailure(error)
            if log.isOffline { return answer(commit.take(upTo: Offset(.max)), error) }
        }
        if commit.awaitedEnd > progress.offsets.highWatermark { publish(appendedBytes: 0) }
        answer(commit.take(upTo: log.flushedOffset), nil)
        startFlush()
    }

    private func answer(_ waiting: [CheckedContinuation<StorageError?, Never>], _ failure: StorageError?) {
        for continuation in waiting { continuation.resume(returning: failure) }
    }

    /// Asks the next maintenance to come by where `flush.ms` bounds the wait of what was appended.
    func askForFlushInTime() {
        if log.flushDeadline != nil { environment.due.insert(self) }
    }

    /// Returns at the end of the flush that runs, if one does; the next may run by then.
    ///
    /// A task with a preferred executor, as a connection's, lets others run here wherever it waits or comes back. So
    /// this looks once more where it notes who waits, and the caller where it goes on.
    func flushEnd() async {
        _ = await withCheckedContinuation { (continuation: CheckedContinuation<StorageError?, Never>) in
            guard commit.isRunning else { return continuation.resume(returning: nil) }
            commit.waiting.append((log.flushedOffset, continuation))
        }
    }
}
