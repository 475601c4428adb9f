import EventStreams
import KafkaClient
import Logging
import Railway
import ServiceKit
import ServiceLifecycle
import Synchronization

/// Matches delays with subscriptions and tells `notification.requested`, once each.
///
/// Nothing is matched before all subscriptions, and all notifications told so far, have been read. When partitions are
/// assigned their delays before the committed offset are read again, so that the rules remember which thresholds have
/// been crossed. A crash between telling and committing brings the same delays again: their notifications have the same
/// ids, are found in the topic, and are not told twice.
final class NotificationProcessor: EventHandler {
    typealias Event = DelayChanged

    private let log: EventLog
    private let reader: EventReader<DelayChanged>
    private let subscriptions: Subscriptions
    private let feed: NotificationFeed
    private let views: NotificationViews
    private let teller: EventTeller
    private let telling: Mutex<TellingBatch>

    init(
        _ log: EventLog, subscriptions: Subscriptions, feed: NotificationFeed, views: NotificationViews,
        teller: EventTeller
    ) {
        self.log = log
        self.subscriptions = subscriptions
        self.feed = feed
        self.views = views
        self.teller = teller
        reader = EventReader(log)
        telling = Mutex(teller.batch())
    }

    /// The member of group `notifications` that runs it.
    func listener() -> EventListener<NotificationProcessor> {
        EventListener(log, group: "notifications", reader: reader, handler: self)
    }

    func assigned(_ partitions: [TopicPartition: Offset?]) async throws {
        try await views.untilCaughtUp()
        let count = try await restore(partitions)
        log.environment.logger.info(
            "partitions assigned, their delays are known",
            metadata: [
                EventStreamNames.LogKey.partition: .string(
                    partitions.keys.sorted().map(\.description).joined(separator: ", ")),
                EventStreamNames.LogKey.events: "\(count)",
            ])
    }

    /// Reads the delays before the committed offsets; they were matched before, so what they match is not told.
    private func restore(_ partitions: [TopicPartition: Offset?]) async throws -> Int {
        let bounds = try await log.ends(of: partitions.keys.sorted())
        var ranges: [TopicPartition: (start: Offset, end: Offset)] = [:]
        for (partition, committed) in partitions {
            guard let committed, let bound = bounds[partition], bound.start < committed else { continue }
            ranges[partition] = (bound.start, min(committed, bound.end))
        }
        var missing = CatchUp(ranges)
        guard !missing.isComplete else { return 0 }
        var count = 0
        try await log.scan(ranges.mapValues { .offset($0.start) }, name: "restore") { batch in
            let partition = batch.topicPartition
            guard let end = ranges[partition]?.end else { return true }
            for record in batch.records where record.offset < end {
                guard case .event(let received) = reader.read(record, of: partition, isCounted: false)
                else { continue }
                _ = subscriptions.take(received.event)
                count += 1
            }
            missing.reached(batch.nextOffset, of: partition)
            return !missing.isComplete
        }
        // A stop in the middle: half of what was known must not be worked with.
        if !missing.isComplete { throw CancellationError() }
        return count
    }

    /// What is remembered of lost partitions does no harm: when they come back they are read anew.
    func lost(_ partitions: [TopicPartition]) async {}

    func take(_ record: ReceivedRecord<DelayChanged>) async throws {
        guard case .event(let received) = record else { return }
        let batch = telling.withLock { $0 }
        for request in subscriptions.take(received.event) {
            guard !feed.isTold(request.notification) else {
                NotificationsMetric.count(NotificationsMetric.repeated)
                continue
            }
            try await batch.add(request)
            NotificationsMetric.count(NotificationsMetric.requested)
        }
    }

    func settle() async throws {
        let batch = telling.withLock { telling in
            defer { telling = teller.batch() }
            return telling
        }
        try await batch.finish()
    }
}
