import KafkaWire
import Synchronization

/// How far a partition has come, readable from every thread without a hop to the partition's own.
///
/// The partition publishes; fetches compare their position against it and park here when there is nothing to read.
final class PartitionProgress: Sendable {
    /// The three ends of a partition. On one node they move together; with replicas they will not.
    struct Offsets: Equatable, Sendable {
        var logStart: Offset
        /// Consumers read below this.
        var highWatermark: Offset
        var logEnd: Offset
    }

    private struct State {
        var offsets: Offsets
        var parked: [ObjectIdentifier: ParkedFetch] = [:]
        var isGone = false
    }

    private let state: Mutex<State>

    init(_ offsets: Offsets) {
        state = Mutex(State(offsets: offsets))
    }

    var offsets: Offsets { state.withLock { $0.offsets } }
    /// `nil` once the partition was deleted or closed.
    var offsetsUnlessGone: Offsets? { state.withLock { $0.isGone ? nil : $0.offsets } }

    /// Tells everyone who waits that `appendedBytes` more can be read.
    func publish(_ offsets: Offsets, appendedBytes: Int) {
        let parked = state.withLock { state -> [ParkedFetch] in
            state.offsets = offsets
            return state.parked.isEmpty ? [] : Array(state.parked.values)
        }
        for fetch in parked where !fetch.dataArrived(bytes: appendedBytes) {
            unpark(fetch)
        }
    }

    /// Parks a fetch that has read everything below `position`; `false` when there is something to read by now, or
    /// never will be.
    func park(_ fetch: ParkedFetch, at position: Offset) -> Bool {
        state.withLock { state in
            guard !state.isGone, state.offsets.highWatermark <= position else { return false }
            state.parked[ObjectIdentifier(fetch)] = fetch
            return true
        }
    }

    func unpark(_ fetch: ParkedFetch) {
        state.withLock { _ = $0.parked.removeValue(forKey: ObjectIdentifier(fetch)) }
    }

    /// Wakes everyone, and keeps others from waiting: the partition is going away.
    func end() {
        let parked = state.withLock { state in
            state.isGone = true
            defer { state.parked = [:] }
            return Array(state.parked.values)
        }
        for fetch in parked { fetch.wake() }
    }

    /// Fetches parked here now.
    var parkedCount: Int { state.withLock { $0.parked.count } }
}
