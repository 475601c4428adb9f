import KafkaMessages
import KafkaWire
import NIOCore
import TestSupport
import Testing

@testable import BrokerServer

@Suite("Fetch", .timeLimit(.minutes(5)))
struct FetchTests {
    @Test("an offset inside a batch gives the whole batch")
    func insideBatch() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            _ = try await connection.produce(batch(["a", "b", "c"]), to: "t")
            _ = try await connection.produce(batch(["d"]), to: "t")
            #expect(try await connection.fetch(fetchRequest("t", from: 1)).texts == ["a", "b", "c", "d"])
            #expect(try await connection.fetch(fetchRequest("t", from: 3)).texts == ["d"])
            let atEnd = try await connection.fetch(fetchRequest("t", from: 4))
            #expect(try atEnd.texts == [] && atEnd.errorCode == .none)
            #expect(atEnd.highWatermark == 4 && atEnd.lastStableOffset == 4 && atEnd.logStartOffset == 0)
        }
    }

    @Test("a first batch over the bounds comes whole; a later partition gives nothing then")
    func smallBounds() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", partitions: 2)
            let large = String(repeating: "x", count: 5000)
            for partition in Int32(0)...1 {
                _ = try await connection.produce(batch([large]), to: "t", partition: partition)
            }
            let one = try await connection.fetch(fetchRequest("t", from: 0, maxBytes: 10))
            #expect(try one.texts == [large])
            let small = try await connection.fetch(fetchRequest("t", from: 0, partitionMaxBytes: 10))
            #expect(try small.texts == [large])
            let both = FetchRequest(
                maxWaitMs: 0, minBytes: 0, maxBytes: 10,
                topics: [
                    .init(topic: "t", partitions: (0...1).map { .init(partition: $0, partitionMaxBytes: 10) })
                ])
            let response = try await connection.call(both, version: ByName.fetch)
            #expect(try response.responses[0].partitions.map { try $0.texts } == [[large], []])
        }
    }

    @Test(
        "reading on from where the last fetch ended gives every record once, over segments and by file or memory",
        arguments: [
            Int32(1), 700, 1 << 20,
        ])
    func acrossSegments(partitionMaxBytes: Int32) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", ["segment.bytes": "300000"])
            let padding = String(repeating: ".", count: 30_000)
            let sent = (0..<40).map { "\($0)\(padding)" }
            for text in sent { _ = try await connection.produce(batch([text]), to: "t") }
            var received: [String] = []
            while received.count < sent.count {
                let data = try await connection.fetch(
                    fetchRequest("t", from: Int64(received.count), partitionMaxBytes: partitionMaxBytes))
                try #require(data.errorCode == .none)
                let texts = try data.texts
                try #require(!texts.isEmpty)
                received += texts
            }
            #expect(received == sent)
        }
    }

    @Test("waits for min_bytes, and for no longer than max_wait")
    func waiting() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let writer = try await broker.connect()
            try await connection.createTopic("t")
            let progress = try #require(broker.broker.topics.partition(TopicPartition(topic: "t", partition: 0)))
                .progress
            let begun = ContinuousClock.now
            #expect(try await connection.fetch(fetchRequest("t", from: 0, minBytes: 1, maxWait: 60)).texts == [])
            #expect(ContinuousClock.now - begun >= .milliseconds(59))

            let bytes = try batch(["a"])
            let minBytes = Int32(bytes.readableBytes + 1)
            try await connection.send(
                fetchRequest("t", from: 0, minBytes: minBytes, maxWait: 600_000), version: ByName.fetch)
            try await eventually("the fetch is parked") { progress.parkedCount == 1 }
            _ = try await writer.produce(bytes, to: "t")
            #expect(progress.parkedCount == 1, "one byte is missing")
            _ = try await writer.produce(batch(["b"]), to: "t")
            let response = try await connection.receive(FetchRequest.self, version: ByName.fetch)
            #expect(try response.responses[0].partitions[0].texts == ["a", "b"])
            #expect(progress.parkedCount == 0)
        }
    }

    @Test("min_bytes over max_bytes does not wait for what could never be sent")
    func impossibleMinimum() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            _ = try await connection.produce(batch(["a"]), to: "t")
            let request = fetchRequest("t", from: 0, minBytes: 1_000_000, maxBytes: 50, maxWait: 600_000)
            #expect(try await connection.fetch(request).texts == ["a"])
        }
    }

    @Test("of several partitions each is answered, and an append to any ends the wait")
    func severalPartitions() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let writer = try await broker.connect()
            try await connection.createTopic("one", partitions: 3)
            try await connection.createTopic("two")
            let request = FetchRequest(
                maxWaitMs: 600_000, minBytes: 1,
                topics: [
                    .init(topic: "one", partitions: (0..<3).map { .init(partition: $0, partitionMaxBytes: 1 << 20) }),
                    .init(topic: "two", partitions: [.init(partition: 0, partitionMaxBytes: 1 << 20)]),
                ])
            try await connection.send(request, version: ByName.fetch)
            let second = try #require(broker.broker.topics.partition(TopicPartition(topic: "two", partition: 0)))
            try await eventually("the fetch is parked") { second.progress.parkedCount == 1 }
            _ = try await writer.produce(batch(["x"]), to: "one", partition: 2)
            let response = try await connection.receive(FetchRequest.self, version: ByName.fetch)
            #expect(try response.responses[0].partitions.map { try $0.texts } == [[], [], ["x"]])
            #expect(try response.responses[1].partitions.map { try $0.texts } == [[]])
        }
    }

    @Test("an error is told at once, whatever else could be waited for")
    func errorsDoNotWait() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let cases: [(FetchRequest, ErrorCode)] = [
                (fetchRequest("t", from: 5, minBytes: 1, maxWait: 600_000), .offsetOutOfRange),
                (fetchRequest("t", from: 0, epoch: 1, minBytes: 1, maxWait: 600_000), .unknownLeaderEpoch),
                (fetchRequest("u", from: 0, minBytes: 1, maxWait: 600_000), .unknownTopicOrPartition),
                (fetchRequest("t", from: 0, partition: 1, minBytes: 1, maxWait: 600_000), .unknownTopicOrPartition),
            ]
            for (request, code) in cases {
                #expect(try await connection.fetch(request).errorCode == code)
            }
            #expect(try await connection.fetch(fetchRequest("t", from: 0, epoch: 0)).errorCode == .none)
        }
    }

    @Test("from version 13 on topics are named by id")
    func topicIDs() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let id = try await connection.createTopic("t")
            _ = try await connection.produce(batch(["a"]), to: "t")
            for (topicID, code) in [(id, ErrorCode.none), (KafkaUUID(high: 1, low: 2), .unknownTopicId)] {
                let request = FetchRequest(
                    topics: [.init(topicId: topicID, partitions: [.init(partition: 0, partitionMaxBytes: 1000)])])
                let response = try await connection.call(request)
                #expect(response.responses[0].topicId == topicID)
                #expect(response.responses[0].partitions[0].errorCode == code)
            }
        }
    }

    @Test("a session that does not exist is told; a full fetch is answered with session 0")
    func sessions() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let incremental = FetchRequest(sessionId: 77, sessionEpoch: 3)
            #expect(try await connection.call(incremental).errorCode == .fetchSessionIdNotFound)
            #expect(try await connection.call(FetchRequest(sessionEpoch: 0)).sessionId == 0)
        }
    }

    @Test("a topic that is deleted ends the waits on it")
    func deletedWhileWaiting() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let other = try await broker.connect()
            try await connection.createTopic("t")
            let progress = try #require(broker.broker.topics.partition(TopicPartition(topic: "t", partition: 0)))
                .progress
            try await connection.send(
                fetchRequest("t", from: 0, minBytes: 1, maxWait: 600_000), version: ByName.fetch)
            try await eventually("the fetch is parked") { progress.parkedCount == 1 }
            #expect(try await other.deleteTopic("t").errorCode == .none)
            let woken = try await connection.receive(FetchRequest.self, version: ByName.fetch)
            #expect(woken.responses[0].partitions[0].errorCode == .unknownTopicOrPartition)
            let after = try await connection.fetch(fetchRequest("t", from: 0))
            #expect(after.errorCode == .unknownTopicOrPartition)
        }
    }
}
