import KafkaClient
import Logging
import Metrics
import Railway
import ServiceKit
import Synchronization

/// Counts what a reader reads and refuses; logs the first refusal of each source.
final class EventReaderProbe: Sendable {
    /// Sources whose refusals are remembered; further ones are counted and not logged.
    static let maximumSources = 1024

    private let topic: Topic
    private let logger: Logger
    private let receivedEvents: Counter
    private let sources = Mutex<Set<String>>([])

    init(topic: Topic, service: String, logger: Logger) {
        self.topic = topic
        self.logger = logger
        receivedEvents = Counter(
            label: EventStreamNames.Metric.eventsReceived.name,
            dimensions: [(EventStreamNames.Label.topic, topic.name), (EventStreamNames.Label.service, service)])
    }

    func received() { receivedEvents.increment() }

    func rejected(_ error: EventError, source: String?, at partition: TopicPartition, _ offset: Offset) {
        Counter(
            label: EventStreamNames.Metric.eventsRejected.name,
            dimensions: [(EventStreamNames.Label.topic, topic.name), (EventStreamNames.Label.reason, error.label)]
        ).increment()
        let source = String((source ?? "unknown").prefix(128))
        let isNew = sources.withLock { known in
            known.count < Self.maximumSources && known.insert(source).inserted
        }
        guard isNew else { return }
        logger.warning(
            "a record is no event of its topic and is skipped; more from this source are only counted",
            metadata: [
                EventStreamNames.LogKey.partition: "\(partition)", EventStreamNames.LogKey.offset: "\(offset)",
                EventStreamNames.LogKey.source: "\(source)", TelemetryNames.LogKey.error: "\(error)",
            ])
    }
}
