import KafkaMessages
import KafkaWire
import Testing

@testable import BrokerServer

@Suite("Metadata", .timeLimit(.minutes(5)))
struct MetadataHandlerTests {
    @Test("a missing topic is made when the request and the broker allow it")
    func autoCreate() async throws {
        try await withBroker(["num.partitions": "4"]) { broker in
            let connection = try await broker.connect()
            #expect(try await connection.metadata(["t"]).topics[0].errorCode == .unknownTopicOrPartition)
            let made = try await connection.metadata(["t"], mayCreate: true).topics[0]
            #expect(made.errorCode == .none && made.partitions.count == 4 && made.topicId != .zero)
            #expect(made.partitions.map(\.partitionIndex) == [0, 1, 2, 3])
            #expect(try await connection.metadata(["t"]).topics[0].topicId == made.topicId)
        }
        try await withBroker(["auto.create.topics.enable": "false"]) { broker in
            let connection = try await broker.connect()
            let answer = try await connection.metadata(["t"], mayCreate: true).topics[0]
            #expect(answer.errorCode == .unknownTopicOrPartition)
        }
    }

    @Test("many who ask for the same missing topic at once are told of one topic")
    func racingCreation() async throws {
        try await withBroker { broker in
            let ids = try await withThrowingTaskGroup(of: KafkaUUID.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        let topic = try await broker.connect().metadata(["t"], mayCreate: true).topics[0]
                        #expect(topic.errorCode == .none)
                        return topic.topicId
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
        }
    }

    @Test("__consumer_offsets is never made with other settings than the coordinator's")
    func internalTopic() async throws {
        try await withBroker(["num.partitions": "5"]) { broker in
            let connection = try await broker.connect()
            let topic = try await connection.metadata(["__consumer_offsets"], mayCreate: true).topics[0]
            #expect(topic.errorCode == .none && topic.isInternal && topic.partitions.count == 2)
            let made = try #require(broker.broker.topics.topic("__consumer_offsets"))
            #expect(made.configurations["cleanup.policy"] == "compact")
        }
    }

    @Test("names that can be no topic's are refused", arguments: ["", ".", "..", "a b", "ü", "a/b", "a\0"])
    func invalidNames(name: String) async throws {
        try await withBroker { broker in
            let answer = try await broker.connect().metadata([name], mayCreate: true).topics[0]
            #expect(answer.errorCode == .invalidTopicException && answer.name == name)
        }
    }

    @Test("null asks for all topics, and at version 0 so does an empty list")
    func all() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            for name in ["b", "a"] { try await connection.createTopic(name) }
            #expect(try await connection.metadata(nil).topics.map(\.name) == ["a", "b"])
            #expect(try await connection.metadata([], mayCreate: true, version: 0).topics.map(\.name) == ["a", "b"])
            #expect(try await connection.metadata([], mayCreate: true, version: 1).topics.isEmpty)
        }
    }

    @Test(
        "topics are found by id; an id that is nobody's is told at every version that has ids",
        arguments: [
            Int16(10), 11, 12, 13,
        ])
    func byID(version: Int16) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let id = try await connection.createTopic("t")
            let unknown = KafkaUUID(high: 7, low: 7)
            let response = try await connection.call(
                MetadataRequest(topics: [.init(topicId: id, name: nil), .init(topicId: unknown, name: nil)]),
                version: version)
            #expect(response.topics.map(\.errorCode) == [.none, .unknownTopicId])
            #expect(response.topics[0].name == "t")
            #expect(response.topics[1].topicId == unknown)
        }
    }

    @Test("the address told is the advertised one, else the one the client came through")
    func addresses() async throws {
        try await withBroker { broker in
            let told = try await broker.connect().metadata([]).brokers
            #expect(told.map(\.host) == ["127.0.0.1"] && told.map(\.port) == [Int32(broker.port)])
        }
        try await withBroker(["listeners": "A://:0"]) { broker in
            let told = try await broker.connect().metadata([]).brokers
            #expect(told.map(\.host) == ["127.0.0.1"] && told.map(\.port) == [Int32(broker.port)])
        }
        let advertised = ["listeners": "A://127.0.0.1:0", "advertised.listeners": "A://signals.example:19092"]
        try await withBroker(advertised) { broker in
            let told = try await broker.connect().metadata([]).brokers
            #expect(told.map(\.host) == ["signals.example"] && told.map(\.port) == [19092])
        }
    }
}
