import KafkaClient
import Logging
import Metrics
import Railway
import ServiceKit
import ServiceLifecycle

/// Tells events: key, value, CloudEvents headers and trace context, to the event's own topic.
///
/// An idempotent producer with acks=all. A record's timestamp is the time of telling, for brokers refuse timestamps far
/// ahead and retention goes by them; event time is in the value and in `ce_time`. A span of the producer's is made per
/// event, below the span that is current when it is handed over. While the log cannot be reached, telling waits.
public final class EventTeller: Service {
    /// What the records say of their origin, such as `/stations/NATION`.
    public let source: String
    private let producer: KafkaProducer
    private let logger: Logger
    private let link: EventLogLink
    private let probe = TellerProbe()

    /// A teller for `source`; run it as a service, before those who use it.
    public init(_ log: EventLog, source: String) throws(KafkaError) {
        self.source = source
        var configuration = KafkaProducerConfiguration(client: log.client)
        configuration.linger = .milliseconds(2)
        configuration.batchSizeBytes = 128 * 1024
        producer = try KafkaProducer(configuration: configuration, logger: EventLog.quiet(log.logger))
        logger = log.logger
        link = log.link
    }

    /// Sends what is told until the service stops; then what was taken over is still sent.
    public func run() async throws {
        try await producer.run()
    }

    /// Tells events of one topic, in order within a key; returns when the log has acknowledged all.
    ///
    /// Tries for as long as it takes. Throws `CancellationError`, and ``KafkaError`` for what no retry can help.
    public func tell(_ events: [some RailwayEvent]) async throws {
        let batch = batch()
        for event in events { try await batch.add(event) }
        try await batch.finish()
    }

    /// Tells one event; as ``tell(_:)-(_)`` for many.
    public func tell(_ event: some RailwayEvent) async throws {
        try await tell([event])
    }

    /// Tells that a key of a compacted topic is deleted.
    public func tellDeletion(of key: String, in topic: Topic) async throws {
        let batch = batch()
        try await batch.add(ProducerRecord(topic: topic.name, key: NIOText.buffer(key), value: nil))
        try await batch.finish()
    }

    /// A set of events that is handed over one by one, each in its own trace, and waited for together.
    public func batch() -> TellingBatch {
        TellingBatch(producer: producer, source: source, link: link, probe: probe, logger: logger)
    }
}

/// Counts acknowledged events by topic.
struct TellerProbe: Sendable {
    func told(_ events: Int, topic: String) {
        Counter(
            label: EventStreamNames.Metric.eventsTold.name, dimensions: [(EventStreamNames.Label.topic, topic)]
        ).increment(by: events)
    }
}
