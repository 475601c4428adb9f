import ArgumentParser
import KafkaClient
import Logging
import ServiceLifecycle
import UnixSignals

/// `signalbox consume`: a topic's records as lines on standard output.
struct ConsumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "consume", abstract: "Print a topic's records, those to come or all.")

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "The topic to read.") var topic: String
    @Flag(name: .customLong("from-beginning"), help: "Start at the first record still there.") var fromBeginning = false
    @Option(help: "Read as a member of this group, from its committed offsets, and commit.") var group: String?
    @Option(parsing: .unconditional, help: "Stop after so many records.") var count: Int?
    @Option(help: "value, key-value, full or json.") var format = RecordFormat.value
    @Flag(name: .customLong("exit-at-end"), help: "Stop at the end that the topic had at the start.") var exitAtEnd =
        false

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count must be at least 1, not \(count)") }
        if exitAtEnd, group != nil { throw ValidationError("--exit-at-end and --group exclude each other") }
    }

    func run() async throws {
        let partitions = try await findPartitions()
        let ends =
            exitAtEnd
            ? try await connection.withAdmin { try await $0.listOffsets(partitions, at: .latest) } : [:]
        var remaining = RemainingRecords(ends: exitAtEnd ? ends : nil, count: count)
        if exitAtEnd {
            let start: KafkaStartPosition = fromBeginning ? .earliest : .latest
            let starts = try await connection.withAdmin { try await $0.listOffsets(partitions, at: start) }
            remaining.start(at: starts)
            if remaining.isDone { return }
        }
        let consumer = try KafkaConsumer(
            configuration: consumerConfiguration(partitions), logger: ConnectionOptions.quietLogger)
        let done = AsyncStream<Void>.makeStream()
        let printer = RecordPrinter(
            consumer: consumer, format: format, remaining: remaining, commits: group != nil, done: done.continuation)
        var configuration = ServiceGroupConfiguration(
            services: [
                .init(service: printer, successTerminationBehavior: .gracefullyShutdownGroup),
                .init(service: Done(stream: done.stream), successTerminationBehavior: .gracefullyShutdownGroup),
            ], gracefulShutdownSignals: [.sigterm, .sigint], logger: ConnectionOptions.quietLogger)
        configuration.maximumGracefulShutdownDuration = .seconds(5)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            throw connection.describe(error)
        }
    }

    private func findPartitions() async throws -> [TopicPartition] {
        let found = try await connection.withAdmin { [topic] in try await $0.describeTopics([topic]) }
        guard let result = found[topic] else { throw CommandError("topic '\(topic)': there is no such topic") }
        let description = try result.get(about: "topic '\(topic)'")
        return description.partitions.map { TopicPartition(topic: topic, partition: $0.partition) }
    }

    private func consumerConfiguration(_ partitions: [TopicPartition]) -> KafkaConsumerConfiguration {
        var configuration: KafkaConsumerConfiguration
        if let group {
            configuration = KafkaConsumerConfiguration(
                client: connection.client, mode: .group(KafkaGroupConfiguration(groupID: group, topics: [topic])))
        } else {
            let start: KafkaStartPosition = fromBeginning ? .earliest : .latest
            let positions = Dictionary(uniqueKeysWithValues: partitions.map { ($0, start) })
            configuration = KafkaConsumerConfiguration(client: connection.client, mode: .assigned(positions))
        }
        configuration.autoOffsetReset = fromBeginning ? .earliest : .latest
        return configuration
    }
}

/// What is still to be printed: up to a number of records, or up to the ends of the partitions. Pure.
struct RemainingRecords: Sendable {
    private var missing: [TopicPartition: Offset]?
    private var count: Int?

    /// `ends` nil: without end; `count` nil: any number.
    init(ends: [TopicPartition: Offset]?, count: Int?) {
        missing = ends
        self.count = count
    }

    /// Partitions that are at their end from the start are done.
    mutating func start(at positions: [TopicPartition: Offset]) {
        missing = missing?.filter { place, end in (positions[place] ?? 0) < end }
    }

    /// True when nothing more is to be printed.
    var isDone: Bool { count == 0 || missing?.isEmpty == true }

    /// Whether the record at `offset` is to be printed; counts it.
    mutating func take(_ place: TopicPartition, _ offset: Offset) -> Bool {
        if isDone { return false }
        if let missing, offset >= missing[place] ?? 0 { return false }
        count = count.map { $0 - 1 }
        return true
    }

    /// Everything of the partition before `offset` has been seen.
    mutating func reached(_ place: TopicPartition, _ offset: Offset) {
        if let end = missing?[place], offset >= end { missing?[place] = nil }
    }
}

/// Prints until nothing remains or the consumer stops.
///
/// It goes on asking for batches after that, for a consumer leaves its group once the application is done with the
/// last one. What has been printed is committed, and nothing else.
private struct RecordPrinter: Service {
    let consumer: KafkaConsumer
    let format: RecordFormat
    let remaining: RemainingRecords
    let commits: Bool
    let done: AsyncStream<Void>.Continuation

    /// Runs the consumer too: it stops first, and what it still delivers is printed.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await consumer.run() }
            do {
                try await printAll()
            } catch {
                group.cancelAll()
                throw error
            }
            try await group.waitForAll()
        }
    }

    private func printAll() async throws {
        var remaining = remaining
        for try await batch in consumer.batches where !remaining.isDone {
            var text = ""
            var next: Offset?
            for record in batch.records where remaining.take(batch.topicPartition, record.offset) {
                text += try RecordText(place: batch.topicPartition, record: record).line(format)
                next = record.offset + 1
            }
            StandardStream.write(text)
            if commits, let next { try await consumer.commit([batch.topicPartition: CommittedOffset(offset: next)]) }
            remaining.reached(batch.topicPartition, batch.nextOffset)
            if remaining.isDone { done.finish() }
        }
    }
}

/// Ends, and with it everything, when the printer says so.
private struct Done: Service {
    let stream: AsyncStream<Void>

    func run() async throws {
        await cancelWhenGracefulShutdown { for await _ in stream {} }
    }
}
