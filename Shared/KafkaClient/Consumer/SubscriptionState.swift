import DequeModule
import KafkaWire
import NIOCore

/// A consumer's partitions: where each stands, what was fetched and not yet delivered, and what may be fetched.
///
/// A pure rule. What it keeps: batches of a partition are delivered in order and without gaps; nothing is delivered
/// of a partition that was taken away, paused or sought elsewhere after the fetch; fetched bytes stay within the bound,
/// passed by at most one response per broker, or two where their batches are compressed.
struct SubscriptionState {
    struct Partition {
        /// The next offset to fetch; `nil` while it has to be found out.
        var fetchPosition: Offset?
        /// How to find it out.
        var start: KafkaStartPosition
        /// The next offset to deliver.
        var position: Offset?
        /// Everything before it was processed by the application; `nil` before the first delivery.
        var processed: Offset?
        /// What was last committed.
        var committed: Offset?
        var leaderEpoch: LeaderEpoch = .none
        var highWatermark: Offset?
        var isPaused = false
        /// Whether the application has taken the partition over (`onAssigned`).
        var isReady = false
        /// Whether it is being taken away.
        var isLeaving = false
        /// Tells this assignment of the partition from earlier and later ones.
        var assignment = 0
        /// Changes whenever a fetch under way becomes void.
        var version = 0
        /// Not to be asked about before, after an error.
        var notBefore: NIODeadline = .uptimeNanoseconds(0)
        var failures = 0
    }

    /// A partition to be fetched.
    struct FetchTarget: Hashable {
        var topicPartition: TopicPartition
        var offset: Offset
        var version: Int
    }

    /// A partition whose position is to be found out.
    struct Unresolved: Hashable {
        var start: KafkaStartPosition
        var version: Int
    }

    /// A batch in the application's hands.
    struct Outstanding {
        var partition: TopicPartition
        var position: Offset?
        var nextOffset: Offset
        /// The partition was sought elsewhere or taken away since: that the application is done with it says nothing.
        var isVoid = false
        /// The loop over the batches was left while the application had this one: nobody works on it any more.
        var isAbandoned = false
    }

    private struct Queued {
        var batch: ConsumerBatch
        var memoryBytes: Int
    }

    let prefetchBytes: Int
    private(set) var partitions: [TopicPartition: Partition] = [:]
    private var queue: Deque<Queued> = []
    private(set) var bufferedBytes = 0
    /// The batch that the application works on.
    private(set) var outstanding: Outstanding?
    private var nextVersion = 0

    init(prefetchBytes: Int) {
        self.prefetchBytes = prefetchBytes
    }

    subscript(partition: TopicPartition) -> Partition? { partitions[partition] }

    /// Ascending.
    var assignment: [TopicPartition] { partitions.keys.sorted() }

    // MARK: Coming and going

    /// New partitions; nothing is fetched of them before ``makeReady(_:)``.
    mutating func assign(_ starts: [TopicPartition: KafkaStartPosition]) {
        for (partition, start) in starts {
            voidOutstanding(partition)
            partitions[partition] = Partition(start: start, assignment: makeVersion(), version: makeVersion())
            if case .offset(let offset) = start { moveTo(offset, partition) }
        }
    }

    mutating func makeReady(_ ready: [TopicPartition]) {
        for partition in ready { partitions[partition]?.isReady = true }
    }

    /// Nothing more is delivered of these; they stay assigned until ``remove(_:)``.
    mutating func beginLeaving(_ leaving: [TopicPartition]) {
        for partition in leaving {
            partitions[partition]?.isLeaving = true
            void(partition)
        }
    }

    mutating func remove(_ gone: [TopicPartition]) {
        for partition in gone {
            voidOutstanding(partition)
            void(partition)
            partitions[partition] = nil
        }
    }

    private mutating func makeVersion() -> Int {
        nextVersion += 1
        return nextVersion
    }

    private mutating func voidOutstanding(_ partition: TopicPartition) {
        if outstanding?.partition == partition { outstanding?.isVoid = true }
    }

    func isAssigned(_ all: some Sequence<TopicPartition>) -> Bool { all.allSatisfy { partitions[$0] != nil } }

    /// Whether the batch is of an assignment that lasts, as far as it can tell where it is from.
    func isAssigned(_ batch: ConsumerBatch) -> Bool {
        guard let assignment = batch.assignment else { return true }
        return partitions[batch.topicPartition]?.assignment == assignment
    }

