import KafkaMessages
import KafkaWire
import NIOCore
import Testing

@testable import BrokerServer

@Suite("Produce", .timeLimit(.minutes(5)))
struct ProduceTests {
    @Test("offsets go up over batches and partitions are apart")
    func offsets() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("offsets", partitions: 2)
            #expect(try await connection.produce(batch(["a", "b"]), to: "offsets").baseOffset == 0)
            #expect(try await connection.produce(batch(["c"]), to: "offsets").baseOffset == 2)
            #expect(try await connection.produce(batch(["d"]), to: "offsets", partition: 1).baseOffset == 0)
            #expect(try await connection.fetch(fetchRequest("offsets", from: 0)).texts == ["a", "b", "c"])
        }
    }

    @Test("each partition of a request is answered for itself")
    func partly() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("partly", partitions: 2)
            let records = RecordsPayload(try batch(["x"]))
            let response = try await connection.call(
                ProduceRequest(
                    acks: 1,
                    topicData: [
                        .init(
                            name: "partly",
                            partitionData: [
                                .init(index: 0, records: records), .init(index: 7, records: records),
                                .init(index: 1, records: nil),
                            ]),
                        .init(name: "missing", partitionData: [.init(index: 0, records: records)]),
                    ]), version: ByName.produce)
            let codes = response.responses.map { $0.partitionResponses.map(\.errorCode) }
            #expect(codes == [[.none, .unknownTopicOrPartition, .invalidRecord], [.unknownTopicOrPartition]])
        }
    }

    @Test("a batch that cannot be taken is told why, and nothing of it is kept")
    func refused() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("small", ["max.message.bytes": "200"])
            try await connection.createTopic("compacted", ["cleanup.policy": "compact"])
            let large = try await connection.produce(batch([String(repeating: "x", count: 300)]), to: "small")
            #expect(large.errorCode == .messageTooLarge)
            var damaged = try batch(["x"])
            damaged.setInteger(UInt8(0xFF), at: damaged.writerIndex - 2)
            #expect(try await connection.produce(damaged, to: "small").errorCode == .corruptMessage)
            #expect(try await connection.produce(batch(["no key"]), to: "compacted").errorCode == .invalidRecord)
            #expect(try await connection.produce(batch(["x"], key: "k"), to: "compacted").errorCode == .none)
            #expect(try await connection.produce(batch(["x"]), to: "small", acks: 2).errorCode == .invalidRequiredAcks)
            #expect(try await connection.listOffset(-1, of: "small").offset == 0)
        }
    }

    @Test("a damaged batch is refused at every byte it is cut", arguments: [0, 1, 11, 12, 16, 17, 60, 61, 62])
    func truncated(length: Int) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("cut")
            let whole = try batch(["something"])
            let part = try #require(whole.getSlice(at: whole.readerIndex, length: length))
            #expect(try await connection.produce(part, to: "cut").errorCode != .none)
            #expect(try await connection.listOffset(-1, of: "cut").offset == 0)
        }
    }

    @Test("clients do not write to __consumer_offsets")
    func internalTopic() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            _ = try await connection.call(FindCoordinatorRequest(key: "group"), version: 0)
            let answer = try await connection.produce(batch(["x"], key: "k"), to: "__consumer_offsets")
            #expect(answer.errorCode == .invalidTopicException)
        }
    }

    @Test("an idempotent producer's duplicate answers the first offset; gaps and old epochs are refused")
    func idempotent() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("once")
            let id = try await connection.call(InitProducerIdRequest()).producerId
            let first = try batch(["a", "b"], producer: Producer(id: id, sequence: 0))
            #expect(try await connection.produce(first, to: "once").baseOffset == 0)
            let second = try batch(["c"], producer: Producer(id: id, sequence: 2))
            #expect(try await connection.produce(second, to: "once").baseOffset == 2)
            let again = try await connection.produce(first, to: "once")
            #expect(again.errorCode == .none && again.baseOffset == 0)
            let gap = try batch(["e"], producer: Producer(id: id, sequence: 9))
            #expect(try await connection.produce(gap, to: "once").errorCode == .outOfOrderSequenceNumber)
            let newer = try batch(["f"], producer: Producer(id: id, epoch: 1, sequence: 0))
            #expect(try await connection.produce(newer, to: "once").baseOffset == 3)
            let older = try batch(["g"], producer: Producer(id: id, sequence: 3))
            #expect(try await connection.produce(older, to: "once").errorCode == .invalidProducerEpoch)
            #expect(try await connection.fetch(fetchRequest("once", from: 0)).texts == ["a", "b", "c", "f"])
        }
    }

    @Test("a duplicate is one after a restart too", arguments: [true, false])
    func idempotentOverRestart(isClean: Bool) async throws {
        try await RestartTests.withFolder { folder in
            let id = try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("once")
                let id = try await connection.call(InitProducerIdRequest()).producerId
                _ = try await connection.produce(
                    batch(["a"], producer: Producer(id: id, sequence: 0)), to: "once")
                return id
            }
            if !isClean { try RestartTests.makeUnclean(folder) }
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                let again = try await connection.produce(
                    batch(["a"], producer: Producer(id: id, sequence: 0)), to: "once")
                #expect(again.errorCode == .none && again.baseOffset == 0)
                #expect(try await connection.listOffset(-1, of: "once").offset == 1)
            }
        }
    }

    @Test("nobody is given a producer id that somebody has, whatever the request claims to be")
    func producerIDs() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let claimed = InitProducerIdRequest(producerId: 1, producerEpoch: 0)
            var ids: [Int64] = []
            for _ in 0..<3 {
                ids.append(try await connection.call(InitProducerIdRequest()).producerId)
                let answer = try await connection.call(claimed)
                #expect(answer.errorCode == .none && answer.producerEpoch == 0)
                ids.append(answer.producerId)
            }
            #expect(Set(ids).count == ids.count)
            let half = try await connection.call(InitProducerIdRequest(producerId: 1))
            #expect(half.errorCode == .invalidRequest)
        }
    }
}
