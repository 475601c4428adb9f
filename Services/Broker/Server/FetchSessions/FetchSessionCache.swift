import KafkaWire
import Metrics
import Synchronization

/// All fetch sessions of a broker, bounded by `max.incremental.fetch.session.cache.slots`.
final class FetchSessionCache: Sendable {
    private let slots: Int
    private let clock: WallClock
    private let sessions = Mutex<[Int32: FetchSession]>([:])
    private let evictions = Counter(label: "kafka_server_fetch_session_evictions_total")
    private let gauge = Gauge(label: "kafka_server_fetch_sessions")

    init(slots: Int, clock: WallClock) {
        self.slots = slots
        self.clock = clock
    }

    var now: Int64 { clock.now() }
    var count: Int { sessions.withLock { $0.count } }

    func session(_ id: Int32) -> FetchSession? { sessions.withLock { $0[id] } }

    /// A new session for a fetch of so many partitions; `nil` when there is no room and none that is worth less.
    func open(partitions: Int, usesTopicIDs: Bool, isPrivileged: Bool) -> FetchSession? {
        let now = now
        let (opened, evicted) = sessions.withLock { sessions -> (FetchSession?, FetchSession?) in
            var evicted: FetchSession?
            if sessions.count >= slots {
                let held = sessions.values.map { FetchSessionEviction.Candidate($0) }
                let asking = FetchSessionEviction(partitions: partitions, isPrivileged: isPrivileged, now: now)
                guard let id = asking.choose(from: held) else { return (nil, nil) }
                evicted = sessions.removeValue(forKey: id)
            }
            var id: Int32
            repeat { id = Int32.random(in: 1...Int32.max) } while sessions[id] != nil
            let session = FetchSession(id: id, usesTopicIDs: usesTopicIDs, isPrivileged: isPrivileged, now: now)
            sessions[id] = session
            gauge.record(sessions.count)
            return (session, evicted)
        }
        if let evicted {
            evictions.increment()
            evicted.close()
        }
        return opened
    }

    /// Ends a session; one that is not there is none to end.
    func close(_ id: Int32) {
        let closed = sessions.withLock { sessions in
            defer { gauge.record(sessions.count) }
            return sessions.removeValue(forKey: id)
        }
        closed?.close()
    }
}
