import KafkaMessages
import KafkaRecords
import KafkaWire
import NIOCore
import TestSupport
import Testing

@testable import BrokerServer

@Suite("Fetch sessions", .timeLimit(.minutes(5)))
struct FetchSessionTests {
    /// A client's side of one session.
    private struct Client {
        let connection: TestConnection
        var version: Int16 = 12
        var id: Int32 = 0
        var epoch: Int32 = 0
        /// The length of the last response.
        var frameBytes = 0

        mutating func fetch(
            _ topics: [FetchRequest.FetchTopic] = [], forget: [FetchRequest.ForgottenTopic] = [], maxWait: Int32 = 0,
            minBytes: Int32 = 1, isolation: Int8 = 0
        ) async throws -> FetchResponse {
            try await send(topics, forget: forget, maxWait: maxWait, minBytes: minBytes, isolation: isolation)
            return try await receive()
        }

        func send(
            _ topics: [FetchRequest.FetchTopic] = [], forget: [FetchRequest.ForgottenTopic] = [], maxWait: Int32 = 0,
            minBytes: Int32 = 1, isolation: Int8 = 0
        ) async throws {
            try await connection.send(
                FetchRequest(
                    maxWaitMs: maxWait, minBytes: minBytes, isolationLevel: isolation, sessionId: id,
                    sessionEpoch: epoch, topics: topics, forgottenTopicsData: forget), version: version)
        }

        mutating func receive() async throws -> FetchResponse {
            let frame = try #require(await connection.receiveFrame())
            frameBytes = frame.readableBytes
            let response = try decode(FetchRequest.self, frame, version: version, correlationID: 1)
            if response.errorCode == .none {
                if response.sessionId != id { epoch = 0 }
                id = response.sessionId
                epoch += 1
            }
            return response
        }
    }

    private func partitions(_ range: Range<Int32>, from offset: Int64 = 0) -> [FetchRequest.FetchPartition] {
        range.map { .init(partition: $0, fetchOffset: offset, partitionMaxBytes: 1 << 20) }
    }

    private func summary(_ response: FetchResponse) throws -> [String] {
        try response.responses.flatMap { topic in
            try topic.partitions.map { "\(topic.topic)-\($0.partitionIndex):\(try $0.texts.joined())" }
        }
    }

