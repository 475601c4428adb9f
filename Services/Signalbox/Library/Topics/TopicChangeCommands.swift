import ArgumentParser
import KafkaClient

/// `signalbox topics create-partitions`
struct CreatePartitionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create-partitions",
        abstract: "Give a topic more partitions. Keys go to other partitions from then on.")

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "The topic's name.") var topic: String
    @Option(parsing: .unconditional, help: "How many there shall be in the end; only ever more than now.")
    var partitions: Int32
    @Flag(name: .customLong("validate-only"), help: "Only say whether it could be done.") var validateOnly = false

    func validate() throws {
        if partitions < 1 { throw ValidationError("--partitions must be at least 1, not \(partitions)") }
    }

    func run() async throws {
        let results = try await connection.withAdmin { [topic, partitions, validateOnly] admin in
            try await admin.createPartitions([topic: partitions], validateOnly: validateOnly)
        }
        guard let result = results[topic] else { throw CommandError("the broker said nothing of topic '\(topic)'") }
        try result.get(about: "topic '\(topic)'")
    }
}

/// `signalbox topics delete-records`
struct DeleteRecordsCommand: AsyncParsableCommand {
    private struct Row: Encodable {
        var topic: String
        var partition: Int32
        var startOffset: Int64
    }

    static let configuration = CommandConfiguration(
        commandName: "delete-records", abstract: "Delete the records at the beginning of a topic's partitions.")

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "The topic's name.") var topic: String
    @Option(
        parsing: .unconditional,
        help: "The first offset that stays, the same in every partition named, or 'end' to delete all there are.")
    var before: String
    @Option(
        name: .customLong("partition"), parsing: .unconditionalSingleValue,
        help: "A partition; all of them when left out. May be repeated.")
    var partitions: [Int32] = []
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard before == "end" || Int64(before).map({ $0 >= 0 }) == true else {
            throw ValidationError("--before must be an offset or 'end', not '\(before)'")
        }
    }

    func run() async throws {
        let offset = Int64(before).map { Offset($0) }
        let results = try await connection.withAdmin { [topic, partitions] admin in
            let places = try await TopicPlaces.find(topic, partitions, admin)
            return try await admin.deleteRecords(
                before: Dictionary(uniqueKeysWithValues: places.map { ($0, offset) }))
        }
        let rows = try results.sorted { $0.key < $1.key }.map { place, result in
            Row(
                topic: place.topic, partition: place.partition,
                startOffset: try result.get(about: "partition \(place)").rawValue)
        }
        if json { return StandardStream.write(try JSONOutput.text(rows)) }
        var table = TextTable(["TOPIC", "PARTITION", "START"], numeric: [1, 2])
        for row in rows { table.add([row.topic, "\(row.partition)", "\(row.startOffset)"]) }
        StandardStream.write(table.text)
    }
}

/// The partitions that a command is about.
enum TopicPlaces {
    /// These partitions of a topic, or all that it has; throws for one that is not there.
    static func find(_ topic: String, _ asked: [Int32], _ admin: KafkaAdmin) async throws -> [TopicPartition] {
        guard let result = try await admin.describeTopics([topic])[topic] else {
            throw CommandError("topic '\(topic)': there is no such topic")
        }
        let there = try result.get(about: "topic '\(topic)'").partitions.map(\.partition)
        if let missing = asked.first(where: { !there.contains($0) }) {
            throw CommandError("topic '\(topic)' has no partition \(missing)")
        }
        return Set(asked.isEmpty ? there : asked).sorted().map { TopicPartition(topic: topic, partition: $0) }
    }
}
