import KafkaMessages
import KafkaWire
import NIOCore
import Testing

@testable import BrokerServer

@Suite("Leader epochs on the wire", .timeLimit(.minutes(5)))
struct LeaderEpochTests {
    private func ask(
        _ connection: TestConnection, epoch: Int32, current: Int32 = -1, topic: String = "t", version: Int16 = 4
    ) async throws -> OffsetForLeaderEpochResponse.EpochEndOffset {
        let partition = OffsetForLeaderEpochRequest.OffsetForLeaderPartition(
            partition: 0, currentLeaderEpoch: current, leaderEpoch: epoch)
        let response = try await connection.call(
            OffsetForLeaderEpochRequest(topics: [.init(topic: topic, partitions: [partition])]), version: version)
        return try #require(response.topics.first?.partitions.first)
    }

    @Test("the current epoch ends at the log's end, a newer one is not known", arguments: [2, 3, 4])
    func ends(version: Int16) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let empty = try await ask(connection, epoch: 0, version: version)
            #expect(empty.errorCode == .none && empty.leaderEpoch == 0 && empty.endOffset == 0)
            #expect(try await connection.listOffset(-2, of: "t").leaderEpoch == 0)
            _ = try await connection.produce(batch(["a", "b", "c"]), to: "t")
            let known = try await ask(connection, epoch: 0, current: 0, version: version)
            #expect(known.errorCode == .none && known.leaderEpoch == 0 && known.endOffset == 3)
            let newer = try await ask(connection, epoch: 1, version: version)
            #expect(newer.errorCode == .none && newer.leaderEpoch == -1 && newer.endOffset == -1)
        }
    }

    @Test("a partition that is not there, and a client that knows another leader, are told")
    func errors() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            #expect(try await ask(connection, epoch: 0, topic: "u").errorCode == .unknownTopicOrPartition)
            #expect(try await ask(connection, epoch: 0, current: 1).errorCode == .unknownLeaderEpoch)
        }
    }

    @Test("a fetch whose last epoch and offset are not the leader's is told where its log leaves the leader's")
    func divergence() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            _ = try await connection.produce(batch(["a", "b", "c"]), to: "t")
            func fetch(from offset: Int64, lastEpoch: Int32) async throws -> FetchResponse.PartitionData {
                var request = fetchRequest("t", from: offset, minBytes: 1, maxWait: 600_000)
                request.topics[0].partitions[0].lastFetchedEpoch = lastEpoch
                return try await connection.fetch(request)
            }
            let same = try await fetch(from: 2, lastEpoch: 0)
            #expect(try same.texts == ["a", "b", "c"] && same.divergingEpoch.epoch == -1)
            let ahead = try await fetch(from: 5, lastEpoch: 0)
            #expect(ahead.errorCode == .none && ahead.records?.byteCount == 0)
            #expect(ahead.divergingEpoch.epoch == 0 && ahead.divergingEpoch.endOffset == 3)
            #expect(try await fetch(from: 2, lastEpoch: 4).errorCode == .offsetOutOfRange)
        }
    }

    @Test("a follower of an epoch that has no record yet is at one with its leader")
    func noRecords() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            var request = fetchRequest("t", from: 0)
            request.topics[0].partitions[0].lastFetchedEpoch = 0
            let answer = try await connection.fetch(request)
            #expect(answer.errorCode == .none && answer.divergingEpoch.epoch == -1)
        }
    }
}
