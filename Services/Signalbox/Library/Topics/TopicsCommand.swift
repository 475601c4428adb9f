import ArgumentParser
import KafkaClient

/// `signalbox topics`: what topics there are, and making and removing them.
struct TopicsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics", abstract: "List, create, describe, change and delete topics.",
        subcommands: [
            ListTopicsCommand.self, CreateTopicCommand.self, DescribeTopicCommand.self, AlterTopicCommand.self,
            CreatePartitionsCommand.self, DeleteRecordsCommand.self, DeleteTopicCommand.self,
        ])
}

/// A topic with its partitions' ends, as `--json` prints it.
struct TopicReport: Encodable {
    struct Partition: Encodable {
        var partition: Int32
        var leader: Int32?
        var replicas: [Int32]
        var inSyncReplicas: [Int32]
        var startOffset: Int64?
        var endOffset: Int64?
    }

    struct Configuration: Encodable {
        var name: String
        var value: String?
        var source: String
    }

    var name: String
    var isInternal: Bool
    var partitions: [Partition]
    /// Where they were asked for.
    var configurations: [Configuration]?

    /// Records that the log holds by its offsets; compaction may have removed some of them.
    var records: Int64 {
        partitions.reduce(0) { $0 + max(0, ($1.endOffset ?? 0) - ($1.startOffset ?? 0)) }
    }

    /// Asks for the offsets of the topics, and joins them.
    static func make(_ topics: [TopicDescription], _ admin: KafkaAdmin) async throws(KafkaError) -> [TopicReport] {
        let partitions = topics.flatMap { topic in
            topic.partitions.map { TopicPartition(topic: topic.name, partition: $0.partition) }
        }
        if partitions.isEmpty { return [] }
        let starts = try await admin.listOffsets(partitions, at: .earliest)
        let ends = try await admin.listOffsets(partitions, at: .latest)
        return topics.map { topic in
            TopicReport(
                name: topic.name, isInternal: topic.isInternal,
                partitions: topic.partitions.map { partition in
                    let place = TopicPartition(topic: topic.name, partition: partition.partition)
                    return Partition(
                        partition: partition.partition, leader: partition.leader?.rawValue,
                        replicas: partition.replicas.map(\.rawValue),
                        inSyncReplicas: partition.inSyncReplicas.map(\.rawValue),
                        startOffset: starts[place]?.rawValue, endOffset: ends[place]?.rawValue)
                })
        }
    }
}

/// `signalbox topics list`
struct ListTopicsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "All topics with partitions and records.")

    @OptionGroup var connection: ConnectionOptions
    @Flag(help: "Also the cluster's own topics.") var `internal` = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let reports = try await connection.withAdmin { [`internal`] admin in
            let topics = try await admin.listTopics().filter { `internal` || !$0.isInternal }
            return try await TopicReport.make(topics, admin)
        }
        if json { return StandardStream.write(try JSONOutput.text(reports)) }
        var table = TextTable(["TOPIC", "PARTITIONS", "RECORDS"], numeric: [1, 2])
        for report in reports { table.add([report.name, "\(report.partitions.count)", "\(report.records)"]) }
        StandardStream.write(table.text)
    }
}

/// `signalbox topics create`
struct CreateTopicCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "create", abstract: "Make a topic.")

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "The topic's name.") var topic: String
    @Option(parsing: .unconditional, help: "Partitions; the broker's default when left out.")
    var partitions: Int32 = -1
    @Option(
        name: .customLong("replication-factor"), parsing: .unconditional,
        help: "Copies; the broker's default when left out.")
    var replicationFactor: Int16 = -1
    @Option(
        name: .customLong("config"), help: "A topic setting under Kafka's name: retention.ms=60000. May be repeated.")
    var settings: [String] = []
    @Flag(name: .customLong("if-not-exists"), help: "A topic that exists already is fine.") var ifNotExists = false

    func run() async throws {
        let new = NewTopic(
            name: topic, partitions: partitions, replicationFactor: replicationFactor,
            configuration: try Self.settings(settings))
        let results = try await connection.withAdmin { try await $0.createTopics([new]) }
        guard let result = results[topic] else { throw CommandError("the broker said nothing of topic '\(topic)'") }
        if case .failure(let error) = result, ifNotExists, error.errorCode == .topicAlreadyExists { return }
        try result.get(about: "topic '\(topic)'")
    }

    /// `name=value` texts as a dictionary.
    static func settings(_ texts: [String]) throws(CommandError) -> [String: String] {
        var settings: [String: String] = [:]
        for text in texts {
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                throw CommandError("--config needs name=value, not '\(text)'")
            }
            settings[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        return settings
    }
}

/// `signalbox topics describe`
struct DescribeTopicCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "A topic's partitions, leaders, offsets and configuration.")

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "The topics' names.") var topics: [String]
    @Flag(help: "Also every configuration value, and where it comes from.") var configs = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let reports = try await connection.withAdmin { [topics, configs] admin in
            let found = try await admin.describeTopics(topics)
            var descriptions: [TopicDescription] = []
            for topic in topics {
                guard let result = found[topic] else { throw CommandError("topic '\(topic)': there is no such topic") }
                descriptions.append(try result.get(about: "topic '\(topic)'"))
            }
            var reports = try await TopicReport.make(descriptions, admin)
            if configs { try await TopicReport.addConfigurations(to: &reports, admin) }
            return reports
        }
        if json { return StandardStream.write(try JSONOutput.text(reports)) }
        StandardStream.write(Self.partitions(reports) + (configs ? "\n" + Self.configurations(reports) : ""))
    }

    private static func partitions(_ reports: [TopicReport]) -> String {
        var table = TextTable(
            ["TOPIC", "PARTITION", "LEADER", "REPLICAS", "IN SYNC", "START", "END"], numeric: [1, 5, 6])
        for report in reports {
            for partition in report.partitions {
                table.add([
                    report.name, "\(partition.partition)", partition.leader.map { "\($0)" } ?? "-",
                    list(partition.replicas), list(partition.inSyncReplicas),
                    partition.startOffset.map { "\($0)" } ?? "-", partition.endOffset.map { "\($0)" } ?? "-",
                ])
            }
        }
        return table.text
    }

    private static func configurations(_ reports: [TopicReport]) -> String {
        var table = TextTable(["TOPIC", "KEY", "VALUE", "SOURCE"])
        for report in reports {
            for entry in report.configurations ?? [] {
                table.add([report.name, entry.name, entry.value ?? "-", entry.source])
            }
        }
        return table.text
    }

    private static func list(_ ids: [Int32]) -> String {
        ids.map { "\($0)" }.joined(separator: ",")
    }
}

/// `signalbox topics delete`
struct DeleteTopicCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Remove topics and all their records.")

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "The topics' names.") var topics: [String]

    func run() async throws {
        let results = try await connection.withAdmin { [topics] in try await $0.deleteTopics(topics) }
        for topic in topics {
            guard let result = results[topic] else { throw CommandError("topic '\(topic)': there is no such topic") }
            try result.get(about: "topic '\(topic)'")
        }
    }
}
