import Railway
import ServiceContextModule
import ServiceKit
import Synchronization

/// What each subscriber has been notified of: the fold of the topic `notifications`, and whoever listens to it.
///
/// An entry's id is the offset to go on from in the subscriber's partition (its record's offset + 1), so a page that
/// comes back with `Last-Event-ID` gets what it missed, once, also from another instance or after a restart; `0` asks
/// for everything. Bounds: the last ``historyLimit`` entries of a subscriber and ``entryLimit`` of all are held, the
/// oldest go first; a page that comes back to something older is told of the gap.
final class NotificationFeed: Sendable {
    /// A notification as the log has it.
    struct Entry: Sendable {
        let request: NotificationRequested
        /// The record's offset in its partition.
        let offset: Int64
        /// The trace that led to it.
        let context: ServiceContext

        /// What a page repeats as `Last-Event-ID`.
        var id: Int64 { offset + 1 }
    }

    /// What a listener hears.
    enum Item: Sendable {
        /// Notifications after its last one are no longer held.
        case gap
        case entry(Entry)
    }

    typealias Stream = AsyncThrowingStream<Item, any Error>

    private struct Subscriber {
        var entries: [Entry] = []
        /// The id of the last entry that was let go; 0 when none was.
        var forgottenID: Int64 = 0
        var streams: [UInt64: Listener] = [:]
    }

    private struct Listener {
        var continuation: Stream.Continuation
        var after: Int64
    }

    private struct State {
        var subscribers: [String: Subscriber] = [:]
        var told = RecentIDs()
        var delivered = RecentIDs()
        var entryCount = 0
        var nextStream: UInt64 = 0
        var streamCount = 0
    }

    let historyLimit: Int
    let entryLimit: Int
    let streamLimit: Int
    /// Entries that may wait for a slow client.
    static let waitingLimit = 256
    private let state = Mutex(State())

    init(historyLimit: Int = 1_000, entryLimit: Int = 200_000, streamLimit: Int = 1_000) {
        self.historyLimit = historyLimit
        self.entryLimit = entryLimit
        self.streamLimit = streamLimit
    }

    /// Notifications held.
    var count: Int { state.withLock { $0.entryCount } }
    /// Streams open now.
    var streamCount: Int { state.withLock { $0.streamCount } }

    /// Whether the notification of that id is in the log.
    func isTold(_ notification: String) -> Bool { state.withLock { $0.told.contains(notification) } }

    /// Notes that a notification has reached a page; false when that was known.
    @discardableResult
    func markDelivered(_ notification: String) -> Bool {
        state.withLock { $0.delivered.insert(notification) }
    }

    /// Takes a record of the topic: told again it changes nothing. Listeners hear of it at once.
    func take(_ entry: Entry) {
        let tooSlow: [Stream.Continuation] = state.withLock { state in
            guard state.told.insert(entry.request.notification) else { return [] }
            let name = entry.request.subscriber
            state.subscribers[name, default: Subscriber()].entries.append(entry)
            state.entryCount += 1
            trim(&state, name)
            return offer(entry, &state)
        }
        for continuation in tooSlow { continuation.finish(throwing: SubscriberTooSlow()) }
    }

    /// Forgets a subscriber and ends its streams.
    func forget(_ subscriber: String) {
        let streams: [Stream.Continuation] = state.withLock { state in
            guard let old = state.subscribers.removeValue(forKey: subscriber) else { return [] }
            state.entryCount -= old.entries.count
            state.streamCount -= old.streams.count
            return old.streams.values.map(\.continuation)
        }
        for continuation in streams { continuation.finish() }
    }

    /// A subscriber's notifications after the id, then those to come; nil when too many streams are open.
    func listen(_ subscriber: String, after id: Int64) -> Stream? {
        state.withLock { state in
            guard state.streamCount < streamLimit else { return nil }
            let known = state.subscribers[subscriber] ?? Subscriber()
            let missed = known.entries.filter { $0.id > id }
            let (stream, continuation) = Stream.makeStream(
                bufferingPolicy: .bufferingOldest(missed.count + Self.waitingLimit + 1))
            if id < known.forgottenID { continuation.yield(.gap) }
            for entry in missed { continuation.yield(.entry(entry)) }
            let number = state.nextStream
            state.nextStream += 1
            state.streamCount += 1
            state.subscribers[subscriber, default: known].streams[number] = Listener(
                continuation: continuation, after: id)
            continuation.onTermination = { [weak self] _ in self?.leave(subscriber, number) }
            return stream
        }
    }

    private func leave(_ subscriber: String, _ number: UInt64) {
        state.withLock { state in
            guard state.subscribers[subscriber]?.streams.removeValue(forKey: number) != nil else { return }
            state.streamCount -= 1
        }
    }

    private func offer(_ entry: Entry, _ state: inout State) -> [Stream.Continuation] {
        let name = entry.request.subscriber
        var tooSlow: [Stream.Continuation] = []
        for (number, listener) in state.subscribers[name]?.streams ?? [:] where entry.id > listener.after {
            guard case .dropped = listener.continuation.yield(.entry(entry)) else { continue }
            state.subscribers[name]?.streams[number] = nil
            state.streamCount -= 1
            tooSlow.append(listener.continuation)
        }
        return tooSlow
    }

    private func trim(_ state: inout State, _ name: String) {
        if state.subscribers[name]?.entries.count ?? 0 > historyLimit { drop(&state, name) }
        guard state.entryCount > entryLimit else { return }
        let largest = state.subscribers.max { $0.value.entries.count < $1.value.entries.count }
        if let largest { drop(&state, largest.key) }
    }

    /// Lets the subscriber's oldest entry go; its id stays known as told, so that it is never told again.
    private func drop(_ state: inout State, _ name: String) {
        guard let first = state.subscribers[name]?.entries.first else { return }
        state.subscribers[name]?.entries.removeFirst()
        state.subscribers[name]?.forgottenID = first.id
        state.entryCount -= 1
    }
}