    /// Drops what was fetched and not delivered, and whatever is still on its way.
    private mutating func void(_ partition: TopicPartition) {
        let version = makeVersion()
        partitions[partition]?.version = version
        bufferedBytes -= queue.lazy.filter { $0.batch.topicPartition == partition }.reduce(0) { $0 + $1.memoryBytes }
        queue.removeAll { $0.batch.topicPartition == partition }
    }

    // MARK: Positions

    /// Puts a partition at an offset.
    mutating func moveTo(_ offset: Offset, _ partition: TopicPartition) {
        guard partitions[partition] != nil else { return }
        void(partition)
        partitions[partition]?.fetchPosition = offset
        partitions[partition]?.position = offset
        partitions[partition]?.failures = 0
    }

    /// Puts a partition where `start` says; false where it is not assigned.
    mutating func seek(_ partition: TopicPartition, to start: KafkaStartPosition) -> Bool {
        guard let state = partitions[partition], !state.isLeaving else { return false }
        voidOutstanding(partition)
        if case .offset(let offset) = start {
            moveTo(offset, partition)
        } else {
            void(partition)
            partitions[partition]?.start = start
            partitions[partition]?.fetchPosition = nil
            partitions[partition]?.position = nil
        }
        return true
    }

    /// The partitions whose position has to be found out, by how; and when to look again for those that wait.
    func unresolved(now: NIODeadline) -> (starts: [TopicPartition: Unresolved], nextCheck: NIODeadline?) {
        var starts: [TopicPartition: Unresolved] = [:]
        var nextCheck: NIODeadline?
        for (partition, state) in partitions
        where state.fetchPosition == nil && state.isReady && !state.isLeaving {
            if state.notBefore <= now {
                starts[partition] = Unresolved(start: state.start, version: state.version)
            } else {
                nextCheck = min(nextCheck ?? state.notBefore, state.notBefore)
            }
        }
        return (starts, nextCheck)
    }

    /// The position that was found out; ignored if the partition moved meanwhile.
    mutating func resolve(_ partition: TopicPartition, version: Int, to offset: Offset) {
        guard let state = partitions[partition], state.fetchPosition == nil, state.version == version else { return }
        moveTo(offset, partition)
    }

    /// The position was not found, or is not in the log any more: another way is tried, unless the partition moved
    /// meanwhile.
    mutating func restart(_ partition: TopicPartition, version: Int, from start: KafkaStartPosition) {
        guard partitions[partition]?.version == version else { return }
        partitions[partition]?.start = start
        partitions[partition]?.fetchPosition = nil
    }

    /// Whether the partition did not move since it had this version.
    func isUnmoved(_ partition: TopicPartition, since version: Int) -> Bool {
        partitions[partition]?.version == version
    }

    /// An error: leaves the partition alone for a while.
    mutating func postpone(_ partition: TopicPartition, until: (_ failures: Int) -> NIODeadline) {
        guard let failures = partitions[partition]?.failures else { return }
        partitions[partition]?.failures = failures + 1
        partitions[partition]?.notBefore = until(failures + 1)
    }

    // MARK: Fetching

    /// What to ask a broker for: everything it leads that has a position, unless enough is buffered already.
    func fetchTargets(
        now: NIODeadline, leads: (TopicPartition) -> Bool
    ) -> (targets: [FetchTarget], nextCheck: NIODeadline?) {
        guard bufferedBytes < prefetchBytes else { return ([], nil) }
        var targets: [FetchTarget] = []
        var nextCheck: NIODeadline?
        for (partition, state) in partitions {
            guard let offset = state.fetchPosition, state.isReady, !state.isPaused, !state.isLeaving, leads(partition)
            else { continue }
            if state.notBefore > now {
                nextCheck = min(nextCheck ?? state.notBefore, state.notBefore)
            } else {
                targets.append(FetchTarget(topicPartition: partition, offset: offset, version: state.version))
            }
        }
        return (targets, nextCheck)
    }

    /// Whether to go on fetching these while what they have just brought is being decoded: all are still wanted, and
    /// there is room for more than that.
    func mayFetchAhead(of targets: [FetchTarget], bytes: Int) -> Bool {
        bytes > 0 && bufferedBytes + bytes < prefetchBytes
            && targets.allSatisfy { target in
                guard let state = partitions[target.topicPartition] else { return false }
                return isCurrent(target) && state.isReady && !state.isPaused && !state.isLeaving
            }
    }

