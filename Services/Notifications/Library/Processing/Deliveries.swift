import EventStreams
import Logging
import Railway
import ServiceContextModule
import ServiceKit
import ServiceLifecycle
import Tracing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Tells `notification.delivered` when a notification has been handed to a page for the first time.
///
/// Up to ``limit`` wait to be told; over it they are counted and not told: a page that gets them again is the next
/// chance.
final class Deliveries: Service {
    static let limit = 10_000

    private let feed: NotificationFeed
    private let teller: EventTeller
    private let service: String
    private let waiting: AsyncStream<NotificationFeed.Entry>
    private let continuation: AsyncStream<NotificationFeed.Entry>.Continuation
    private let logger: Logger

    init(feed: NotificationFeed, teller: EventTeller, service: String, logger: Logger) {
        self.logger = logger
        self.feed = feed
        self.teller = teller
        self.service = service
        (waiting, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.limit))
    }

    /// A page has been given the entry; never waits.
    func handedOver(_ entry: NotificationFeed.Entry) {
        guard feed.markDelivered(entry.request.notification) else { return }
        if case .enqueued = continuation.yield(entry) { return }
        NotificationsMetric.count(NotificationsMetric.deliveriesLost)
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            for await entry in waiting {
                do {
                    try await tell(entry)
                } catch is CancellationError {
                    return
                } catch {
                    NotificationsMetric.count(NotificationsMetric.deliveriesLost)
                    logger.error("a delivery could not be told", metadata: [TelemetryNames.LogKey.error: "\(error)"])
                }
            }
        }
    }

    /// Within the trace that led from the station to the notification.
    private func tell(_ entry: NotificationFeed.Entry) async throws {
        var context = entry.context
        context.serviceName = service
        let delivered = NotificationDelivered(
            notification: entry.request.notification, subscriber: entry.request.subscriber,
            channel: entry.request.channel, at: WallClock.now)
        try await withSpan("notification deliver", context: context, ofKind: .internal) { span in
            span.attributes["signalbox.event.id"] = delivered.eventID
            try await teller.tell(delivered)
        }
        NotificationsMetric.count(NotificationsMetric.delivered)
    }
}

/// The machine's time, for what people and pages do; trains have event time.
enum WallClock {
    static var now: OffsetDateTime {
        OffsetDateTime(Instant(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)), offsetSeconds: 0)
    }
}