    @Test("of 500 partitions only the one that changed is answered, in bytes and in work")
    func manyPartitions() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let writer = try await broker.connect()
            try await connection.createTopic("t", partitions: 500)
            var client = Client(connection: connection)
            let first = try await client.fetch([.init(topic: "t", partitions: partitions(0..<500))])
            #expect(first.sessionId > 0 && first.responses[0].partitions.count == 500)
            let full = client.frameBytes
            let session = try #require(broker.broker.fetchSessions.session(first.sessionId))
            #expect(session.queuedCount == 0, "nothing of the idle ones is looked at again")
            #expect(try await client.fetch().responses.isEmpty)
            _ = try await writer.produce(batch(["x"]), to: "t", partition: 321)
            #expect(session.queuedCount == 1)
            let next = try await client.fetch()
            #expect(try summary(next) == ["t-321:x"])
            #expect(client.frameBytes < 300 && full > 10_000, "\(client.frameBytes) of \(full)")
            // Not read on from there, it is answered again; then it is idle again.
            #expect(try await summary(client.fetch()) == ["t-321:x"])
            #expect(
                try await client.fetch([.init(topic: "t", partitions: partitions(321..<322, from: 1))]).responses
                    .isEmpty)
            #expect(session.queuedCount == 0)
        }
    }

    @Test("a long poll over a session parks nowhere, wakes at once, and leaves nothing behind")
    func longPoll() async throws {
        try await withBroker { broker in
            let writer = try await broker.connect()
            try await writer.createTopic("t", partitions: 3)
            var client = Client(connection: try await broker.connect())
            _ = try await client.fetch([.init(topic: "t", partitions: partitions(0..<3))])
            let begun = ContinuousClock.now
            #expect(try await client.fetch(maxWait: 50).responses.isEmpty)
            #expect(ContinuousClock.now - begun >= .milliseconds(49))
            let session = try #require(broker.broker.fetchSessions.session(client.id))
            try await client.send(maxWait: 600_000)
            try await eventually("the fetch waits") { session.isWaitedFor }
            _ = try await writer.produce(batch(["a"]), to: "t", partition: 2)
            #expect(try await summary(client.receive()) == ["t-2:a"])
            let progress = try #require(broker.broker.topics.topic("t")).partitions.map(\.progress)
            #expect(progress.allSatisfy { $0.parkedCount == 0 })
            #expect(progress.allSatisfy { $0.watcherCount == 1 })
            client.epoch = -1
            _ = try await client.fetch()
            #expect(progress.allSatisfy { $0.watcherCount == 0 })
            #expect(broker.broker.fetchSessions.count == 0)
        }
    }

    @Test("min_bytes counts what comes to all partitions of the session")
    func minimumBytes() async throws {
        try await withBroker { broker in
            let writer = try await broker.connect()
            try await writer.createTopic("t", partitions: 2)
            var client = Client(connection: try await broker.connect())
            _ = try await client.fetch([.init(topic: "t", partitions: partitions(0..<2))])
            let records = try batch(["a"])
            let session = try #require(broker.broker.fetchSessions.session(client.id))
            try await client.send(maxWait: 600_000, minBytes: Int32(2 * records.readableBytes))
            try await eventually("the fetch waits") { session.isWaitedFor }
            _ = try await writer.produce(records, to: "t", partition: 0)
            _ = try await writer.produce(batch(["b"]), to: "t", partition: 1)
            #expect(try await summary(client.receive()).sorted() == ["t-0:a", "t-1:b"])
        }
    }

    @Test("partitions are added, moved on and forgotten; without any the session ends")
    func changes() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            for name in ["t", "u"] {
                try await connection.createTopic(name, partitions: 2)
                for partition in Int32(0)..<2 {
                    _ = try await connection.produce(batch(["a"]), to: name, partition: partition)
                    _ = try await connection.produce(batch(["b"]), to: name, partition: partition)
                }
            }
            var client = Client(connection: connection)
            #expect(
                try await summary(client.fetch([.init(topic: "t", partitions: partitions(0..<1))])) == ["t-0:ab"])
            let added = try await client.fetch([
                .init(topic: "t", partitions: partitions(0..<1, from: 1)),
                .init(topic: "u", partitions: partitions(1..<2)),
            ])
            #expect(try summary(added).sorted() == ["t-0:b", "u-1:ab"])
            let forgotten = try await client.fetch(
                [.init(topic: "u", partitions: partitions(1..<2, from: 2))],
                forget: [.init(topic: "t", partitions: [0, 7])])
            #expect(forgotten.responses.isEmpty && forgotten.sessionId == client.id)
            let empty = try await client.fetch(forget: [.init(topic: "u", partitions: [1])])
            #expect(empty.sessionId == 0 && empty.errorCode == .none)
            #expect(broker.broker.fetchSessions.count == 0)
        }
    }

    @Test("log start, high watermark and last stable offset are told when they alone change")
    func offsets() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            _ = try await connection.produce(batch(["a", "b", "c"]), to: "t")
            var client = Client(connection: connection)
            _ = try await client.fetch([.init(topic: "t", partitions: partitions(0..<1, from: 3))])
            _ = try await connection.call(
                DeleteRecordsRequest(topics: [.init(name: "t", partitions: [.init(partitionIndex: 0, offset: 2)])]))
            let moved = try await client.fetch()
            #expect(moved.responses.first?.partitions.map(\.logStartOffset) == [2])
            #expect(try await client.fetch().responses.isEmpty)
        }
    }

    @Test("an error is told every time; a topic that comes back is read again")
    func errors() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            try await connection.createTopic("idle")
            var client = Client(connection: connection)
            _ = try await client.fetch([
                .init(topic: "idle", partitions: partitions(0..<1)), .init(topic: "t", partitions: partitions(0..<1)),
            ])
            _ = try await connection.deleteTopic("t")
            for _ in 0..<2 {
                let gone = try await client.fetch(maxWait: 600_000)
                #expect(gone.responses.map(\.topic) == ["t"])
                #expect(gone.responses[0].partitions[0].errorCode == .unknownTopicOrPartition)
            }
            try await connection.createTopic("t")
            _ = try await connection.produce(batch(["new"]), to: "t")
            #expect(try await summary(client.fetch()) == ["t-0:new"])
        }
    }

    @Test("a wrong epoch, an unknown session, and names in a session of ids are refused by their codes")
    func refusals() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            var client = Client(connection: connection)
            _ = try await client.fetch([.init(topic: "t", partitions: partitions(0..<1))])
            client.epoch = 5
            #expect(try await client.fetch().errorCode == .invalidFetchSessionEpoch)
            client.epoch = 1
            client.version = 13
            #expect(try await client.fetch().errorCode == .fetchSessionTopicIdError)
            client.version = 7
            #expect(try await client.fetch().errorCode == .none)
            client.id = 12345
            #expect(try await client.fetch().errorCode == .fetchSessionIdNotFound)
        }
    }

    @Test("by topic ids, an id that is not there is an error of its partitions alone")
    func topicIDs() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let id = try await connection.createTopic("t")
            _ = try await connection.produce(batch(["a"]), to: "t")
            var client = Client(connection: connection, version: FetchRequest.versions.upperBound)
            let unknown = KafkaUUID(high: 1, low: 2)
            let response = try await client.fetch([
                .init(topicId: id, partitions: partitions(0..<1)),
                .init(topicId: unknown, partitions: partitions(0..<1)),
            ])
            #expect(response.errorCode == .none && response.sessionId > 0)
            #expect(response.responses.map(\.topicId) == [id, unknown])
            #expect(response.responses.map { $0.partitions[0].errorCode } == [.none, .unknownTopicId])
        }
    }

    @Test("a fetch that is told twice is answered once: the older loses its turn")
    func overtaken() async throws {
        try await withBroker { broker in
            let writer = try await broker.connect()
            try await writer.createTopic("t")
            var client = Client(connection: try await broker.connect())
            var other = Client(connection: try await broker.connect())
            _ = try await client.fetch([.init(topic: "t", partitions: partitions(0..<1))])
            let session = try #require(broker.broker.fetchSessions.session(client.id))
            try await client.send(maxWait: 600_000)
            try await eventually("the first fetch waits") { session.isWaitedFor }
            other.id = client.id
            other.epoch = client.epoch + 1
            try await other.send(maxWait: 600_000)
            #expect(try await client.receive().errorCode == .invalidFetchSessionEpoch)
            _ = try await writer.produce(batch(["a"]), to: "t")
            #expect(try await summary(other.receive()) == ["t-0:a"])
        }
    }

    @Test("with all slots taken a fetch goes on without a session; a session that idled for two minutes makes room")
    func slots() async throws {
        try await withBroker(["max.incremental.fetch.session.cache.slots": "2"]) { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            var ids: [Int32] = []
            for _ in 0..<3 {
                var client = Client(connection: connection)
                ids.append(try await client.fetch([.init(topic: "t", partitions: partitions(0..<1))]).sessionId)
            }
            #expect(ids[0] > 0 && ids[1] > 0 && ids[2] == 0)
            broker.clock.advance(by: 120_001)
            var client = Client(connection: connection)
            #expect(try await client.fetch([.init(topic: "t", partitions: partitions(0..<1))]).sessionId > 0)
            #expect(broker.broker.fetchSessions.count == 2)
            #expect(broker.broker.topics.topic("t")?.partitions[0].progress.watcherCount == 2)
        }
    }

    @Test("sessions remember so many partitions together: a fetch of more goes on without one, and one that grows ends")
    func partitionBound() async throws {
        try await withBroker(["signalbox.max.fetch.session.partitions": "10"]) { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", partitions: 12)
            let sessions = broker.broker.fetchSessions
            var large = Client(connection: connection)
            #expect(try await large.fetch([.init(topic: "t", partitions: partitions(0..<11))]).sessionId == 0)
            var first = Client(connection: connection)
            _ = try await first.fetch([.init(topic: "t", partitions: partitions(0..<6))])
            var second = Client(connection: connection)
            _ = try await second.fetch([.init(topic: "t", partitions: partitions(0..<4))])
            #expect(first.id > 0 && second.id > 0 && sessions.partitionCount == 10)
            let grown = try await second.fetch([.init(topic: "t", partitions: partitions(4..<5))])
            #expect(grown.errorCode == .fetchSessionIdNotFound)
            #expect(sessions.count == 1 && sessions.partitionCount == 6)
            let forgotten = FetchRequest.ForgottenTopic(topic: "t", partitions: [0, 1, 2])
            #expect(try await first.fetch(forget: [forgotten]).errorCode == .none)
            #expect(sessions.partitionCount == 3)
            broker.clock.advance(by: 120_001)
            var third = Client(connection: connection)
            _ = try await third.fetch([.init(topic: "none", partitions: partitions(0..<9))])
            #expect(third.id > 0 && sessions.count == 1 && sessions.partitionCount == 9)
        }
    }

    @Test(
        "every record comes once and in order over a session, whatever the bounds", arguments: [Int32(1), 200, 1 << 20])
    func everything(maxBytes: Int32) async throws {
        try await withBroker { broker in
            let writer = try await broker.connect()
            try await writer.createTopic("t", partitions: 4)
            var reader = Reader(client: Client(connection: try await broker.connect()), maxBytes: maxBytes)
            for round in 0..<40 {
                _ = try await writer.produce(
                    batch(["\(round)", "\(round)'"]), to: "t", partition: Int32(round * 7 % 4))
                try await reader.read()
            }
            for _ in 0..<200 where reader.received.reduce(0, { $0 + $1.count }) < 80 { try await reader.read() }
            for partition in 0..<4 {
                let sent = (0..<40).filter { $0 * 7 % 4 == partition }.flatMap { ["\($0)", "\($0)'"] }
                #expect(reader.received[partition] == sent)
            }
        }
    }

    /// Reads four partitions on from where it is.
    private struct Reader {
        var client: Client
        let maxBytes: Int32
        var positions = [Int64](repeating: 0, count: 4)
        var received = [[String]](repeating: [], count: 4)
        var moved: Set<Int> = [0, 1, 2, 3]

        mutating func read() async throws {
            let asked = moved.sorted().map { index in
                FetchRequest.FetchPartition(
                    partition: Int32(index), fetchOffset: positions[index], partitionMaxBytes: maxBytes)
            }
            moved = []
            let response = try await client.fetch([.init(topic: "t", partitions: asked)], maxWait: 1)
            for data in response.responses.flatMap(\.partitions) {
                let index = Int(data.partitionIndex)
                let records = try (data.records ?? .empty).records().filter { $0.offset.rawValue >= positions[index] }
                received[index] += records.map(\.text)
                guard let last = records.last else { continue }
                positions[index] = last.offset.rawValue + 1
                moved.insert(index)
            }
        }
    }
}
