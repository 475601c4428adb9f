import KafkaMessages
import KafkaWire
import NIOCore
import Storage
import Synchronization

/// One client's session: the broker remembers its partitions, so that a fetch names and answers only what changed.
///
/// Partitions say by themselves when they change (``changed(_:uncommittedBytes:committedBytes:)``), so a fetch costs as
/// much as changed, however many partitions the session has. Every method can be called from any thread; the lock is
/// never held across a read.
final class FetchSession: Sendable {
    typealias Place = Result<Partition, ErrorCode>

    /// One partition to be read for a fetch.
    struct Work: Sendable {
        let slot: Int
        let key: FetchSessionKey
        let target: FetchPlan.Target
    }

    /// What was read of one partition.
    struct Reading: Sendable {
        let work: Work
        let data: FetchResponse.PartitionData
    }

    private struct State {
        var table = FetchSessionTable<Place>()
        /// What the next fetch must carry.
        var epoch: Int32 = 0
        var isolation = IsolationLevel.readUncommitted
        var lastUsed: Int64
        /// Bytes that came since the queue was taken.
        var arrivedBytes = 0
        var waiter: ParkedFetch?
        var isClosed = false
    }

    let id: Int32
    let usesTopicIDs: Bool
    /// Of a follower: goes over those of consumers.
    let isPrivileged: Bool
    /// Milliseconds since 1970.
    let createdAt: Int64
    private let state: Mutex<State>

    init(id: Int32, usesTopicIDs: Bool, isPrivileged: Bool, now: Int64) {
        self.id = id
        self.usesTopicIDs = usesTopicIDs
        self.isPrivileged = isPrivileged
        createdAt = now
        state = Mutex(State(lastUsed: now))
    }

    /// How large the session is, and when it was last used.
    var usage: (partitions: Int, lastUsed: Int64) { state.withLock { ($0.table.count, $0.lastUsed) } }
    /// Partitions that the next fetch will look at.
    var queuedCount: Int { state.withLock { $0.table.queuedCount } }

    /// Whether a fetch waits for something to come.
    var isWaitedFor: Bool { state.withLock { $0.waiter != nil } }

    // MARK: A fetch

    /// Takes over what a fetch changes about the session; returns the epoch that the fetch's answer belongs to.
    ///
    /// - Throws: INVALID_FETCH_SESSION_EPOCH for a fetch that is not the next one, FETCH_SESSION_TOPIC_ID_ERROR where
    ///   names and ids are mixed.
    func begin(
        _ request: FetchRequest, usesTopicIDs: Bool, topics: TopicTable, now: Int64
    ) throws(FetchSessionError) -> Int32 {
        let (outcome, overtaken) = state.withLock { state -> (Result<Int32, FetchSessionError>, ParkedFetch?) in
            let outcome = begin(request, usesTopicIDs: usesTopicIDs, topics: topics, now: now, &state)
            guard case .success = outcome else { return (outcome, nil) }
            return (outcome, state.waiter.take())
        }
        // Whoever still waits for an earlier fetch waits in vain.
        overtaken?.wake()
        return try outcome.get()
    }

    private func begin(
        _ request: FetchRequest, usesTopicIDs: Bool, topics: TopicTable, now: Int64, _ state: inout State
    ) -> Result<Int32, FetchSessionError> {
        if state.isClosed { return .failure(.notFound) }
        guard request.sessionEpoch == state.epoch else { return .failure(.invalidEpoch) }
        guard usesTopicIDs == self.usesTopicIDs else { return .failure(.topicIDs) }
        state.lastUsed = now
        state.epoch = FetchSessionIntent.epoch(after: state.epoch)
        let isolation = IsolationLevel(request.isolationLevel)
        if isolation != state.isolation {
            state.isolation = isolation
            state.table.markAll()
        }
        for topic in request.topics {
            for partition in topic.partitions {
                let key = FetchSessionKey(
                    topic: topic.topic, topicID: topic.topicId, partition: partition.partition)
                put(key, partition, topics, &state)
            }
        }
        for topic in request.forgottenTopicsData {
            for partition in topic.partitions {
                let key = FetchSessionKey(topic: topic.topic, topicID: topic.topicId, partition: partition)
                unwatch(state.table.remove(key))
            }
        }
        return .success(state.epoch)
    }

    private func put(
        _ key: FetchSessionKey, _ request: FetchRequest.FetchPartition, _ topics: TopicTable, _ state: inout State
    ) {
        if let slot = state.table.slot(of: key) {
            state.table.update(slot, request)
        } else {
            let place = find(key, topics)
            watch(place, slot: state.table.add(key, request, at: place))
        }
    }

    /// What may have changed, in the order in which it is to be read; nothing for a fetch that was overtaken.
    func takeWork(_ topics: TopicTable, epoch: Int32) -> [Work] {
        state.withLock { state in
            guard state.epoch == epoch else { return [] }
            state.arrivedBytes = 0
            return state.table.takeQueued().compactMap { slot in
                guard let entry = state.table[slot] else { return nil }
                return Work(
                    slot: slot, key: entry.key,
                    target: FetchPlan.Target(request: entry.request, partition: place(of: entry, slot, topics, &state)))
            }
        }
    }

    /// Where a partition is now: one that was not there, or is not any more, is looked up again.
    private func place(
        of entry: FetchSessionTable<Place>.Entry, _ slot: Int, _ topics: TopicTable, _ state: inout State
    ) -> Place {
        var place = entry.place
        let isThere =
            switch place {
            case .success(let partition): partition.progress.offsetsUnlessGone != nil
            case .failure: false
            }
        if !isThere {
            place = find(entry.key, topics)
            state.table.move(slot, to: place)
            watch(place, slot: slot)
        }
        return place.flatMap { partition in
            partition.problem(withEpoch: entry.request.currentLeaderEpoch).map(Result.failure) ?? .success(partition)
        }
    }

