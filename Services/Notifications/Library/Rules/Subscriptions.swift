import Railway
import Synchronization

/// The subscriptions that hold: the fold of the topic `subscriptions`, with what the matching remembers of delays.
///
/// One lock around the rules of `SubscriptionMatching`; shared by the HTTP interface, which asks, and the processor,
/// which matches.
final class Subscriptions: Sendable {
    private struct State {
        var matching: SubscriptionMatching
        var byID: [String: SubscriptionChanged] = [:]
    }

    /// Subscriptions that are held.
    let limit: Int
    private let network: Network
    private let state: Mutex<State>

    init(network: Network, limit: Int, delayLimit: Int) {
        self.limit = limit
        self.network = network
        state = Mutex(State(matching: SubscriptionMatching(maximumDelays: delayLimit, maximumSubscriptions: limit)))
    }

    var count: Int { state.withLock { $0.byID.count } }

    /// Whether one more fits.
    var hasRoom: Bool { count < limit }

    /// Ascending by time, then by id.
    var all: [SubscriptionChanged] {
        state.withLock { $0.byID.values.sorted { ($0.at, $0.subscriber) < ($1.at, $1.subscriber) } }
    }

    subscript(_ id: String) -> SubscriptionChanged? { state.withLock { $0.byID[id] } }

    /// Takes what the topic says; false when it is one too many.
    @discardableResult
    func subscribe(_ subscription: SubscriptionChanged) -> Bool {
        state.withLock { state in
            guard state.matching.subscribe(subscription) else { return false }
            state.byID[subscription.subscriber] = subscription
            return true
        }
    }

    /// Takes a tombstone.
    func unsubscribe(_ id: String) {
        state.withLock { state in
            state.matching.unsubscribe(id)
            state.byID[id] = nil
        }
    }

    /// Who is to be notified of the delay.
    func take(_ delay: DelayChanged) -> [NotificationRequested] {
        state.withLock { state in
            state.matching.take(delay) { network.station($0)?.name ?? $0.rawValue }
        }
    }
}
