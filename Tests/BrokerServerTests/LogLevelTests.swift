import KafkaMessages
import KafkaWire
import Logging
import Metadata
import Synchronization
import Testing

@testable import BrokerServer

@Suite("The level of the broker's log", .timeLimit(.minutes(5)))
struct LogLevelTests {
    /// Keeps what was logged.
    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])

        var all: [String] { lines.withLock { $0 } }

        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.add("\(event.level): \(event.message) \(metadata)") }
    }

    private static func change(
        _ entries: [(String, Int8, String?)], replacesAll: Bool = false
    ) -> ConfigurationChange {
        ConfigurationChange(
            resource: .init(.brokerLogger, "1"),
            entries: entries.map { .init(name: $0.0, operation: $0.1, value: $0.2) }, replacesAll: replacesAll)
    }

    @Test("a change holds for every copy of the logger at once, but for one whose own level was set")
    func follows() throws {
        let lines = Lines()
        let level = BrokerLogLevel(.info)
        let logger = level.follow(Logger(label: "broker") { _ in Handler(lines: lines) })
        var copy = logger
        copy[metadataKey: "partition"] = "t-0"
        var quiet = logger
        quiet.logLevel = .error
        logger.debug("one")
        try level.alter(Self.change([("root", 0, "DEBUG")]), validateOnly: false)
        logger.debug("two")
        copy.debug("three")
        quiet.debug("four")
        try level.alter(Self.change([("root", 0, "WARN")]), validateOnly: false)
        copy.info("five")
        #expect(lines.all == ["debug: two [:]", "debug: three [\"partition\": t-0]"])
    }

    @Test("every level of Kafka's can be set and is told by its name", arguments: [
        "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE",
    ])
    func names(name: String) throws {
        let level = BrokerLogLevel(.notice)
        #expect(level.name == "INFO")
        try level.alter(Self.change([("root", 0, name)]), validateOnly: true)
        #expect(level.current == .notice)
        try level.alter(Self.change([("root", 0, name)]), validateOnly: false)
        #expect(level.name == name)
    }

    static let refusals: [(String, Int8, String?, ErrorCode, String)] = [
        ("kafka.server", 0, "INFO", .invalidConfig, "there is no logger 'kafka.server', only 'root'"),
        ("root", 0, "LOUD", .invalidConfig, "root: 'LOUD' is not one of FATAL, ERROR, WARN, INFO, DEBUG, TRACE"),
        ("root", 0, nil, .invalidConfig, "root: 'null' is not one of FATAL, ERROR, WARN, INFO, DEBUG, TRACE"),
        ("root", 1, nil, .invalidRequest, "root: the root logger always has a level"),
        ("root", 2, "INFO", .invalidRequest, "root: a level is no list"),
        ("root", 9, "INFO", .invalidRequest, "root: operation 9 is not one of 0 to 3"),
    ]

    @Test("what cannot be set is told by Kafka's code", arguments: refusals)
    func refused(name: String, operation: Int8, value: String?, code: ErrorCode, message: String) throws {
        let level = BrokerLogLevel(.info)
        let refusal = #expect(throws: TopicRefusal.self) {
            try level.alter(Self.change([(name, operation, value)]), validateOnly: false)
        }
        #expect(refusal?.code == code && refusal?.message == message)
        #expect(level.current == .info)
    }

    @Test("clients read and set it by the resource BROKER_LOGGER; AlterConfigs does not")
    func wire() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            func set(_ value: String, on name: String = "1") async throws -> ErrorCode? {
                let resource = IncrementalAlterConfigsRequest.AlterConfigsResource(
                    resourceType: 8, resourceName: name,
                    configs: [.init(name: "root", configOperation: 0, value: value)])
                let response = try await connection.call(IncrementalAlterConfigsRequest(resources: [resource]))
                return response.responses.first?.errorCode
            }
            #expect(try await set("DEBUG") == ErrorCode.none)
            #expect(try await set("DEBUG", on: "7") == .invalidRequest)
            let described = try await connection.call(
                DescribeConfigsRequest(resources: [.init(resourceType: 8, resourceName: "1", configurationKeys: nil)]))
            let entries = try #require(described.results.first).configs
            #expect(entries.map(\.name) == ["root"] && entries.map(\.value) == ["DEBUG"])
            #expect(entries.map(\.configSource) == [6] && entries.map(\.readOnly) == [false])
            let legacy = AlterConfigsRequest.AlterConfigsResource(
                resourceType: 8, resourceName: "1", configs: [.init(name: "root", value: "INFO")])
            let refused = try await connection.call(AlterConfigsRequest(resources: [legacy]))
            #expect(refused.responses.map(\.errorCode) == [.invalidRequest])
        }
    }
}
