import EventStreams
import KafkaClient
import Railway
import ServiceKit
import ServiceLifecycle
import Synchronization

/// The two topics that this service folds, and whether both have been read to where they ended at the start.
final class NotificationViews: Sendable {
    private let subscriptionsGate: Gate
    private let notificationsGate: Gate
    let services: [any Service]

    init(_ log: EventLog, subscriptions: Subscriptions, feed: NotificationFeed) {
        let subscriptionsGate = Gate()
        let notificationsGate = Gate()
        let reader = EventReader<NotificationFact>(log, topic: .notifications, decode: NotificationFact.decode)
        services = [
            TopicView(
                log, reader: EventReader<SubscriptionChanged>(log), onCaughtUp: { subscriptionsGate.open() },
                take: { records in Self.take(records, subscriptions, feed) }),
            TopicView(
                log, reader: reader, onCaughtUp: { notificationsGate.open() },
                take: { records in Self.take(records, feed) }),
        ]
        self.subscriptionsGate = subscriptionsGate
        self.notificationsGate = notificationsGate
    }

    /// Whether what was in the log at the start is known.
    var isCaughtUp: Bool { subscriptionsGate.isOpen && notificationsGate.isOpen }

    /// Returns once it is; throws when the task is cancelled before.
    func untilCaughtUp() async throws {
        await subscriptionsGate.untilOpen()
        await notificationsGate.untilOpen()
        guard isCaughtUp else { throw CancellationError() }
    }

    private static func take(
        _ records: [ReceivedRecord<SubscriptionChanged>], _ subscriptions: Subscriptions, _ feed: NotificationFeed
    ) {
        for record in records {
            switch record {
            case .event(let received):
                if !subscriptions.subscribe(received.event) {
                    NotificationsMetric.count(NotificationsMetric.refused, reason: "limit")
                }
            case .tombstone(let key, _, _):
                subscriptions.unsubscribe(key)
                feed.forget(key)
            }
        }
        NotificationsMetric.level(NotificationsMetric.subscriptions, subscriptions.count)
        NotificationsMetric.level(NotificationsMetric.held, feed.count)
    }

    private static func take(_ records: [ReceivedRecord<NotificationFact>], _ feed: NotificationFeed) {
        for case .event(let received) in records {
            switch received.event {
            case .requested(let request):
                feed.take(
                    NotificationFeed.Entry(
                        request: request, offset: received.offset.rawValue, context: received.context))
            case .delivered(let delivered): feed.markDelivered(delivered.notification)
            case .failed: break
            }
        }
        NotificationsMetric.level(NotificationsMetric.held, feed.count)
    }
}

/// What the topic `notifications` holds.
enum NotificationFact: Sendable {
    case requested(NotificationRequested)
    case delivered(NotificationDelivered)
    case failed(NotificationFailed)

    /// Reads a record's value as its `ce_type` says.
    static func decode(_ attributes: EventAttributes, _ bytes: [UInt8]) throws(EventError) -> NotificationFact {
        switch attributes.type {
        case .notificationRequested: .requested(try EventCodec.decode(NotificationRequested.self, from: bytes))
        case .notificationDelivered: .delivered(try EventCodec.decode(NotificationDelivered.self, from: bytes))
        case .notificationFailed: .failed(try EventCodec.decode(NotificationFailed.self, from: bytes))
        case .stationArrived, .stationDeparted, .arrivalPredicted, .delayChanged, .alertRaised, .alertCleared,
            .subscriptionChanged, .spanEnded:
            throw .invalidAttributes("ce_type '\(attributes.type.rawValue)' is no notification")
        }
    }
}

/// Opens once, and lets everybody pass from then on.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiters: [AsyncStream<Void>.Continuation] = []
    }

    private let state = Mutex(State())

    var isOpen: Bool { state.withLock { $0.isOpen } }

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.finish() }
    }

    /// Returns when the gate is open, or the task is cancelled.
    func untilOpen() async {
        let waiting = state.withLock { state -> AsyncStream<Void>? in
            if state.isOpen { return nil }
            let (stream, continuation) = AsyncStream<Void>.makeStream()
            state.waiters.append(continuation)
            return stream
        }
        if let waiting { for await _ in waiting {} }
    }
}
