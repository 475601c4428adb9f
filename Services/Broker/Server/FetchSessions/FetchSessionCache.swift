import KafkaWire
import Metrics
import Synchronization

/// All fetch sessions of a broker, bounded by `max.incremental.fetch.session.cache.slots` and, over all sessions, by
/// `signalbox.max.fetch.session.partitions`.
final class FetchSessionCache: Sendable {
    private struct State {
        var sessions: [Int32: (session: FetchSession, partitions: Int)] = [:]
        /// Of all sessions; of one that was just opened as many as its fetch names.
        var partitions = 0

        mutating func remove(_ id: Int32) -> FetchSession? {
            guard let removed = sessions.removeValue(forKey: id) else { return nil }
            partitions -= removed.partitions
            return removed.session
        }
    }

    private let slots: Int
    private let maximumPartitions: Int
    private let clock: WallClock
    private let state = Mutex(State())
    private let evictions = Counter(label: "kafka_server_fetch_session_evictions_total")
    private let gauge = Gauge(label: "kafka_server_fetch_sessions")
    private let partitionsGauge = Gauge(label: "kafka_server_fetch_session_partitions")

    init(slots: Int, maximumPartitions: Int, clock: WallClock) {
        self.slots = slots
        self.maximumPartitions = maximumPartitions
        self.clock = clock
    }

    var now: Int64 { clock.now() }
    var count: Int { state.withLock { $0.sessions.count } }
    var partitionCount: Int { state.withLock { $0.partitions } }

    func session(_ id: Int32) -> FetchSession? { state.withLock { $0.sessions[id]?.session } }

    /// A new session for a fetch of so many partitions; `nil` when there is no room and none that is worth less.
    func open(partitions: Int, usesTopicIDs: Bool, isPrivileged: Bool) -> FetchSession? {
        if partitions > maximumPartitions { return nil }
        let now = now
        let asking = FetchSessionEviction(partitions: partitions, isPrivileged: isPrivileged, now: now)
        let (opened, evicted) = state.withLock { state -> (FetchSession?, [FetchSession]) in
            guard let chosen = choose(for: asking, state) else { return (nil, []) }
            let evicted = chosen.compactMap { state.remove($0) }
            defer { record(state) }
            var id: Int32
            repeat { id = Int32.random(in: 1...Int32.max) } while state.sessions[id] != nil
            let session = FetchSession(id: id, usesTopicIDs: usesTopicIDs, isPrivileged: isPrivileged, now: now)
            state.sessions[id] = (session, partitions)
            state.partitions += partitions
            return (session, evicted)
        }
        for session in evicted {
            evictions.increment()
            session.close()
        }
        return opened
    }

    /// The sessions that have to go for a new one; `nil` when it cannot have room, and then none has to.
    private func choose(for asking: FetchSessionEviction, _ state: State) -> [Int32]? {
        var (count, partitions) = (state.sessions.count, state.partitions + asking.partitions)
        if count < slots, partitions <= maximumPartitions { return [] }
        var held = state.sessions.values.map { FetchSessionEviction.Candidate($0.session) }
        var chosen: [Int32] = []
        while count >= slots || partitions > maximumPartitions {
            guard let id = asking.choose(from: held) else { return nil }
            held.removeAll { $0.id == id }
            chosen.append(id)
            (count, partitions) = (count - 1, partitions - (state.sessions[id]?.partitions ?? 0))
        }
        return chosen
    }

    /// Counts a session's partitions anew after a fetch has changed them; where that are too many the session ends, and
    /// the answer is false.
    func settle(_ session: FetchSession) -> Bool {
        let removed = state.withLock { state -> FetchSession? in
            let partitions = session.usage.partitions
            guard let before = state.sessions[session.id]?.partitions, before != partitions else { return nil }
            state.partitions += partitions - before
            state.sessions[session.id]?.partitions = partitions
            defer { record(state) }
            return state.partitions > maximumPartitions ? state.remove(session.id) : nil
        }
        removed?.close()
        return removed == nil
    }

    /// Ends a session; one that is not there is none to end.
    func close(_ id: Int32) {
        let closed = state.withLock { state in
            defer { record(state) }
            return state.remove(id)
        }
        closed?.close()
    }

    private func record(_ state: State) {
        gauge.record(state.sessions.count)
        partitionsGauge.record(state.partitions)
    }
}
