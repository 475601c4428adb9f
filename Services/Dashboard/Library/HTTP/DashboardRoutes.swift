import EventStreams
import Hummingbird
import Railway
import ServiceKit

/// The HTTP interface of the control room: the page, its stream, and the same as JSON.
///
/// - `GET /` → the page; `GET /events` → server-sent events `network`, `line`, `topics`
/// - `GET /api/line` → the network and its trains; `GET /api/topics` → topics and rates
struct DashboardRoutes: Sendable {
    let room: ControlRoom
    let pages: LinePages
    let maximumStreams: Int
    let stream: SSEStream

    /// Adds every route.
    func add(to router: ServiceRouter) {
        pages.addRoutes(to: router, files: DashboardPage.files)
        router.get("/events", use: listen)
        router.get("/api/line") { _, _ in Self.document(LineAnswer(network: room.network, state: room.line)) }
        router.get("/api/topics") { _, _ in Self.document(room.topics) }
    }

    @Sendable private func listen(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        guard room.broadcast.subscriberCount < maximumStreams else {
            return .error(.serviceUnavailable, "\(maximumStreams) event streams are open; that is limits.sse_clients")
        }
        // Subscribed before the snapshot is made: a change in between comes twice rather than never.
        let updates = room.broadcast.subscribe().events
        let events = SnapshotThenUpdates(snapshot: try room.snapshot(), updates: updates)
        return stream.response(to: request, context: context, events: events)
    }

    private static func document(_ value: some Encodable) -> Response {
        do {
            return .json(String(decoding: try EventCodec.encode(value), as: UTF8.self))
        } catch {
            return .error(.internalServerError, error.description)
        }
    }
}
