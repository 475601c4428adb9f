import EventStreams
import Railway
import Synchronization

/// What is known of all trips, folded from every partition of `station-events`.
///
/// One set of rules for all partitions: the rules take events in any order, and a summary needs them together.
final class DelayView: Sendable {
    private struct State {
        var rules: TripDelayRules
        var summary: DelaySummary?
    }

    private let state: Mutex<State>

    init(_ rules: TripDelayRules) {
        state = Mutex(State(rules: rules))
    }

    /// Folds events in. What is told of them in `delays` is the processor's.
    func take(_ records: [ReceivedRecord<StationEvent>]) {
        state.withLock { state in
            for case .event(let received) in records { _ = state.rules.take(received.event) }
            state.summary = nil
        }
    }

    /// The summary; worked out again only after news.
    var summary: DelaySummary {
        state.withLock { state in
            if let summary = state.summary { return summary }
            let summary = state.rules.summary
            state.summary = summary
            return summary
        }
    }

    /// The current delays, newest trip first.
    func currentDelays(limit: Int) -> [TripDelay] {
        state.withLock { $0.rules.currentDelays(limit: limit) }
    }
}