    private func find(_ key: FetchSessionKey, _ topics: TopicTable) -> Place {
        let reference = TopicReference(name: key.topic, id: key.topicID, usesID: usesTopicIDs)
        return reference.find(in: topics).mapError(\.code).flatMap { topic in
            topic.partition(key.partition).map(Result.success) ?? .failure(.unknownTopicOrPartition)
        }
    }

    /// Whether no other fetch has gone on with the session, and it was not closed.
    func expects(_ epoch: Int32) -> Bool { state.withLock { $0.epoch == epoch && !$0.isClosed } }

    /// Puts what was read back: nobody was told of it yet.
    func putBack(_ readings: [Reading], epoch: Int32) {
        let overtaker = state.withLock { state -> ParkedFetch? in
            guard state.epoch == epoch else { return Self.handOver(readings, &state) }
            for reading in readings {
                let isNews = state.table.differs(reading.work.slot, reading.data)
                if isNews || reading.hasMore(at: state.isolation) { state.table.mark(reading.work.slot) }
            }
            return nil
        }
        overtaker?.wake()
    }

    /// Leaves what an overtaken fetch had taken to the one that goes on, which may have looked already and wait, or be
    /// about to: returns who is to be woken.
    private static func handOver(_ readings: [Reading], _ state: inout State) -> ParkedFetch? {
        if readings.isEmpty { return nil }
        for reading in readings { state.table.mark(reading.work.slot) }
        state.arrivedBytes = ParkedFetch.enoughBytes
        return state.waiter
    }

    /// Decides what of it the client is told; the rest it knows.
    ///
    /// - Throws: INVALID_FETCH_SESSION_EPOCH when another fetch has gone on with the session meanwhile.
    func tell(_ readings: [Reading], epoch: Int32) throws(FetchSessionError) -> [Reading] {
        let (told, overtaker) = state.withLock { state -> ([Reading]?, ParkedFetch?) in
            guard state.epoch == epoch else { return (nil, Self.handOver(readings, &state)) }
            let told = readings.filter { reading in
                let slot = reading.work.slot
                guard state.table[slot]?.key == reading.work.key else { return false }
                let differs = state.table.differs(slot, reading.data)
                if differs { state.table.tell(slot, reading.data) }
                if reading.hasMore(at: state.isolation) { state.table.mark(slot) }
                return differs
            }
            return (told, nil)
        }
        overtaker?.wake()
        guard let told else { throw .invalidEpoch }
        return told
    }

    /// Returns when so many bytes more can be read, after `timeout`, when the fetch is overtaken, or when the session
    /// or the task ends.
    func waitForMore(_ missingBytes: Int, epoch: Int32, atMost timeout: TimeAmount, on loop: any EventLoop) async {
        let parked = ParkedFetch(missingBytes: missingBytes)
        let arrived = state.withLock { state -> Int? in
            guard state.epoch == epoch, !state.isClosed else { return nil }
            state.waiter = parked
            return state.arrivedBytes
        }
        guard let arrived else { return }
        if arrived > 0 { _ = parked.dataArrived(bytes: arrived) }
        await parked.wait(timeout: timeout, on: loop)
        state.withLock { state in
            if state.waiter === parked { state.waiter = nil }
        }
    }

    // MARK: What partitions say

    /// The partition at `slot` moved on: more bytes can be read, or another of its offsets changed.
    func changed(_ slot: Int, uncommittedBytes: Int, committedBytes: Int) {
        let (waiter, bytes) = state.withLock { state -> (ParkedFetch?, Int) in
            state.table.mark(slot)
            let bytes = state.isolation == .readCommitted ? committedBytes : uncommittedBytes
            state.arrivedBytes = min(ParkedFetch.enoughBytes, state.arrivedBytes + bytes)
            return (state.waiter, bytes)
        }
        if bytes > 0 { _ = waiter?.dataArrived(bytes: bytes) }
    }

    private func watch(_ place: Place, slot: Int) {
        if case .success(let partition) = place { partition.progress.watch(self, slot: slot) }
    }

    private func unwatch(_ place: Place?) {
        if case .success(let partition)? = place { partition.progress.unwatch(self) }
    }

    /// Lets go of every partition.
    func close() {
        let (waiter, places) = state.withLock { state -> (ParkedFetch?, [Place]) in
            state.isClosed = true
            return (state.waiter.take(), state.table.removeAll())
        }
        for place in places { unwatch(place) }
        waiter?.wake()
    }
}

/// Why a fetch cannot go on with its session.
enum FetchSessionError: Error, Sendable {
    case notFound
    case invalidEpoch
    case topicIDs

    var errorCode: ErrorCode {
        switch self {
        case .notFound: .fetchSessionIdNotFound
        case .invalidEpoch: .invalidFetchSessionEpoch
        case .topicIDs: .fetchSessionTopicIdError
        }
    }
}

extension FetchSession.Reading {
    /// Whether the next fetch has to look again although nothing changes until then.
    fileprivate func hasMore(at isolation: IsolationLevel) -> Bool {
        let end = isolation == .readCommitted ? data.lastStableOffset : data.highWatermark
        return data.errorCode != .none || data.divergingEpoch.epoch >= 0 || work.target.request.fetchOffset < end
    }
}
