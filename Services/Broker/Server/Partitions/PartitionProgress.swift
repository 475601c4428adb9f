import KafkaWire
import Synchronization

/// How far a partition has come, readable from every thread without a hop to the partition's own.
///
/// The partition publishes; fetches compare their position against it and park here when there is nothing to read.
final class PartitionProgress: Sendable {
    /// The four ends of a partition. On one node the high watermark is the log's end; with replicas it will not be.
    struct Offsets: Equatable, Sendable {
        var logStart: Offset
        /// Consumers read below this.
        var highWatermark: Offset
        var logEnd: Offset
        /// Consumers of committed records read below this: every transaction that has records below it is decided.
        /// Never below the log start, never above the high watermark.
        var lastStable: Offset

        /// - Parameter firstUnstable: where the oldest open transaction begins; `nil` where none is open.
        init(logStart: Offset, highWatermark: Offset, logEnd: Offset, firstUnstable: Offset? = nil) {
            self.logStart = logStart
            self.highWatermark = highWatermark
            self.logEnd = logEnd
            lastStable = min(highWatermark, max(logStart, firstUnstable ?? highWatermark))
        }

        /// Where a reader has to stop.
        func end(for isolation: IsolationLevel) -> Offset {
            switch isolation {
            case .readUncommitted: highWatermark
            case .readCommitted: lastStable
            }
        }
    }

    private struct Parked {
        var fetch: ParkedFetch
        var isolation: IsolationLevel
    }

    /// A session that the partition belongs to, and its number there.
    private struct Watcher {
        let session: FetchSession
        let slot: Int
    }

    private struct State {
        var offsets: Offsets
        var parked: [ObjectIdentifier: Parked] = [:]
        var watchers: [ObjectIdentifier: Watcher] = [:]
        /// Bytes between the last stable offset and the high watermark, as far as they were appended here.
        var undecidedBytes = 0
        var tail = PartitionTail()
        var isGone = false
        var isOffline = false

        /// Moves on; returns how many bytes more can be read at each level.
        mutating func move(to next: Offsets, appendedBytes: Int) -> (uncommitted: Int, committed: Int) {
            let isStable = next.lastStable == next.highWatermark
            let hasMoved = next.lastStable > offsets.lastStable
            offsets = next
            undecidedBytes += appendedBytes
            if isStable {
                defer { undecidedBytes = 0 }
                return (appendedBytes, undecidedBytes)
            }
            // How many bytes are decided now is not known, and so is taken for enough.
            return (appendedBytes, hasMoved ? ParkedFetch.enoughBytes : 0)
        }
    }

    private let state: Mutex<State>

    init(_ offsets: Offsets) {
        state = Mutex(State(offsets: offsets))
    }

    var offsets: Offsets { state.withLock { $0.offsets } }
    /// `nil` once the partition was deleted or closed.
    var offsetsUnlessGone: Offsets? { state.withLock { $0.isGone ? nil : $0.offsets } }

    /// Whether the partition's disk failed; the offsets are the last that were known.
    var isOffline: Bool { state.withLock { $0.isOffline } }

    /// Wakes everyone, so that they hear of it.
    func goOffline() {
        let (parked, watchers) = state.withLock { state -> ([ParkedFetch], [Watcher]) in
            state.isOffline = true
            defer { state.parked = [:] }
            return (state.parked.values.map(\.fetch), Array(state.watchers.values))
        }
        for fetch in parked { fetch.wake() }
        Self.wake(watchers)
    }

    /// Tells everyone who waits how far the partition has come, and that `appendedBytes` more are in it.
    func publish(_ offsets: Offsets, appendedBytes: Int) {
        typealias Listeners = (readable: (uncommitted: Int, committed: Int), parked: [Parked], watchers: [Watcher])
        let (readable, parked, watchers) = state.withLock { state -> Listeners in
            let readable = state.move(to: offsets, appendedBytes: appendedBytes)
            return (
                readable, state.parked.isEmpty ? [] : Array(state.parked.values),
                state.watchers.isEmpty ? [] : Array(state.watchers.values)
            )
        }
        for watcher in watchers {
            watcher.session.changed(
                watcher.slot, uncommittedBytes: readable.uncommitted, committedBytes: readable.committed)
        }
        for place in parked {
            let bytes = place.isolation == .readCommitted ? readable.committed : readable.uncommitted
            if !place.fetch.dataArrived(bytes: bytes) { unpark(place.fetch) }
        }
    }

    /// Parks a fetch that has read everything below `position`; `false` when there is something to read by now, or
    /// never will be.
    func park(
        _ fetch: ParkedFetch, at position: Offset, isolation: IsolationLevel = .readUncommitted
    ) -> Bool {
        state.withLock { state in
            guard !state.isGone, !state.isOffline, state.offsets.end(for: isolation) <= position else { return false }
            state.parked[ObjectIdentifier(fetch)] = Parked(fetch: fetch, isolation: isolation)
            return true
        }
    }

    func unpark(_ fetch: ParkedFetch) {
        state.withLock { _ = $0.parked.removeValue(forKey: ObjectIdentifier(fetch)) }
    }

    /// Wakes everyone, and keeps others from waiting: the partition is going away.
    func end() {
        let (parked, watchers) = state.withLock { state -> ([Parked], [Watcher]) in
            state.isGone = true
            state.tail = PartitionTail()
            defer {
                state.parked = [:]
                state.watchers = [:]
            }
            return (Array(state.parked.values), Array(state.watchers.values))
        }
        for place in parked { place.fetch.wake() }
        Self.wake(watchers)
    }

    // MARK: The tail

    /// Whether the next batch should be kept in memory.
    var isTailWanted: Bool { state.withLock { $0.tail.isWanted && !$0.isGone } }

    /// Somebody has read everything and will be back for more.
    func noteTailReader() { state.withLock { $0.tail.noteReader() } }

    func keep(_ batch: TailBatch) { state.withLock { $0.tail.keep(batch) } }
    func dropTail(upTo end: Offset) { state.withLock { $0.tail.drop(upTo: end) } }

    /// Batches from memory, as ``PartitionTail`` has them; `nil` where they have to be read.
    func readTail(
        from position: Offset, to bound: Offset, maximumBytes: Int, atLeastOneBatch: Bool
    ) -> RecordsPayload? {
        state.withLock {
            $0.tail.read(from: position, to: bound, maximumBytes: maximumBytes, atLeastOneBatch: atLeastOneBatch)
        }
    }

    // MARK: Sessions

    /// Tells a session of every change from now on, for as long as it watches.
    func watch(_ session: FetchSession, slot: Int) {
        state.withLock { $0.watchers[ObjectIdentifier(session)] = Watcher(session: session, slot: slot) }
    }

    func unwatch(_ session: FetchSession) {
        state.withLock { _ = $0.watchers.removeValue(forKey: ObjectIdentifier(session)) }
    }

    private static func wake(_ watchers: [Watcher]) {
        for watcher in watchers {
            watcher.session.changed(
                watcher.slot, uncommittedBytes: ParkedFetch.enoughBytes, committedBytes: ParkedFetch.enoughBytes)
        }
    }

    /// Fetches parked here now.
    var parkedCount: Int { state.withLock { $0.parked.count } }
    /// Sessions that hear of changes here.
    var watcherCount: Int { state.withLock { $0.watchers.count } }
}
