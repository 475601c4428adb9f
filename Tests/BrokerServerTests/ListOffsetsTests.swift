import KafkaMessages
import KafkaWire
import NIOCore
import Testing

@testable import BrokerServer

@Suite("ListOffsets", .timeLimit(.minutes(5)))
struct ListOffsetsTests {
    private struct Answer: Equatable {
        var offset: Int64
        var timestamp: Int64
    }

    @Test("special values and times are answered exactly to the record")
    func values() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            #expect(try await connection.listOffset(-1, of: "t").offset == 0)
            #expect(try await connection.listOffset(-3, of: "t").offset == -1)
            // Offsets 0-2 at 1000-1002, 3-4 at 5000-5001, 5 at 2000: times need not ascend.
            _ = try await connection.produce(batch(["a", "b", "c"], timestamp: 1000), to: "t")
            _ = try await connection.produce(batch(["d", "e"], timestamp: 5000), to: "t")
            _ = try await connection.produce(batch(["f"], timestamp: 2000), to: "t")
            let expected: [Int64: Answer] = [
                -1: Answer(offset: 6, timestamp: -1), -2: Answer(offset: 0, timestamp: -1),
                -3: Answer(offset: 4, timestamp: 5001), -4: Answer(offset: 0, timestamp: -1),
                -5: Answer(offset: -1, timestamp: -1), 0: Answer(offset: 0, timestamp: 1000),
                1001: Answer(offset: 1, timestamp: 1001), 1002: Answer(offset: 2, timestamp: 1002),
                1003: Answer(offset: 3, timestamp: 5000), 5001: Answer(offset: 4, timestamp: 5001),
                5002: Answer(offset: -1, timestamp: -1), .max: Answer(offset: -1, timestamp: -1),
            ]
            for (timestamp, answer) in expected {
                let found = try await connection.listOffset(timestamp, of: "t")
                #expect(found.errorCode == .none)
                #expect(Answer(offset: found.offset, timestamp: found.timestamp) == answer, "asked for \(timestamp)")
                #expect(found.leaderEpoch == (found.offset < 0 ? -1 : 0))
            }
        }
    }

    @Test("times are found over segments")
    func segments() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", ["segment.bytes": "200", "index.interval.bytes": "0"])
            for number in Int64(0)..<20 {
                _ = try await connection.produce(batch(["x", "y"], timestamp: 1000 + 10 * number), to: "t")
            }
            for number in Int64(0)..<20 {
                #expect(try await connection.listOffset(1000 + 10 * number, of: "t").offset == 2 * number)
                #expect(try await connection.listOffset(1001 + 10 * number, of: "t").offset == 2 * number + 1)
            }
            #expect(try await connection.listOffset(-3, of: "t").offset == 39)
        }
    }

    @Test("what is not there is told: topic, partition, epoch")
    func errors() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            #expect(try await connection.listOffset(-1, of: "u").errorCode == .unknownTopicOrPartition)
            #expect(try await connection.listOffset(-1, of: "t", partition: 1).errorCode == .unknownTopicOrPartition)
            #expect(try await connection.listOffset(-1, of: "t", epoch: 1).errorCode == .unknownLeaderEpoch)
        }
    }
}
