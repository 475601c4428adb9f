import HTTPTypes
import Hummingbird
import Logging
import Metrics
import NIOCore
import ServiceLifecycle
import Synchronization

/// Answers a request with a stream of server-sent events.
///
/// A comment every `heartbeat` keeps proxies from closing a quiet stream. Up to `queueLimit` events wait for a slow
/// client; one more, and its connection is closed (it will come back with `Last-Event-ID`). The stream ends when
/// the events end, the client goes, or the service stops; each end is counted by reason.
public struct SSEStream: Sendable {
    /// Why a stream ended; the label of its metric.
    public enum EndReason: String, Sendable, CaseIterable {
        /// The events ended.
        case finished
        /// The client closed its connection.
        case closed
        /// The client took its events too slowly.
        case overflow
        /// The service stops.
        case shutdown
        /// The events ended with an error.
        case failed
    }

    public var heartbeat: Duration
    public var queueLimit: Int
    /// How long a client may take for what is on its way when the service stops.
    public var shutdownGrace: Duration
    private let clients: Meter
    private let sent: Counter
    private let ended: [EndReason: Counter]

    public init(
        heartbeat: Duration = .seconds(15), queueLimit: Int = 256, shutdownGrace: Duration = .seconds(1),
        metrics: any MetricsFactory = MetricsSystem.factory
    ) {
        self.heartbeat = heartbeat
        self.queueLimit = queueLimit
        self.shutdownGrace = shutdownGrace
        clients = Meter(label: TelemetryNames.Metric.sseClients.name, factory: metrics)
        sent = Counter(label: TelemetryNames.Metric.sseEvents.name, factory: metrics)
        ended = Dictionary(
            uniqueKeysWithValues: EndReason.allCases.map { reason in
                let dimensions = [(TelemetryNames.Label.reason, reason.rawValue)]
                let name = TelemetryNames.Metric.sseClientsEnded.name
                return (reason, Counter(label: name, dimensions: dimensions, factory: metrics))
            })
    }

    /// The response; `events` are read once it is being written.
    public func response<Events: AsyncSequence & Sendable>(
        to request: Request, context: ServiceRequestContext, events: Events
    ) -> Response where Events.Element == ServerSentEvent {
        var headers: HTTPFields = [.contentType: "text/event-stream", .cacheControl: "no-cache"]
        if let name = HTTPField.Name("X-Accel-Buffering") { headers[name] = "no" }
        // Watching for the client's end uses up the connection's input: no second request can follow.
        headers[.connection] = "close"
        if request.method == .head { return Response(status: .ok, headers: headers) }
        let body = request.body
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                let queue = SSEQueue(limit: queueLimit)
                clients.increment()
                defer {
                    clients.decrement()
                    ended[queue.reason ?? .closed]?.increment()
                }
                do {
                    try await body.consumeWithInboundCloseHandler { _ in
                        try await serve(queue, events, context, &writer)
                    } onInboundClosed: {
                        queue.close(.closed)
                    }
                    try await writer.finish(nil)
                } catch {
                    queue.close(.closed)
                    throw error
                }
            })
    }

    private func serve<Events: AsyncSequence & Sendable>(
        _ queue: SSEQueue, _ events: Events, _ context: ServiceRequestContext, _ writer: inout any ResponseBodyWriter
    ) async throws where Events.Element == ServerSentEvent {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await Self.pump(events, into: queue, context) }
            group.addTask { await beat(queue) }
            group.addTask { await stopOnShutdown(queue, context.channel) }
            defer { group.cancelAll() }
            try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
            for await item in queue.items {
                switch item {
                case .event(let event):
                    try await writer.write(event.buffer)
                    sent.increment()
                case .heartbeat:
                    try await writer.write(ByteBuffer(string: ": keep-alive\n\n"))
                }
            }
        }
    }

    /// Moves events into the queue as fast as they come; a full queue closes the connection.
    private static func pump<Events: AsyncSequence>(
        _ events: Events, into queue: SSEQueue, _ context: ServiceRequestContext
    ) async where Events.Element == ServerSentEvent {
        do {
            for try await event in events {
                guard queue.offer(.event(event)) else { return drop(queue, context) }
            }
            queue.close(.finished)
        } catch is SubscriberTooSlow {
            drop(queue, context)
        } catch is CancellationError {
            queue.close(.closed)
        } catch {
            context.logger.warning("event stream failed", metadata: [TelemetryNames.LogKey.error: "\(error)"])
            queue.close(.failed)
        }
    }

    private static func drop(_ queue: SSEQueue, _ context: ServiceRequestContext) {
        queue.close(.overflow)
        // The writer may be waiting for the client: only closing the connection ends that.
        context.channel.close(promise: nil)
    }

    private func beat(_ queue: SSEQueue) async {
        do {
            while true {
                try await Task.sleep(for: heartbeat)
                // A full queue needs no heartbeat: events are waiting.
                _ = queue.offer(.heartbeat)
            }
        } catch {
            return  // Cancelled: the stream has ended.
        }
    }

    private func stopOnShutdown(_ queue: SSEQueue, _ channel: any Channel) async {
        do {
            try await gracefulShutdown()
            queue.close(.shutdown)
            try await Task.sleep(for: shutdownGrace)
            channel.close(promise: nil)
        } catch {
            return  // Cancelled: the stream has ended.
        }
    }
}

/// What waits to be written to one client, and why the stream ended: the first reason stays.
private final class SSEQueue: Sendable {
    enum Item: Sendable {
        case event(ServerSentEvent)
        case heartbeat
    }

    let items: AsyncStream<Item>
    private let continuation: AsyncStream<Item>.Continuation
    private let end = Mutex<SSEStream.EndReason?>(nil)

    init(limit: Int) {
        (items, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(limit))
    }

    var reason: SSEStream.EndReason? { end.withLock { $0 } }

    /// False when the queue is full.
    func offer(_ item: Item) -> Bool {
        if case .dropped = continuation.yield(item) { false } else { true }
    }

    /// No more items; those that wait are still written.
    func close(_ reason: SSEStream.EndReason) {
        end.withLock { $0 = $0 ?? reason }
        continuation.finish()
    }
}
