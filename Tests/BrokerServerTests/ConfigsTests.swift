import KafkaMessages
import KafkaWire
import NIOCore
import Testing

@testable import BrokerServer

@Suite("DescribeConfigs, AlterConfigs, IncrementalAlterConfigs", .timeLimit(.minutes(5)))
struct ConfigsTests {
    typealias Incremental = IncrementalAlterConfigsRequest
    typealias Described = DescribeConfigsResponse.DescribeConfigsResourceResult

    private func describe(
        _ connection: TestConnection, _ type: Int8, _ name: String, keys: [String]? = nil, version: Int16 = 4
    ) async throws -> DescribeConfigsResponse.DescribeConfigsResult {
        let response = try await connection.call(
            DescribeConfigsRequest(
                resources: [.init(resourceType: type, resourceName: name, configurationKeys: keys)],
                includeSynonyms: true, includeDocumentation: version >= 3), version: version)
        return try #require(response.results.first)
    }

    private func value(
        _ connection: TestConnection, _ type: Int8, _ name: String, _ key: String
    ) async throws -> (String?, Int8) {
        let entry = try #require(try await describe(connection, type, name, keys: [key]).configs.first)
        return (entry.value, entry.configSource)
    }

    @discardableResult
    private func alter(
        _ connection: TestConnection, _ type: Int8, _ name: String, _ configs: [(String, Int8, String?)],
        validateOnly: Bool = false, version: Int16 = 1
    ) async throws -> Incremental.Response.AlterConfigsResourceResponse {
        let resource = Incremental.AlterConfigsResource(
            resourceType: type, resourceName: name,
            configs: configs.map { .init(name: $0.0, configOperation: $0.1, value: $0.2) })
        let response = try await connection.call(
            Incremental(resources: [resource], validateOnly: validateOnly), version: version)
        return try #require(response.responses.first)
    }

    @Test("a topic has every configuration with type, source and documentation, at every version")
    func topic() async throws {
        try await withBroker(["log.segment.bytes": "5000000"]) { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", ["retention.ms": "1000"])
            for version in DescribeConfigsRequest.versions {
                let result = try await describe(connection, 2, "t", version: version)
                #expect(result.errorCode == .none && result.configs.count > 30)
                let byName = Dictionary(uniqueKeysWithValues: result.configs.map { ($0.name, $0) })
                #expect(byName["retention.ms"]?.value == "1000" && byName["retention.ms"]?.configSource == 1)
                #expect(byName["segment.bytes"]?.value == "5000000" && byName["segment.bytes"]?.configSource == 4)
                #expect(byName["cleanup.policy"]?.value == "delete" && byName["cleanup.policy"]?.configSource == 5)
                #expect(byName["cleanup.policy"]?.configType == (version < 3 ? 0 : 7))
                #expect(byName["cleanup.policy"]?.documentation?.isEmpty == (version < 3))
                #expect(byName.values.allSatisfy { !$0.readOnly && !$0.isSensitive })
            }
        }
    }

