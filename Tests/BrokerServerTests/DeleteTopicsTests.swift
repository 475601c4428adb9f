import KafkaMessages
import KafkaWire
import Testing

@testable import BrokerServer

@Suite("DeleteTopics", .timeLimit(.minutes(5)))
struct DeleteTopicsTests {
    private typealias State = DeleteTopicsRequest.DeleteTopicState

    private static func delete(
        _ topics: [State], _ connection: TestConnection
    ) async throws -> [DeleteTopicsResponse.DeletableTopicResult] {
        try await connection.call(DeleteTopicsRequest(topics: topics)).responses
    }

    private static func names(_ connection: TestConnection) async throws -> [String?] {
        try await connection.metadata(nil).topics.map(\.name)
    }

    @Test("a topic with both name and id, or with neither, is refused and nothing of that name goes")
    func nameAndID() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let stale = try await connection.createTopic("t")
            _ = try await Self.delete([State(topicId: stale)], connection)
            try await connection.createTopic("t")
            let answers = try await Self.delete([State(name: "t", topicId: stale), State()], connection)
            #expect(answers.map(\.errorCode) == [.invalidRequest, .invalidRequest])
            #expect(answers[0].errorMessage == "give the name 't' or the id \(stale), not both")
            #expect(answers[1].errorMessage == "a topic has neither name nor id")
            #expect(try await Self.names(connection) == ["t"])
        }
    }

    @Test("a topic that is named twice, by name or by id, is answered once and stays")
    func twice() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let id = try await connection.createTopic("t")
            let byName = try await Self.delete([State(name: "t"), State(name: "t")], connection)
            #expect(byName.map(\.errorCode) == [.invalidRequest])
            #expect(byName.map(\.errorMessage) == ["'t' is in the request 2 times"])
            let byBoth = try await Self.delete([State(name: "t"), State(topicId: id)], connection)
            #expect(byBoth.map(\.errorCode) == [.invalidRequest])
            #expect(try await Self.names(connection) == ["t"])
        }
    }

    @Test("a topic that is not there is named")
    func unknown() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let id = KafkaUUID(high: 7, low: 7)
            let answers = try await Self.delete([State(name: "t"), State(topicId: id)], connection)
            #expect(answers.map(\.errorCode) == [.unknownTopicOrPartition, .unknownTopicId])
            #expect(answers.map(\.errorMessage) == ["there is no topic 't'", "there is no topic with id \(id)"])
            #expect(answers.map(\.name) == ["t", nil])
        }
    }

    @Test("delete.topic.enable=false is told by the code that the version knows", arguments: Int16(1)...6)
    func disabled(version: Int16) async throws {
        try await withBroker(["delete.topic.enable": "false"]) { broker in
            let connection = try await broker.connect()
            let request =
                version < 6
                ? DeleteTopicsRequest(topicNames: ["t"]) : DeleteTopicsRequest(topics: [State(name: "t")])
            let answers = try await connection.call(request, version: version).responses
            #expect(answers.map(\.errorCode) == [version < 3 ? .invalidRequest : .topicDeletionDisabled])
        }
    }
}
