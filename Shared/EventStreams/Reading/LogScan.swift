import KafkaClient
import Logging
import Railway
import ServiceKit

extension EventLog {
    /// Reads partitions without a group, from the given positions on, until `body` returns false or the service stops.
    ///
    /// `body` gets the batches in order within each partition. Throws what ended the consumer.
    public func scan(
        _ positions: [TopicPartition: KafkaStartPosition], name: String,
        _ body: (ConsumerBatch) async throws -> Bool
    ) async throws {
        var configuration = KafkaConsumerConfiguration(
            client: self.configuration.client(for: "\(environment.name)-\(name)"), mode: .assigned(positions))
        configuration.autoOffsetReset = .earliest
        configuration.fetchMaxWait = .milliseconds(500)
        let consumer = try KafkaConsumer(configuration: configuration, logger: EventLog.quiet(logger))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await consumer.run() }
            for try await batch in consumer.batches where try await !body(batch) { break }
            group.cancelAll()
            // What the consumer throws now is that it was cancelled; an earlier failure came through the batches.
            while await group.nextResult() != nil {}
        }
    }

    /// Where the partitions of a topic begin and end now; throws while the topic or a leader is not there.
    public func ends(of topic: Topic) async throws(KafkaError) -> [TopicPartition: (start: Offset, end: Offset)] {
        let described = try await admin.describeTopics([topic.name])
        guard let result = described[topic.name] else {
            throw KafkaError(.metadataUnavailable, "the brokers did not describe topic '\(topic.name)'")
        }
        let partitions = try result.get().partitions.map {
            TopicPartition(topic: topic.name, partition: $0.partition)
        }
        return try await ends(of: partitions)
    }

    /// Where those partitions begin and end now.
    public func ends(
        of partitions: [TopicPartition]
    ) async throws(KafkaError) -> [TopicPartition: (start: Offset, end: Offset)] {
        let starts = try await admin.listOffsets(partitions, at: .earliest)
        let ends = try await admin.listOffsets(partitions, at: .latest)
        var found: [TopicPartition: (start: Offset, end: Offset)] = [:]
        for partition in partitions {
            guard let start = starts[partition], let end = ends[partition] else {
                throw KafkaError(.metadataUnavailable, "no offsets of \(partition)", topicPartition: partition)
            }
            found[partition] = (start, end)
        }
        return found
    }
}

/// What is still to be read until a view knows everything that was in the log when it began.
public struct CatchUp: Sendable {
    private var missing: [TopicPartition: Offset]

    /// Everything between start and end is missing.
    public init(_ ends: [TopicPartition: (start: Offset, end: Offset)]) {
        missing = ends.filter { $0.value.start < $0.value.end }.mapValues(\.end)
    }

    /// Everything before `offset` of the partition has been read.
    public mutating func reached(_ offset: Offset, of partition: TopicPartition) {
        if let end = missing[partition], offset >= end { missing[partition] = nil }
    }

    /// Nothing is missing.
    public var isComplete: Bool { missing.isEmpty }
    /// The partitions that are not read to their ends.
    public var partitions: [TopicPartition] { missing.keys.sorted() }
}
