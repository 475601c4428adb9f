import Synchronization

/// A client of an `EventBroadcast` did not take its events in time.
public struct SubscriberTooSlow: Error, Equatable {
    public init() {}
}

/// Tells each event to every subscriber, and the last ones to those who come back.
///
/// Bounds: `history` events are kept for `Last-Event-ID`; a subscriber may have `subscriberLimit` events waiting,
/// then its stream ends with `SubscriberTooSlow`. Publishing never waits.
public final class EventBroadcast: Sendable {
    /// A subscriber's events.
    public struct Subscription: Sendable {
        /// Ends when the broadcast does; throws `SubscriberTooSlow`.
        public let events: AsyncThrowingStream<ServerSentEvent, any Error>
        /// True when the client's last event is not in the history: it has missed some and needs a whole picture.
        public let hasGap: Bool
    }

    private struct Subscriber {
        var continuation: AsyncThrowingStream<ServerSentEvent, any Error>.Continuation
        var isWanted: @Sendable (ServerSentEvent) -> Bool
    }

    private struct State {
        var history: [ServerSentEvent] = []
        var subscribers: [UInt64: Subscriber] = [:]
        var nextID: UInt64 = 0
        var isFinished = false
    }

    private let state = Mutex(State())
    private let historyLimit: Int
    private let subscriberLimit: Int

    public init(history: Int = 1_024, subscriberLimit: Int = 256) {
        historyLimit = history
        self.subscriberLimit = subscriberLimit
    }

    /// The number of subscribers now.
    public var subscriberCount: Int { state.withLock { $0.subscribers.count } }

    /// Tells an event to all; events without an id are not kept for those who come back.
    public func publish(_ event: ServerSentEvent) {
        let tooSlow: [Subscriber] = state.withLock { state in
            guard !state.isFinished else { return [] }
            if event.id != nil {
                state.history.append(event)
                // Trimmed in steps, so that publishing stays cheap.
                if state.history.count >= historyLimit * 2 { state.history.removeFirst(historyLimit) }
            }
            var dropped: [Subscriber] = []
            for (id, subscriber) in state.subscribers where subscriber.isWanted(event) {
                if case .dropped = subscriber.continuation.yield(event) {
                    state.subscribers[id] = nil
                    dropped.append(subscriber)
                }
            }
            return dropped
        }
        // Outside the lock: finishing calls back into `unsubscribe`.
        for subscriber in tooSlow { subscriber.continuation.finish(throwing: SubscriberTooSlow()) }
    }

    /// Events from now on, after those that a returning client missed; only those that `isWanted` picks.
    public func subscribe(
        after lastEventID: String? = nil,
        where isWanted: @escaping @Sendable (ServerSentEvent) -> Bool = { _ in true }
    ) -> Subscription {
        state.withLock { state in
            var missed: [ServerSentEvent] = []
            var hasGap = false
            if let lastEventID {
                let kept = state.history.suffix(historyLimit)
                if let index = kept.lastIndex(where: { $0.id == lastEventID }) {
                    missed = kept[(index + 1)...].filter(isWanted)
                } else {
                    hasGap = true
                }
            }
            let (stream, continuation) = AsyncThrowingStream<ServerSentEvent, any Error>.makeStream(
                bufferingPolicy: .bufferingOldest(missed.count + subscriberLimit))
            for event in missed { continuation.yield(event) }
            if state.isFinished {
                continuation.finish()
            } else {
                let id = state.nextID
                state.nextID += 1
                state.subscribers[id] = Subscriber(continuation: continuation, isWanted: isWanted)
                continuation.onTermination = { [weak self] _ in self?.unsubscribe(id) }
            }
            return Subscription(events: stream, hasGap: hasGap)
        }
    }

    /// Ends all streams.
    public func finish() {
        let subscribers = state.withLock { state in
            state.isFinished = true
            defer { state.subscribers = [:] }
            return state.subscribers.values
        }
        for subscriber in subscribers { subscriber.continuation.finish() }
    }

    private func unsubscribe(_ id: UInt64) {
        state.withLock { $0.subscribers[id] = nil }
    }
}
