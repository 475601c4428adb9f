import KafkaClient
import KafkaMessages
import KafkaWire
import Testing

@testable import BrokerServer

@Suite("KafkaAdmin with this broker", .timeLimit(.minutes(5)))
struct KafkaAdminTests {
    private func withAdmin<Value: Sendable>(
        _ body: @Sendable (KafkaAdmin, TestConnection) async throws -> Value
    ) async throws -> Value {
        try await withBroker { broker in
            let connection = try await broker.connect()
            var configuration = KafkaClientConfiguration(bootstrapServers: ["127.0.0.1:\(broker.port)"])
            configuration.requestTimeout = .seconds(600)
            return try await KafkaAdmin.with(configuration) { try await body($0, connection) }
        }
    }

    @Test("topics grow, and a count that is not more is that topic's error")
    func partitions() async throws {
        try await withAdmin { admin, connection in
            try await connection.createTopic("t")
            try await connection.createTopic("u", partitions: 2)
            let checked = try await admin.createPartitions(["t": 3], validateOnly: true)
            try checked["t"]?.get()
            let results = try await admin.createPartitions(["t": 3, "u": 2])
            try results["t"]?.get()
            #expect(throws: KafkaError.self) { try results["u"]?.get() }
            let topics = try await admin.listTopics()
            #expect(topics.map(\.partitions.count) == [3, 2])
        }
    }

    @Test("records are deleted up to an offset or all of them; an offset that is not there is an error")
    func records() async throws {
        try await withAdmin { admin, connection in
            try await connection.createTopic("t", partitions: 3)
            for partition in Int32(0)..<3 {
                _ = try await connection.produce(batch(["a", "b", "c"]), to: "t", partition: partition)
            }
            let places = (Int32(0)..<4).map { TopicPartition(topic: "t", partition: $0) }
            let results = try await admin.deleteRecords(
                before: [places[0]: 2, places[1]: nil, places[2]: 9, places[3]: 0])
            #expect(try results[places[0]]?.get() == 2)
            #expect(try results[places[1]]?.get() == 3)
            #expect(results[places[2]]?.errorCode == .offsetOutOfRange)
            #expect(results[places[3]]?.errorCode == .unknownTopicOrPartition)
        }
    }

    @Test("configurations are told with their source, and changed value by value")
    func configurations() async throws {
        try await withAdmin { admin, connection in
            try await connection.createTopic("t", ["retention.ms": "5"])
            let changes: [KafkaConfigurationResource: [String: KafkaConfigurationOperation]] = [
                .topic("t"): ["retention.ms": .delete, "cleanup.policy": .append("compact")],
                .broker(1): ["log.segment.bytes": .set("5000")], .topic("none"): ["retention.ms": .set("1")],
            ]
            let altered = try await admin.alterConfigurations(changes)
            try altered[.topic("t")]?.get()
            try altered[.broker(1)]?.get()
            #expect(altered[.topic("none")]?.errorCode == .unknownTopicOrPartition)
            let described = try await admin.describeConfigurations(
                [.topic("t"), .broker(1), .allBrokers, .group("g")], includeDocumentation: true)
            let topic = try #require(try described[.topic("t")]?.get())
            let policy = try #require(topic.first { $0.name == "cleanup.policy" })
            #expect(policy.value == "delete,compact" && policy.source == .topic && policy.documentation != nil)
            #expect(topic.first { $0.name == "retention.ms" }?.source == .default)
            #expect(topic.first { $0.name == "segment.bytes" }?.source == .broker)
            #expect(topic.map(\.name) == topic.map(\.name).sorted())
            #expect(try described[.allBrokers]?.get().isEmpty == true)
            #expect(try described[.group("g")]?.get().isEmpty == false)
        }
    }

    @Test("a group's offsets are moved by rule and never out of the log; the group is deleted")
    func groups() async throws {
        try await withAdmin { admin, connection in
            try await connection.createTopic("t", partitions: 2)
            for partition in Int32(0)..<2 {
                _ = try await connection.produce(
                    batch(["a", "b", "c", "d"], timestamp: 1000), to: "t", partition: partition)
            }
            let places = (Int32(0)..<2).map { TopicPartition(topic: "t", partition: $0) }
            _ = try await admin.deleteRecords(before: [places[1]: 1])
            try await admin.commitOffsets(groupID: "g", [places[0]: 3])
            let targets: [(OffsetResetTarget, [Offset])] = [
                (.earliest, [0, 1]), (.latest, [4, 4]), (.timestamp(milliseconds: 1002), [2, 2]),
                (.timestamp(milliseconds: 5000), [4, 4]),
                (.offset(0), [0, 1]), (.offset(99), [4, 4]), (.shift(-1), [2, 1]), (.shift(.max), [4, 4]),
                (.shift(.min), [0, 1]),
            ]
            for (target, offsets) in targets {
                let plan = try await admin.planOffsetReset(groupID: "g", partitions: places, to: target)
                #expect(plan.map(\.new) == offsets, "\(target)")
                #expect(plan.map(\.current) == [3, nil])
            }
            let own = try await admin.planOffsetReset(groupID: "g", to: .earliest)
            #expect(own.map(\.partition) == [places[0]])
            try await admin.commitOffsets(groupID: "g", [places[0]: 0])
            #expect(try await admin.committedOffsets(groupID: "g")[places[0]]?.offset == 0)
            let deleted = try await admin.deleteGroups(["g", "none"])
            try deleted["g"]?.get()
            #expect(deleted["none"]?.errorCode == .groupIdNotFound)
            #expect(try await admin.committedOffsets(groupID: "g").isEmpty)
        }
    }
}

extension Result where Failure == KafkaError {
    fileprivate var errorCode: ErrorCode? {
        if case .failure(let error) = self { error.errorCode } else { nil }
    }
}
