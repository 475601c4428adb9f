import ArgumentParser
import KafkaClient
import NIOCore
import NIOPosix

/// `signalbox produce`: a record per line of standard input.
struct ProduceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "produce", abstract: "Write a record per line of standard input to a topic.")

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "The topic to write to.") var topic: String
    @Option(
        name: .customLong("key-separator"),
        help: "Divides key and value in a line; \\t is a tab. No keys without it.")
    var keySeparator: String?
    @Option(help: "A value that stands for none: the record deletes its key on a compacted topic.")
    var tombstone: String?
    @Option(name: .customLong("header"), help: "A header of every record: name=value. May be repeated.")
    var headers: [String] = []
    @Option(parsing: .unconditional, help: "The partition; else the key decides.") var partition: Int32?
    @Option(help: "Who must have a record: 0, 1 or all.") var acks = "all"
    @Option(help: "none, gzip, snappy, lz4 or zstd.") var compression = "none"

    func run() async throws {
        let configuration = try producerConfiguration()
        let headers = try Self.headers(headers)
        let producer = try KafkaProducer(configuration: configuration, logger: ConnectionOptions.quietLogger)
        try await requireTopic()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await producer.run() }
            defer { group.cancelAll() }
            try await feed(producer, headers)
        }
    }

    /// The options as the producer's settings.
    func producerConfiguration() throws(CommandError) -> KafkaProducerConfiguration {
        var configuration = KafkaProducerConfiguration(client: connection.client)
        configuration.linger = .milliseconds(5)
        configuration.batchSizeBytes = 256 * 1024
        configuration.maxBlock = .seconds(connection.timeout)
        configuration.deliveryTimeout = .seconds(connection.timeout)
        switch acks {
        case "0": configuration.acks = .none
        case "1": configuration.acks = .leader
        case "all", "-1": configuration.acks = .all
        default: throw CommandError("--acks must be 0, 1 or all, not '\(acks)'")
        }
        configuration.enableIdempotence = configuration.acks == .all
        guard let codec = Compression(name: compression) else {
            throw CommandError("--compression must be none, gzip, snappy, lz4 or zstd, not '\(compression)'")
        }
        configuration.compression = codec
        return configuration
    }

    /// `name=value` texts as headers.
    static func headers(_ texts: [String]) throws(CommandError) -> [RecordHeader] {
        var headers: [RecordHeader] = []
        for text in texts {
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                throw CommandError("--header needs name=value, not '\(text)'")
            }
            let value = ByteBuffer(substring: text[text.index(after: equals)...])
            headers.append(RecordHeader(name: String(text[..<equals]), value: value))
        }
        return headers
    }

    /// A misspelt topic is an error and not a new topic.
    private func requireTopic() async throws {
        let found = try await connection.withAdmin { [topic] in try await $0.describeTopics([topic]) }
        guard let result = found[topic] else { throw CommandError("topic '\(topic)': there is no such topic") }
        _ = try result.get(about: "topic '\(topic)'")
    }

    private func feed(_ producer: KafkaProducer, _ headers: [RecordHeader]) async throws {
        let separator = keySeparator.map(RecordLine.separator)
        while let text = try await Self.nextLine() {
            let line = try RecordLine(text, separator: separator, tombstone: tombstone)
            try await producer.enqueue(
                ProducerRecord(
                    topic: topic, partition: partition, key: line.key.map { ByteBuffer(string: $0) },
                    value: line.value.map { ByteBuffer(string: $0) }, headers: headers))
        }
        try await producer.flush()
    }

    /// Reading may block for as long as nobody types: not on a thread that tasks share.
    private static func nextLine() async throws -> String? {
        try await NIOThreadPool.singleton.runIfActive { readLine(strippingNewline: true) }
    }
}
