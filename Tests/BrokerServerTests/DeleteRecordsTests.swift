import KafkaMessages
import KafkaWire
import Testing

@testable import BrokerServer

@Suite("DeleteRecords", .timeLimit(.minutes(5)))
struct DeleteRecordsTests {
    private func delete(
        _ connection: TestConnection, _ topic: String, before offset: Int64, partition: Int32 = 0,
        version: Int16 = DeleteRecordsRequest.versions.upperBound
    ) async throws -> DeleteRecordsResponse.DeleteRecordsPartitionResult {
        let response = try await connection.call(
            DeleteRecordsRequest(
                topics: [.init(name: topic, partitions: [.init(partitionIndex: partition, offset: offset)])]),
            version: version)
        return try #require(response.topics.first?.partitions.first)
    }

    @Test("the log start moves up, what is below cannot be read, and -1 means the high watermark")
    func moves() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            _ = try await connection.produce(batch(["a", "b", "c", "d", "e"]), to: "t")
            for version in DeleteRecordsRequest.versions {
                let result = try await delete(connection, "t", before: Int64(version) + 1, version: version)
                #expect(result.errorCode == .none && result.lowWatermark == Int64(version) + 1)
            }
            #expect(try await delete(connection, "t", before: 1).lowWatermark == 3, "never back")
            #expect(try await connection.fetch(fetchRequest("t", from: 2)).errorCode == .offsetOutOfRange)
            #expect(try await connection.fetch(fetchRequest("t", from: 3)).logStartOffset == 3)
            #expect(try await connection.listOffset(-2, of: "t").offset == 3)
            #expect(try await delete(connection, "t", before: -1).lowWatermark == 5)
            #expect(try await connection.listOffset(-2, of: "t").offset == 5)
            #expect(try await connection.produce(batch(["f"]), to: "t").baseOffset == 5)
        }
    }

    @Test("what cannot be deleted is told by Kafka's code")
    func refusals() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            try await connection.createTopic("compacted", ["cleanup.policy": "compact"])
            try await connection.createTopic("both", ["cleanup.policy": "compact,delete"])
            _ = try await connection.produce(batch(["a"]), to: "t")
            _ = try await connection.call(FindCoordinatorRequest(key: "g"), version: 0)
            for offset in [Int64(2), -2, .min, .max] {
                let result = try await delete(connection, "t", before: offset)
                #expect(result.errorCode == .offsetOutOfRange && result.lowWatermark == -1)
            }
            #expect(try await delete(connection, "t", before: 0, partition: 1).errorCode == .unknownTopicOrPartition)
            #expect(try await delete(connection, "none", before: 0).errorCode == .unknownTopicOrPartition)
            #expect(try await delete(connection, "compacted", before: 0).errorCode == .policyViolation)
            #expect(try await delete(connection, "both", before: 0).errorCode == .none)
            #expect(
                try await delete(connection, "__consumer_offsets", before: 0).errorCode == .invalidTopicException)
        }
    }

    @Test("the log start survives a restart")
    func survives() async throws {
        try await RestartTests.withFolder { folder in
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t")
                _ = try await connection.produce(batch(["a", "b", "c"]), to: "t")
                _ = try await delete(connection, "t", before: 2)
            }
            try RestartTests.makeUnclean(folder)
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                #expect(try await connection.listOffset(-2, of: "t").offset == 2)
            }
        }
    }
}
