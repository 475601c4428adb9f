import KafkaMessages
import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@testable import BrokerServer

@Suite("What is wrong with a request is told by Kafka's code, and in words where the answer has room")
struct RequestCheckTests {
    @Test(
        "ListOffsets: a special timestamp is known from its version on, and no other negative one is a time",
        arguments: [(-3, 7), (-4, 8), (-5, 9), (-6, 11)] as [(Int64, Int16)])
    func specialTimestamps(timestamp: Int64, first: Int16) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            _ = try await connection.produce(batch(["a"]), to: "t")
            for version in Int16(1)...11 {
                let known = try await Self.list([timestamp], version: version, connection)
                #expect(known.map(\.errorCode) == [version >= first ? .none : .unsupportedVersion])
                let unknown = try await Self.list([-7], version: version, connection)
                #expect(unknown.map(\.errorCode) == [.unsupportedVersion] && unknown.map(\.offset) == [-1])
            }
        }
    }

    @Test("ListOffsets: a partition that is asked for twice is INVALID_REQUEST")
    func repeatedPartition() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let answers = try await Self.list([-1, -2], version: 7, connection)
            #expect(answers.map(\.errorCode) == [.invalidRequest, .invalidRequest])
        }
    }

    private static func list(
        _ timestamps: [Int64], version: Int16, _ connection: TestConnection
    ) async throws -> [ListOffsetsResponse.ListOffsetsPartitionResponse] {
        let asked = timestamps.map {
            ListOffsetsRequest.ListOffsetsPartition(partitionIndex: 0, currentLeaderEpoch: -1, timestamp: $0)
        }
        let response = try await connection.call(
            ListOffsetsRequest(replicaId: -1, topics: [.init(name: "t", partitions: asked)]), version: version)
        return try #require(response.topics.first).partitions
    }

    @Test("Produce: zstd is refused before version 7", arguments: Int16(3)...8)
    func zstd(version: Int16) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            var builder = RecordBatchBuilder(capacity: 256)
            builder.append(timestamp: 1, key: nil, value: ByteBuffer(string: "x"))
            let response = try await connection.call(
                produceRequest(builder.finish(compression: .zstd), to: "t"), version: version)
            let answer = try #require(response.responses.first?.partitionResponses.first)
            #expect(answer.errorCode == (version < 7 ? .unsupportedCompressionType : .none))
        }
    }

    @Test("Produce: formats before 2 are INVALID_RECORD", arguments: [0, 1] as [Int8])
    func oldFormat(magic: Int8) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            var records = try batch(["x"])
            records.setInteger(magic, at: records.readerIndex + 16)
            let answer = try await connection.produce(records, to: "t")
            #expect(answer.errorCode == .invalidRecord)
            #expect(answer.errorMessage?.contains("format \(magic)") == true)
        }
    }

    @Test("Produce: a topic, an id and a partition that are not there are named")
    func missing() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let topic = try await connection.produce(batch(["x"]), to: "u")
            #expect(topic.errorCode == .unknownTopicOrPartition)
            #expect(topic.errorMessage == "there is no topic 'u'")
            let partition = try await connection.produce(batch(["x"]), to: "t", partition: 3)
            #expect(partition.errorMessage == "'t' has no partition 3, only 0 to 0")
            let id = KafkaUUID(high: 7, low: 7)
            var request = try produceRequest(batch(["x"]), to: "")
            request.topicData[0].topicId = id
            let byID = try await connection.call(request, version: 13)
            let answer = try #require(byID.responses.first?.partitionResponses.first)
            #expect(answer.errorCode == .unknownTopicId)
            #expect(answer.errorMessage == "there is no topic with id \(id)")
        }
    }

    @Test("ConsumerGroupHeartbeat: an empty group id is INVALID_REQUEST, and says so")
    func emptyGroup() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let early = try await connection.call(
                ConsumerGroupHeartbeatRequest(groupId: "g", memberId: "m", memberEpoch: 0))
            #expect(early.errorCode == .notCoordinator && early.errorMessage != nil)
            _ = try await connection.call(FindCoordinatorRequest(key: "g"), version: 0)
            let answer = try await connection.call(
                ConsumerGroupHeartbeatRequest(groupId: "", memberId: "m", memberEpoch: 0))
            #expect(answer.errorCode == .invalidRequest)
            #expect(answer.errorMessage == "the group id must not be empty")
        }
    }
}
