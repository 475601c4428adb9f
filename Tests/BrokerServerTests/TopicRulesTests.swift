import KafkaMessages
import KafkaRecords
import KafkaWire
import Testing

@testable import BrokerServer

@Suite("A topic's rules for what is produced", .timeLimit(.minutes(5)))
struct TopicRulesTests {
    @Test("the producer is told which records have no key, and every one of them")
    func keys() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("compacted", ["cleanup.policy": "compact"])
            let answer = try await connection.produce(records([("a", "1"), (nil, "2"), (nil, "3")]), to: "compacted")
            #expect(answer.errorCode == .invalidRecord && answer.baseOffset == -1)
            #expect(answer.recordErrors.map(\.batchIndex) == [1, 2])
            #expect(answer.errorMessage?.contains("record 1 has no key") == true)
            #expect(try await connection.listOffset(-1, of: "compacted").offset == 0)
        }
    }

    @Test("a timestamp past the topic's limits is told with the record's place, and changed limits hold at once")
    func timestamps() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", ["message.timestamp.before.max.ms": "1000"])
            let now = broker.clock.now
            #expect(try await connection.produce(batch(["a"], timestamp: now - 1000), to: "t").errorCode == .none)
            let old = try await connection.produce(batch(["b", "c"], timestamp: now - 1001), to: "t")
            #expect(old.errorCode == .invalidTimestamp && old.recordErrors.map(\.batchIndex) == [0])
            #expect(old.errorMessage?.contains("message.timestamp.before.max.ms") == true)
            let early = try await connection.produce(batch(["d"], timestamp: now + 3_600_001), to: "t")
            #expect(early.errorCode == .invalidTimestamp)
            try await connection.alter("t", ["message.timestamp.after.max.ms": "7200000"])
            let again = try await connection.produce(batch(["d"], timestamp: now + 3_600_001), to: "t")
            #expect(again.errorCode == .none)
        }
    }

    @Test("LogAppendTime is told to the producer and to the consumer")
    func appendTime() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", ["message.timestamp.type": "LogAppendTime"])
            #expect(try await connection.produce(batch(["a"]), to: "t").logAppendTimeMs == broker.clock.now)
            let read = try await connection.fetch(fetchRequest("t", from: 0))
            #expect(try read.records?.records().map(\.timestamp) == [broker.clock.now])
        }
    }

    @Test("compression.type of a topic is what consumers get, and can change")
    func compression() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", ["compression.type": "zstd"])
            let text = String(repeating: "the same again ", count: 100)
            _ = try await connection.produce(batch([text]), to: "t")
            try await connection.alter("t", ["compression.type": "uncompressed"])
            _ = try await connection.produce(batch([text]), to: "t")
            let read = try await connection.fetch(fetchRequest("t", from: 0))
            #expect(try read.texts == [text, text])
            var batches = RecordBatchSequence(try #require(read.records).contiguous(), trailing: .error)
            var codecs: [Compression?] = []
            while let next = try batches.next() { codecs.append(next.header.compression) }
            #expect(codecs == [.zstd, Compression.none])
        }
    }

    @Test("acks=all is refused where more replicas are asked for than are in sync; other acks are not")
    func replicas() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", ["min.insync.replicas": "2"])
            let refused = try await connection.produce(batch(["a"]), to: "t", acks: -1)
            #expect(refused.errorCode == .notEnoughReplicas)
            #expect(refused.errorMessage?.contains("min.insync.replicas is 2") == true)
            #expect(try await connection.produce(batch(["b"]), to: "t", acks: 1).baseOffset == 0)
            try await connection.alter("t", ["min.insync.replicas": "1"])
            #expect(try await connection.produce(batch(["c"]), to: "t", acks: -1).baseOffset == 1)
        }
    }
}
