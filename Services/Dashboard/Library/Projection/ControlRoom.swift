import Railway
import ServiceKit
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What the page shows, and whoever looks at it: one picture, told anew when it has changed.
///
/// Each event of the stream is a whole picture, so a page that missed some has lost nothing.
final class ControlRoom: Sendable {
    private struct State {
        var line: LineState
        var topics = TopicsDocument(isReachable: false, topics: [])
        var hasChanged = false
    }

    let network: NetworkDocument
    let broadcast = EventBroadcast(history: 1, subscriberLimit: 64)
    private let state: Mutex<State>

    init(network: Network, lateSeconds: Int) {
        self.network = NetworkDocument(network)
        state = Mutex(State(line: LineState(network: network, lateSeconds: lateSeconds)))
    }

    /// Takes a station event that was told at that millisecond.
    func take(_ event: StationEvent, toldAt: Int64) {
        state.withLock { state in
            if state.line.take(event, toldAt: toldAt) { state.hasChanged = true }
        }
    }

    /// Takes a delay.
    func take(_ delay: DelayChanged) {
        state.withLock { state in
            if state.line.take(delay) { state.hasChanged = true }
        }
    }

    /// Takes what the log says of its topics, and tells it.
    func take(_ topics: TopicsDocument) throws {
        state.withLock { $0.topics = topics }
        broadcast.publish(try Self.event("topics", topics))
    }

    /// The trains as they are now.
    var line: LineDocument { state.withLock { $0.line }.document(at: Self.milliseconds) }

    /// The topics as they were seen last.
    var topics: TopicsDocument { state.withLock { $0.topics } }

    /// Tells the trains if they have changed since the last time, or in any case.
    func publishLine(always: Bool) throws {
        let hasChanged = state.withLock { state in
            defer { state.hasChanged = false }
            return state.hasChanged
        }
        guard hasChanged || always, broadcast.subscriberCount > 0 else { return }
        broadcast.publish(try Self.event("line", line))
    }

    /// What a page that comes gets first.
    func snapshot() throws -> [ServerSentEvent] {
        [
            try Self.event("network", network), try Self.event("line", line), try Self.event("topics", topics),
        ]
    }

    private static func event(_ name: String, _ document: some Encodable) throws -> ServerSentEvent {
        ServerSentEvent(event: name, data: String(decoding: try EventCodec.encode(document), as: UTF8.self))
    }

    static var milliseconds: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
}
