import ArgumentParser
import ServiceKit
import Testing

@testable import KafkaClient
@testable import SignalboxCLI

@Suite("signalbox up")
struct UpCommandTests {
    private func options(_ arguments: String...) throws -> CommandLineOptions {
        try #require(try SignalboxCommand.parseAsRoot(["up"] + arguments) as? UpCommand).options()
    }

    @Test("Flags stand for keys; --set comes last and wins")
    func flags() throws {
        let options = try options(
            "--config", "a.toml", "--set", "station.speed=2", "--replay", "lab", "--speed", "max", "--data", "log")
        #expect(options.configurationFile == "a.toml")
        #expect(
            options.overrides.map { "\($0.key)=\($0.value)" } == [
                "broker.kafka.log.dirs=log", "station.source=replay", "station.directory=lab", "station.speed=max",
                "station.speed=2",
            ])
    }

    @Test("The services find the broker of their own process, wherever it listens")
    func connected() throws {
        let options = try EmbeddedLine.connected(
            try options("--set", "broker.kafka.listeners=PLAINTEXT://0.0.0.0:9192"), environment: [:])
        #expect(options.overrides.first == .init(key: "kafka.bootstrap_servers", value: "127.0.0.1:9192"))
    }

    @Test("The pages lead to each other's ports, unless an address is given")
    func links() throws {
        let options = try EmbeddedLine.connected(
            try options("--set", "delays.http.port=9191", "--set", "links.board=https://boards.example/"),
            environment: [:])
        let links = options.overrides.filter { $0.key.hasPrefix("links.") }.map { "\($0.key)=\($0.value)" }
        #expect(links.contains("links.delays=http://{host}:9191/"))
        #expect(links.contains("links.control=http://{host}:8080/"))
        #expect(links.filter { $0.hasPrefix("links.board=") } == ["links.board=https://boards.example/"])
    }

    @Test("A broker that is named is the one they use", arguments: [true, false])
    func named(_ isInEnvironment: Bool) throws {
        let environment = isInEnvironment ? ["SIGNALBOX_KAFKA__BOOTSTRAP_SERVERS": "far:1"] : [:]
        let arguments = isInEnvironment ? try options() : try options("--set", "kafka.bootstrap_servers=far:1")
        let connected = try EmbeddedLine.connected(arguments, environment: environment)
        #expect(!connected.overrides.contains { $0.value.hasPrefix("127.0.0.1") })
    }

    @Test("A wrong setting of the broker is told with its key")
    func wrong() throws {
        let options = try options("--set", "broker.kafka.listeners=nonsense")
        let error = try #require(throws: ConfigurationError.self) {
            try EmbeddedLine.connected(options, environment: [:])
        }
        #expect(error.description.contains("broker.kafka.listeners"))
    }

    @Test("The parts are the broker, a station each, and the services; a key of each is known")
    func parts() throws {
        let reader = ConfigurationReader(.defaults)
        #expect(
            try EmbeddedLine.parts(reader).map(\.name) == [
                "broker", "station-vincennes", "station-nation", "station-gare-de-lyon", "station-bastille",
                "station-chatelet", "arrivals", "delays", "notifications", "dashboard",
            ])
    }
}

@Suite("Options of commands")
struct OptionTests {
    @Test("acks and compression become the producer's settings")
    func producer() throws {
        let arguments = ["produce", "delays", "--acks", "1", "--compression", "zstd"]
        let command = try #require(try SignalboxCommand.parseAsRoot(arguments) as? ProduceCommand)
        let configuration = try command.producerConfiguration()
        #expect(configuration.acks == .leader)
        #expect(!configuration.enableIdempotence)
        #expect(configuration.compression == .zstd)
    }

    @Test("What they cannot be is said", arguments: [["--acks", "2"], ["--compression", "rar"]])
    func wrong(_ arguments: [String]) throws {
        let parsed = try SignalboxCommand.parseAsRoot(["produce", "delays"] + arguments)
        let command = try #require(parsed as? ProduceCommand)
        #expect(throws: CommandError.self) { try command.producerConfiguration() }
    }

    @Test("Headers and topic settings are name=value")
    func pairs() throws {
        #expect(try ProduceCommand.headers(["a=b=c"]).map(\.name) == ["a"])
        #expect(throws: CommandError.self) { try ProduceCommand.headers(["ab"]) }
        #expect(try CreateTopicCommand.settings(["retention.ms=5"]) == ["retention.ms": "5"])
        #expect(throws: CommandError.self) { try CreateTopicCommand.settings(["=5"]) }
    }

    @Test("An error is one line that says what it is about")
    func errors() {
        let unknown = KafkaError(.broker(.unknownTopicOrPartition), "no such")
        #expect(CommandError.sentence(unknown, subject: "topic 'a'") == "topic 'a': there is no such topic")
        #expect(CommandError.line(CommandError("a\nb"), parserMessage: "") == "signalbox: a b")
    }
}

@Suite("groups describe")
struct GroupReportTests {
    @Test("Members, offsets and ends are joined; a partition without an offset has no lag")
    func joined() {
        let first = TopicPartition(topic: "delays", partition: 0)
        let second = TopicPartition(topic: "delays", partition: 1)
        let member = GroupMemberDescription(
            memberID: "m", groupInstanceID: nil, clientID: "c", clientHost: "/127.0.0.1", assignment: [first, second])
        let group = GroupDescription(
            groupID: "delays", state: "Stable", protocolType: "consumer", assignor: "range", members: [member])
        let report = GroupReport(
            group, committed: [first: CommittedOffset(offset: 3)], ends: [first: 10, second: 4])
        #expect(report.partitions.map(\.lag) == [7, nil])
        #expect(report.partitions.map(\.member) == ["m", "m"])
        #expect(report.text.hasPrefix("group delays: Stable, members 1, assignor range\n"))
    }
}