    /// Whether the answer for this target still counts.
    func isCurrent(_ target: FetchTarget) -> Bool {
        guard let state = partitions[target.topicPartition] else { return false }
        return state.version == target.version && state.fetchPosition == target.offset
    }

    /// Takes in what a fetch brought; ignored if the partition moved or left meanwhile.
    mutating func receive(_ batch: ConsumerBatch, memoryBytes: Int, for target: FetchTarget) -> Bool {
        guard isCurrent(target) else { return false }
        let partition = batch.topicPartition
        partitions[partition]?.highWatermark = batch.highWatermark
        partitions[partition]?.failures = 0
        guard batch.nextOffset > target.offset else { return true }
        partitions[partition]?.fetchPosition = batch.nextOffset
        if batch.leaderEpoch > .none { partitions[partition]?.leaderEpoch = batch.leaderEpoch }
        // Offsets without records, such as transaction markers, count with the batch before them where one waits.
        if batch.records.isEmpty, let last = queue.lastIndex(where: { $0.batch.topicPartition == partition }) {
            queue[last].batch.nextOffset = batch.nextOffset
        } else {
            queue.append(Queued(batch: batch, memoryBytes: memoryBytes))
            bufferedBytes += memoryBytes
        }
        return true
    }

    // MARK: Delivering

    /// The application has asked for the next batch: it is done with the last.
    mutating func finishOutstanding() {
        guard let finished = outstanding.take(), !finished.isVoid else { return }
        partitions[finished.partition]?.processed = finished.nextOffset
    }

    /// The application never got the last batch: it will be delivered again.
    mutating func takeBackOutstanding() {
        guard let lost = outstanding.take(), !lost.isVoid, let position = lost.position,
            partitions[lost.partition]?.position == lost.nextOffset
        else { return }
        moveTo(position, lost.partition)
    }

    /// The next batch to deliver; `nil` when none is there.
    mutating func next() -> ConsumerBatch? {
        guard var queued = queue.popFirst() else { return nil }
        bufferedBytes -= queued.memoryBytes
        let partition = queued.batch.topicPartition
        outstanding = Outstanding(
            partition: partition, position: partitions[partition]?.position, nextOffset: queued.batch.nextOffset)
        partitions[partition]?.position = queued.batch.nextOffset
        queued.batch.assignment = partitions[partition]?.assignment
        return queued.batch
    }

    var hasBatch: Bool { !queue.isEmpty }

    /// Whether the application works on a batch of one of these.
    func isBusy(with some: [TopicPartition]) -> Bool {
        outstanding.map { !$0.isAbandoned && some.contains($0.partition) } ?? false
    }

    /// The application left its loop with a batch in hand. That one counts as processed only once it asks for another.
    mutating func abandonOutstanding() { outstanding?.isAbandoned = true }

    mutating func pause(_ paused: [TopicPartition]) {
        for partition in paused {
            guard let state = partitions[partition], !state.isPaused else { continue }
            partitions[partition]?.isPaused = true
            void(partition)
            partitions[partition]?.fetchPosition = state.position
        }
    }

    mutating func resume(_ resumed: [TopicPartition]) {
        for partition in resumed { partitions[partition]?.isPaused = false }
    }

    // MARK: Committing

    /// Processed and not yet committed, of these partitions or of all.
    func uncommitted(of some: [TopicPartition]? = nil) -> [TopicPartition: CommittedOffset] {
        var offsets: [TopicPartition: CommittedOffset] = [:]
        for (partition, state) in partitions {
            guard let processed = state.processed, processed != state.committed, some?.contains(partition) ?? true
            else { continue }
            offsets[partition] = CommittedOffset(offset: processed, leaderEpoch: state.leaderEpoch)
        }
        return offsets
    }

    mutating func noteCommitted(_ offsets: [TopicPartition: CommittedOffset]) {
        for (partition, committed) in offsets { partitions[partition]?.committed = committed.offset }
    }

    /// Records between position and end, where both are known.
    var lag: [TopicPartition: Int64] {
        partitions.compactMapValues { state in
            guard let position = state.position, let end = state.highWatermark else { return nil }
            return max(0, end - position)
        }
    }
}
