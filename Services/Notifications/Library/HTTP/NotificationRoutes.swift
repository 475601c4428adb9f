import EventStreams
import HTTPTypes
import Hummingbird
import Railway
import ServiceKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The HTTP interface: subscriptions, the event stream, and the page.
///
/// - `POST /subscriptions` → 201 with the subscription, once the log has acknowledged it
/// - `GET /subscriptions` → all of them; `GET /stations` → where one can subscribe
/// - `DELETE /subscriptions/{id}` → 204, or 404
/// - `GET /notifications/events?subscription=ID` → server-sent events
struct NotificationRoutes: Sendable {
    let configuration: NotificationsConfiguration
    let network: Network
    let subscriptions: Subscriptions
    let feed: NotificationFeed
    let views: NotificationViews
    let deliveries: Deliveries
    let teller: EventTeller
    let link: EventLogLink
    let stream: SSEStream

    /// How long a caller waits for the log.
    static let patience = Duration.seconds(10)

    init(
        configuration: NotificationsConfiguration, network: Network, subscriptions: Subscriptions,
        feed: NotificationFeed, views: NotificationViews, deliveries: Deliveries, teller: EventTeller,
        link: EventLogLink, metrics: PrometheusRegistry
    ) {
        self.configuration = configuration
        self.network = network
        self.subscriptions = subscriptions
        self.feed = feed
        self.views = views
        self.deliveries = deliveries
        self.teller = teller
        self.link = link
        // A page that comes back is sent all that it missed at once.
        stream = SSEStream(
            queueLimit: feed.historyLimit + NotificationFeed.waitingLimit + 2, metrics: metrics)
    }

    /// Adds every route.
    func add(to router: ServiceRouter) {
        configuration.pages.addRoutes(to: router, files: NotificationsPage.files)
        router.get("/stations") { _, _ in
            // Only where trains arrive is there a delay to tell of.
            let arrivedAt = network.stations.filter { station in
                network.lines(at: station.id).contains { ($0.position(of: station.id) ?? 0) > 0 }
            }
            return Self.document(arrivedAt.map(StationDocument.init))
        }
        router.get("/subscriptions") { _, _ in
            guard views.isCaughtUp else { return Self.notYet }
            return Self.document(subscriptions.all.map(SubscriptionDocument.init))
        }
        router.post("/subscriptions", use: subscribe)
        router.delete("/subscriptions/{id}") { _, context in
            await unsubscribe(context.parameters.get("id") ?? "")
        }
        router.get("/notifications/events", use: listen)
    }

    // MARK: Subscriptions

    @Sendable private func subscribe(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        guard views.isCaughtUp else { return Self.notYet }
        let body = try await request.body.collect(upTo: context.maxUploadSize)
        let subscription: SubscriptionChanged
        do throws(SubscriptionRefusal) {
            subscription = try SubscriptionRequest(body: Array(body.readableBytesView), network: network)
                .subscription(id: Self.newID(), at: WallClock.now)
        } catch {
            NotificationsMetric.count(NotificationsMetric.refused, reason: "invalid")
            return .error(.badRequest, error.description)
        }
        guard subscriptions.hasRoom else {
            NotificationsMetric.count(NotificationsMetric.refused, reason: "limit")
            return .error(
                .serviceUnavailable,
                "there are \(subscriptions.limit) subscriptions already; that is limits.subscriptions")
        }
        guard await acknowledged({ try await teller.tell(subscription) }) else { return Self.notAcknowledged }
        // The view will read it too; whoever asks next must not have to wait for that.
        subscriptions.subscribe(subscription)
        var response = Self.document(SubscriptionDocument(subscription), status: .created)
        response.headers[.location] = "/subscriptions/\(subscription.subscriber)"
        return response
    }

    private func unsubscribe(_ id: String) async -> Response {
        guard views.isCaughtUp else { return Self.notYet }
        guard subscriptions[id] != nil else { return Self.unknown(id) }
        guard await acknowledged({ try await teller.tellDeletion(of: id, in: .subscriptions) }) else {
            return Self.notAcknowledged
        }
        subscriptions.unsubscribe(id)
        feed.forget(id)
        return Response(status: .noContent)
    }

    /// True once `tell` has returned; false when it takes too long or fails.
    private func acknowledged(_ tell: @escaping @Sendable () async throws -> Void) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do { try await tell() } catch { return false }
                return true
            }
            group.addTask {
                do { try await Task.sleep(for: Self.patience) } catch { return false }
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    // MARK: Event stream

    @Sendable private func listen(_ request: Request, _ context: ServiceRequestContext) async throws -> Response {
        guard views.isCaughtUp else { return Self.notYet }
        guard let id = request.queryValue("subscription") else {
            return .error(.badRequest, "say whose: /notifications/events?subscription=ID")
        }
        guard subscriptions[id] != nil else { return Self.unknown(id) }
        let last = request.lastEventID ?? "0"
        guard let position = Int64(last), position >= 0 else {
            return .error(.badRequest, "Last-Event-ID '\(last.prefix(32))' is none of ours: it is a whole number")
        }
        guard let entries = feed.listen(id, after: position) else {
            NotificationsMetric.count(NotificationsMetric.streamsRefused)
            return .error(
                .serviceUnavailable, "\(feed.streamLimit) event streams are open; that is limits.sse_clients")
        }
        let deliveries = deliveries
        return stream.response(
            to: request, context: context,
            events: entries.map { item in
                switch item {
                case .gap:
                    return ServerSentEvent(event: "gap", data: #"{"text":"older notifications are no longer held"}"#)
                case .entry(let entry):
                    deliveries.handedOver(entry)
                    return try entry.serverSentEvent
                }
            })
    }

    // MARK: Answers

    private static let notYet = Response.error(
        .serviceUnavailable, "the service has not read its topics yet; see /health/ready")
    private static let notAcknowledged = Response.error(
        .serviceUnavailable, "the event log has not acknowledged it in time; it may have been taken all the same")

    private static func unknown(_ id: String) -> Response {
        .error(.notFound, "there is no subscription '\(id.prefix(64))'")
    }

    private static func document(_ value: some Encodable, status: HTTPResponse.Status = .ok) -> Response {
        do {
            return .json(String(decoding: try EventCodec.encode(value), as: UTF8.self), status: status)
        } catch {
            return .error(.internalServerError, error.description)
        }
    }

    /// 128 random bits: who knows the id may listen and delete, so it must not be guessed.
    private static func newID() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            let part = String(UInt32.random(in: .min ... .max, using: &generator), radix: 16)
            return String(repeating: "0", count: 8 - part.count) + part
        }.joined()
    }
}

extension NotificationFeed.Entry {
    /// The notification as the page gets it.
    var serverSentEvent: ServerSentEvent {
        get throws(EventError) {
            ServerSentEvent(
                id: "\(id)", event: "notification",
                data: String(decoding: try EventCodec.encode(request), as: UTF8.self))
        }
    }
}
