import ArgumentParser
import KafkaClient

/// `signalbox topics alter`
struct AlterTopicCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alter", abstract: "Change a topic's configuration; it holds at once.")

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "The topic's name.") var topic: String
    @Option(
        name: .customLong("config"), help: "A setting under Kafka's name: retention.ms=60000. May be repeated.")
    var settings: [String] = []
    @Option(
        name: .customLong("delete-config"), help: "A setting that goes back to its default. May be repeated.")
    var deleted: [String] = []
    @Flag(name: .customLong("validate-only"), help: "Only say whether it could be done.") var validateOnly = false

    func validate() throws {
        if settings.isEmpty, deleted.isEmpty { throw ValidationError("give --config or --delete-config") }
    }

    func run() async throws {
        let operations = try Self.operations(set: settings, delete: deleted)
        let resource = KafkaConfigurationResource.topic(topic)
        let results = try await connection.withAdmin { [validateOnly] admin in
            try await admin.alterConfigurations([resource: operations], validateOnly: validateOnly)
        }
        guard let result = results[resource] else { throw CommandError("the broker said nothing of topic '\(topic)'") }
        try result.get(about: "topic '\(topic)'")
    }

    /// What is asked for by key; a key that is both set and deleted is an error.
    static func operations(
        set: [String], delete: [String]
    ) throws(CommandError) -> [String: KafkaConfigurationOperation] {
        var operations = try CreateTopicCommand.settings(set).mapValues { KafkaConfigurationOperation.set($0) }
        for key in delete {
            if operations.updateValue(.delete, forKey: key) != nil {
                throw CommandError("\(key) is set and deleted, or deleted twice")
            }
        }
        return operations
    }
}

extension TopicReport {
    /// Asks for the topics' configurations.
    static func addConfigurations(to reports: inout [TopicReport], _ admin: KafkaAdmin) async throws {
        let found = try await admin.describeConfigurations(reports.map { .topic($0.name) })
        for index in reports.indices {
            let name = reports[index].name
            guard let result = found[.topic(name)] else {
                throw CommandError("the broker said nothing of topic '\(name)'")
            }
            reports[index].configurations = try result.get(about: "topic '\(name)'").map { entry in
                Configuration(name: entry.name, value: entry.value, source: entry.source.map { "\($0)" } ?? "-")
            }
        }
    }
}
