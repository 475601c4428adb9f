import KafkaClient
import Logging
import Railway
import ServiceContextModule
import ServiceKit
import ServiceLifecycle
import Tracing

/// Listens to a topic as a member of a consumer group: each event is handled, then its offset committed.
///
/// At least once: what was handled and not committed before a crash is handled again. Failures of the log are waited
/// out; a handler that throws is given the same events again, by a new member.
public final class EventListener<Handler: EventHandler>: Service {
    private let log: EventLog
    private let group: String
    private let topic: Topic
    private let reader: EventReader<Handler.Event>
    private let handler: Handler
    private let check: HealthCheck

    /// A member of `group` that reads `reader`'s topic.
    public init(_ log: EventLog, group: String, reader: EventReader<Handler.Event>, handler: Handler) {
        self.log = log
        self.group = group
        self.topic = reader.topic
        self.reader = reader
        self.handler = handler
        check = log.environment.healthCheck("group \(group)")
        check.set(.unhealthy("not joined"))
    }

    /// Listens until the service stops; then the batch at work is finished and committed, and the group left.
    public func run() async throws {
        guard await log.link.untilOpen() else { return }
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            do {
                try await listen()
            } catch {
                if Task.isCancelled || Task.isShuttingDownGracefully { return }
                log.logger.error(
                    "listening stopped; joining the group again",
                    metadata: [
                        EventStreamNames.LogKey.group: "\(group)", TelemetryNames.LogKey.error: "\(error)",
                    ])
            }
            check.set(.unhealthy("not joined"))
            do {
                try await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(1)) }
            } catch { return }
        }
    }

    private func listen() async throws {
        let consumer = try makeConsumer()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await consumer.run() }
            do {
                for try await batch in consumer.batches { try await handle(batch, consumer) }
            } catch {
                tasks.cancelAll()
                while await tasks.nextResult() != nil {}
                throw error
            }
            try await tasks.waitForAll()
        }
    }

    private func makeConsumer() throws -> KafkaConsumer {
        var membership = KafkaGroupConfiguration(groupID: group, topics: [topic.name])
        membership.assignors = [.cooperativeSticky, .range]
        // A member that was killed keeps its partitions for this long; the state is in the log, so moving is cheap.
        membership.sessionTimeout = .seconds(10)
        var configuration = KafkaConsumerConfiguration(client: log.client, mode: .group(membership))
        configuration.autoOffsetReset = .earliest
        let (handler, check) = (handler, check)
        let hooks = KafkaRebalanceHooks(
            onAssigned: { partitions, consumer in
                let committed = try await consumer.committed(partitions)
                try await handler.assigned(
                    Dictionary(uniqueKeysWithValues: partitions.map { ($0, committed[$0]?.offset) }))
                // Reading begins where the state ends, whatever is committed meanwhile.
                for partition in partitions {
                    try consumer.seek(partition, to: committed[partition].map { .offset($0.offset) } ?? .earliest)
                }
                check.set(.healthy)
            },
            onRevoked: { partitions, _ in await handler.lost(partitions) })
        return try KafkaConsumer(configuration: configuration, hooks: hooks, logger: EventLog.quiet(log.logger))
    }

    private func handle(_ batch: ConsumerBatch, _ consumer: KafkaConsumer) async throws {
        for record in batch.records {
            guard let received = reader.read(record, of: batch.topicPartition) else { continue }
            try await take(received, record, batch)
        }
        try await handler.settle()
        do throws(KafkaError) {
            try await consumer.commit(batch)
        } catch {
            // The next commit includes it; after a crash before that, the batch is handled again.
            log.logger.warning(
                "offsets could not be committed",
                metadata: [EventStreamNames.LogKey.group: "\(group)", TelemetryNames.LogKey.error: "\(error)"])
        }
    }

    private func take(
        _ received: ReceivedRecord<Handler.Event>, _ record: ConsumerRecord, _ batch: ConsumerBatch
    ) async throws {
        var context = record.serviceContext
        // Spans made inside carry the service's name; the record's context knows only the trace.
        context.serviceName = log.environment.name
        try await withSpan("\(topic.name) process", context: context, ofKind: .consumer) { span in
            span.attributes["messaging.system"] = "kafka"
            span.attributes["messaging.operation.type"] = "process"
            span.attributes["messaging.destination.name"] = topic.name
            span.attributes["messaging.destination.partition.id"] = "\(batch.topicPartition.partition)"
            span.attributes["messaging.consumer.group.name"] = group
            span.attributes["messaging.kafka.offset"] = record.offset.rawValue
            if case .event(let event) = received { span.attributes["signalbox.event.id"] = event.attributes.id }
            try await handler.take(received)
        }
    }
}