    @Test("CreateTopics lists what DescribeConfigs would")
    func created() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let response = try await connection.call(
                CreateTopicsRequest(topics: [
                    .init(
                        name: "t", numPartitions: 1, replicationFactor: 1,
                        configs: [.init(name: "retention.ms", value: "1000")])
                ]))
            let listed = try #require(response.topics[0].configs)
            let described = try await describe(connection, 2, "t").configs
            #expect(listed.map(\.name) == described.map(\.name))
            #expect(listed.map(\.value) == described.map(\.value))
            #expect(listed.map(\.configSource) == described.map(\.configSource))
        }
    }

    static let unknown: [(Int8, String, ErrorCode, String)] = [
        (2, "none", .unknownTopicOrPartition, "there is no topic 'none'"),
        (2, "a b", .invalidTopicException, "a topic's name has only letters, digits, '.', '_' and '-', not ' '"),
        (4, "9", .invalidRequest, "broker '9' is not 1, which this is"),
        (8, "", .invalidRequest, "broker '' is not 1, which this is"),
        (32, "", .invalidRequest, "a group's name may not be empty"),
        (
            5, "x", .invalidRequest,
            "resource type 5 is not one of 2 (topic), 4 (broker), 8 (broker logger), 32 (group)"
        ),
    ]

    @Test("what is not there is told, and the others are answered", arguments: unknown)
    func refusals(type: Int8, name: String, code: ErrorCode, message: String) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let response = try await connection.call(
                DescribeConfigsRequest(resources: [
                    .init(resourceType: type, resourceName: name), .init(resourceType: 4, resourceName: "1"),
                ]))
            #expect(response.results.map(\.errorCode) == [code, .none])
            #expect(response.results[0].errorMessage == message)
            #expect(response.results[1].configs.count > 50)
        }
    }

    @Test("a topic's change holds at once and after a restart, and goes away again", arguments: Incremental.versions)
    func topicChange(version: Int16) async throws {
        try await RestartTests.withFolder { folder in
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t")
                let records = try batch([String(repeating: "x", count: 500)])
                #expect(try await connection.produce(records, to: "t").errorCode == .none)
                let changed = try await alter(
                    connection, 2, "t", [("max.message.bytes", 0, "200"), ("cleanup.policy", 2, "compact")],
                    version: version)
                #expect(changed.errorCode == .none && changed.errorMessage == nil)
                #expect(try await connection.produce(records, to: "t").errorCode == .messageTooLarge)
                #expect(try await value(connection, 2, "t", "cleanup.policy") == ("delete,compact", 1))
            }
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                #expect(try await value(connection, 2, "t", "max.message.bytes") == ("200", 1))
                let records = try batch([String(repeating: "x", count: 500)], key: "k")
                #expect(try await connection.produce(records, to: "t").errorCode == .messageTooLarge)
                try await alter(connection, 2, "t", [("max.message.bytes", 1, nil), ("cleanup.policy", 3, "compact")])
                #expect(try await connection.produce(records, to: "t").errorCode == .none)
                #expect(try await value(connection, 2, "t", "max.message.bytes") == ("1048588", 5))
            }
        }
    }

    @Test("validate_only changes nothing, and a change that is refused in part is refused whole")
    func validation() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let wrong = try await alter(
                connection, 2, "t", [("retention.ms", 0, "5"), ("segment.bytes", 0, "1")])
            #expect(wrong.errorCode == .invalidConfig)
            #expect(wrong.errorMessage == "segment.bytes: '1' is not an integer from 14 to 2147483647")
            let unknown = try await alter(connection, 2, "t", [("retention", 0, "5")])
            #expect(unknown.errorCode == .invalidConfig)
            #expect(unknown.errorMessage == "retention: is not a topic's configuration")
            let valid = try await alter(connection, 2, "t", [("retention.ms", 0, "5")], validateOnly: true)
            #expect(valid.errorCode == .none)
            let invalid = try await alter(connection, 2, "t", [("retention.ms", 0, "x")], validateOnly: true)
            #expect(invalid.errorCode == .invalidConfig)
            #expect(try await alter(connection, 2, "none", []).errorCode == .unknownTopicOrPartition)
            #expect(try await value(connection, 2, "t", "retention.ms").1 == 5)
        }
    }

    @Test("a resource twice in one request is refused, the others are changed")
    func duplicates() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            try await connection.createTopic("u")
            let resources = ["t", "u", "t"].map {
                Incremental.AlterConfigsResource(
                    resourceType: 2, resourceName: $0,
                    configs: [.init(name: "retention.ms", configOperation: 0, value: "5")])
            }
            let response = try await connection.call(Incremental(resources: resources))
            #expect(response.responses.map(\.errorCode) == [.invalidRequest, .none, .invalidRequest])
            #expect(response.responses[0].errorMessage == "topic 't' is in the request 2 times")
        }
    }

    @Test("AlterConfigs replaces everything that was set, at every version")
    func replacing() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", ["retention.ms": "5", "segment.bytes": "1000"])
            for version in AlterConfigsRequest.versions {
                let value = "\(version + 10)"
                for validateOnly in [true, false] {
                    let response = try await connection.call(
                        AlterConfigsRequest(
                            resources: [
                                .init(
                                    resourceType: 2, resourceName: "t",
                                    configs: [.init(name: "retention.ms", value: value)])
                            ], validateOnly: validateOnly), version: version)
                    #expect(response.responses.map(\.errorCode) == [.none])
                }
                #expect(try await self.value(connection, 2, "t", "retention.ms") == (value, 1))
                #expect(try await self.value(connection, 2, "t", "segment.bytes").1 == 5)
            }
            let loggers = try await connection.call(
                AlterConfigsRequest(resources: [.init(resourceType: 8, resourceName: "1")]))
            #expect(loggers.responses.map(\.errorCode) == [.invalidRequest])
        }
    }

    @Test("a broker's change holds for its topics at once and after a restart; its own goes over that of all brokers")
    func brokerChange() async throws {
        try await RestartTests.withFolder { folder in
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t")
                try await connection.createTopic("own", ["max.message.bytes": "100000"])
                let records = try batch([String(repeating: "x", count: 500)])
                try await alter(connection, 4, "", [("message.max.bytes", 0, "300")])
                #expect(try await connection.produce(records, to: "t").errorCode == .messageTooLarge)
                #expect(try await connection.produce(records, to: "own").errorCode == .none)
                #expect(try await value(connection, 2, "t", "max.message.bytes") == ("300", 3))
                try await alter(connection, 4, "1", [("message.max.bytes", 0, "800")])
                #expect(try await connection.produce(records, to: "t").errorCode == .none)
                #expect(try await value(connection, 4, "1", "message.max.bytes") == ("800", 2))
                let cluster = try await describe(connection, 4, "")
                #expect(cluster.configs.map(\.name) == ["message.max.bytes"])
                #expect(cluster.configs.map(\.value) == ["300"])
            }
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                #expect(try await value(connection, 2, "t", "max.message.bytes") == ("800", 2))
                try await alter(connection, 4, "1", [("message.max.bytes", 1, nil)])
                let records = try batch([String(repeating: "x", count: 500)])
                #expect(try await connection.produce(records, to: "t").errorCode == .messageTooLarge)
                try await connection.createTopic("new")
                #expect(try await connection.produce(records, to: "new").errorCode == .messageTooLarge)
            }
        }
    }

    static let brokerRefusals: [(String, String, String?, ErrorCode, String)] = [
        (
            "1", "message.max.bytes", "-1", .invalidRequest,
            "message.max.bytes: '-1' is not an integer from 0 to 2147483647"
        ),
        ("", "max.connections", "0", .invalidRequest, "max.connections: 0 is not within 1 and 1000000"),
        ("", "num.partitons", "1", .invalidConfig, "num.partitons: is not a setting of this broker"),
        ("1", "node.id", "2", .invalidRequest, "node.id: changes at the start of the broker only"),
        ("7", "max.connections", "5", .invalidRequest, "broker '7' is not 1, which this is"),
    ]

    @Test("a broker's value that cannot be is refused", arguments: brokerRefusals)
    func brokerRefusal(name: String, key: String, value: String?, code: ErrorCode, message: String) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let refused = try await alter(connection, 4, name, [(key, 0, value)])
            #expect(refused.errorCode == code && refused.errorMessage == message)
        }
    }

    @Test("max.connections changes while connections are open")
    func connections() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await alter(connection, 4, "1", [("max.connections", 0, "1")])
            let refused = try await broker.connect()
            #expect(await refused.receiveFrame() == nil)
            try await alter(connection, 4, "1", [("max.connections", 1, nil)])
            _ = try await broker.connect().metadata(nil)
        }
    }

    @Test("a group's values are set, told and kept")
    func others() async throws {
        try await RestartTests.withFolder { folder in
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                try await alter(connection, 32, "g", [("consumer.session.timeout.ms", 0, "50000")])
                let wrong = try await alter(connection, 32, "g", [("consumer.session.timeout.ms", 0, "0")])
                #expect(wrong.errorMessage == "consumer.session.timeout.ms: '0' is not an integer from 1 to 2147483647")
            }
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                #expect(try await value(connection, 32, "g", "consumer.session.timeout.ms") == ("50000", 8))
                #expect(try await value(connection, 32, "h", "consumer.session.timeout.ms") == ("45000", 5))
            }
        }
    }
}
