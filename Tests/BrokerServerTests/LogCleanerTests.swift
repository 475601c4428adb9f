import KafkaMessages
import KafkaRecords
import KafkaWire
import NIOCore
import Storage
import SystemPackage
import TestSupport
import Testing
import Transactions

@testable import BrokerServer

@Suite("The log cleaner of a broker", .timeLimit(.minutes(5)))
struct LogCleanerTests {
    private static let eager = ["log.cleaner.backoff.ms": "2", "offsets.topic.num.partitions": "1"]
    /// Compacted as soon as a segment is closed, a few records in each.
    private static let compacted = [
        "cleanup.policy": "compact", "segment.bytes": "500", "min.cleanable.dirty.ratio": "0.001",
    ]

    /// One batch for each record.
    private func produce(
        _ pairs: [(key: String?, value: String?)], to topic: String, _ connection: TestConnection
    ) async throws {
        for pair in pairs {
            try #require(try await connection.produce(records([pair]), to: topic).errorCode == .none)
        }
    }

    /// Records whose keys no test asks for, enough to close the segment before them.
    private let filler: [(key: String?, value: String?)] = (0..<12).map { ("filler \($0)", "x") }

    /// All records that are there, in the order of offsets.
    private func contents(_ topic: String, _ connection: TestConnection) async throws -> [Record] {
        var all: [Record] = []
        var next = try await connection.listOffset(-2, of: topic).offset
        while true {
            let read = try await connection.fetch(fetchRequest(topic, from: next))
            try #require(read.errorCode == .none)
            let payload = read.records ?? .empty
            var batches = RecordBatchSequence(try payload.contiguous(), trailing: .error)
            let first = next
            // A batch may have lost all its records and stay for its offsets.
            while let batch = try batches.next() { next = batch.header.nextOffset.rawValue }
            if next == first { return all }
            all += try payload.records().filter { $0.offset >= Offset(first) }
        }
    }

    private func values(_ key: String, of topic: String, _ connection: TestConnection) async throws -> [String?] {
        try await contents(topic, connection)
            .filter { $0.key == ByteBuffer(string: key) }
            .map { $0.value.map { String(buffer: $0) } }
    }

    private func checkpoint(_ folder: String) throws -> [TopicPartition: Offset] {
        try CleanerCheckpoint.read(in: FilePath(folder), files: POSIXFileSystem()).offsets
    }

    @Test("the newest value of every key stays and older ones go, over restarts too", arguments: [true, false])
    func newestStays(isClean: Bool) async throws {
        try await RestartTests.withFolder { folder in
            let expected = Dictionary(uniqueKeysWithValues: (0..<10).map { ("key \($0)", "\(490 + $0)") })
            try await withBroker(in: folder, Self.eager) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t", Self.compacted)
                try await produce((0..<500).map { ("key \($0 % 10)", "\($0)") }, to: "t", connection)
                try await eventually("fewer than 30 records") { try await contents("t", connection).count < 30 }
                #expect(try await connection.listOffset(-1, of: "t").offset == 500)
                let place = TopicPartition(topic: "t", partition: 0)
                try await eventually { (450..<500).contains(try checkpoint(folder)[place]?.rawValue ?? 0) }
            }
            if !isClean { try RestartTests.makeUnclean(folder) }
            try await withBroker(in: folder, Self.eager) { broker in
                let connection = try await broker.connect()
                let left = try await contents("t", connection)
                #expect(left.count < 30)
                let pairs = left.map { ($0.key.map { String(buffer: $0) } ?? "", $0.text) }
                #expect(Dictionary(pairs) { $1 } == expected)
                try await produce([("key 0", "last")] + filler, to: "t", connection)
                try await eventually { try await values("key 0", of: "t", connection) == ["last"] }
            }
        }
    }

    @Test("a tombstone takes its key's values with it, and goes itself after delete.retention.ms")
    func tombstones() async throws {
        try await withBroker(Self.eager) { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", Self.compacted.merging(["delete.retention.ms": "1000"]) { $1 })
            try await produce([("k", "a"), ("k", nil)] + filler, to: "t", connection)
            try await eventually("the value goes") { try await values("k", of: "t", connection) == [nil] }
            broker.clock.advance(by: 999)
            try await produce(filler + [("mark", "1")] + filler, to: "t", connection)
            try await produce([("mark", "2")] + filler, to: "t", connection)
            try await eventually("a later round") { try await values("mark", of: "t", connection) == ["2"] }
            #expect(try await values("k", of: "t", connection) == [nil], "not yet")
            broker.clock.advance(by: 1)
            try await produce(filler, to: "t", connection)
            try await eventually("the tombstone goes") { try await values("k", of: "t", connection).isEmpty }
        }
    }

    @Test("records that were in memory for who reads along are read as the cleaner left them")
    func tailInMemory() async throws {
        try await withBroker(Self.eager) { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", Self.compacted)
            #expect(try await contents("t", connection).isEmpty, "who has come to the end will be back")
            try await produce([("k", "1"), ("k", "2")] + filler, to: "t", connection)
            #expect(broker.broker.parts.environment.tails.usedBytes > 0)
            try await eventually("one is left") { try await values("k", of: "t", connection) == ["2"] }
            #expect(try await contents("t", connection).count == filler.count + 1)
        }
    }

    @Test("topics that are deleted while they are cleaned do not hold up the cleaner")
    func deletedMeanwhile() async throws {
        let paced = Self.eager.merging(["log.cleaner.io.max.bytes.per.second": "300000"]) { $1 }
        try await withBroker(paced) { broker in
            let connection = try await broker.connect()
            for _ in 0..<15 {
                try await connection.createTopic("gone", Self.compacted)
                try await produce((0..<30).map { ("\($0 % 2)", "\($0)") }, to: "gone", connection)
                #expect(try await connection.deleteTopic("gone").errorCode == .none)
            }
            try await connection.createTopic("t", Self.compacted)
            try await produce([("k", "1"), ("k", "2")] + filler, to: "t", connection)
            try await eventually { try await values("k", of: "t", connection) == ["2"] }
            #expect(await broker.broker.cleaner.uncleanable.isEmpty)
        }
    }

    @Test("a log that cannot be cleaned is marked and left as it is, and the others are cleaned")
    func uncleanable() async throws {
        try await RestartTests.withFolder { folder in
            try await withBroker(in: folder, ["log.cleaner.enable": "false"]) { broker in
                let connection = try await broker.connect()
                for topic in ["damaged", "whole"] {
                    try await connection.createTopic(topic, Self.compacted)
                    try await produce([("k", "1"), ("k", "2")] + filler, to: topic, connection)
                    #expect(try await values("k", of: topic, connection) == ["1", "2"], "the cleaner is off")
                }
            }
            let path = FilePath(folder).appending("damaged-0/00000000000000000000.log")
            let file = try POSIXFileSystem().open(path)
            try file.write([ByteBuffer(bytes: [0xFF])], at: 66)
            try await withBroker(in: folder, Self.eager) { broker in
                let connection = try await broker.connect()
                try await eventually { try await values("k", of: "whole", connection) == ["2"] }
                let marked = TopicPartition(topic: "damaged", partition: 0)
                try await eventually { await broker.broker.cleaner.uncleanable.keys.elementsEqual([marked]) }
                #expect(try await connection.produce(records([("k", "3")]), to: "damaged").errorCode == .none)
                try await produce([("k", "3")] + filler, to: "whole", connection)
                try await eventually { try await values("k", of: "whole", connection) == ["3"] }
            }
        }
    }

    @Test("a topic that becomes compacted is cleaned from then on, and no longer when it ceases to be")
    func policyChanges() async throws {
        try await withBroker(Self.eager) { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", Self.compacted.merging(["cleanup.policy": "delete"]) { $1 })
            try await connection.createTopic("other", Self.compacted)
            try await produce([("k", "1"), ("k", "2")] + filler, to: "t", connection)
            try await connection.alter("t", ["cleanup.policy": "compact"])
            try await eventually { try await values("k", of: "t", connection) == ["2"] }
            try await connection.alter("t", ["cleanup.policy": "delete"])
            try await produce([("k", "3"), ("k", "4")] + filler, to: "t", connection)
            try await produce([("k", "1"), ("k", "2")] + filler, to: "other", connection)
            try await eventually { try await values("k", of: "other", connection) == ["2"] }
            #expect(try await values("k", of: "t", connection) == ["2", "3", "4"])
        }
    }

    @Test("committed offsets are compacted, and what is left is what the next start finds", arguments: [true, false])
    func committedOffsets(isClean: Bool) async throws {
        let settings = Self.eager.merging(["offsets.topic.segment.bytes": "2000"]) { $1 }
        try await RestartTests.withFolder { folder in
            try await withBroker(in: folder, settings) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t")
                _ = try await connection.call(FindCoordinatorRequest(key: "g"), version: 0)
                for offset in Int64(0)..<300 {
                    let request = OffsetCommitRequest(
                        groupId: "g", generationIdOrMemberEpoch: -1,
                        topics: [.init(name: "t", partitions: [.init(partitionIndex: 0, committedOffset: offset)])])
                    let answer = try await connection.call(request, version: ByName.commit)
                    try #require(answer.topics[0].partitions[0].errorCode == .none)
                }
                let partition = try #require(broker.broker.topics.topic("__consumer_offsets")?.partition(0))
                try await eventually("three segments at most") { await partition.byteCount < 6000 }
            }
            if !isClean { try RestartTests.makeUnclean(folder) }
            try await withBroker(in: folder, settings) { broker in
                let connection = try await broker.connect()
                _ = try await connection.call(FindCoordinatorRequest(key: "g"), version: 0)
                let asked = OffsetFetchRequest(
                    groups: [.init(groupId: "g", topics: [.init(name: "t", partitionIndexes: [0])])])
                let fetched = try await connection.call(asked, version: ByName.offsetFetch)
                #expect(fetched.groups.first?.topics.first?.partitions.first?.committedOffset == 299)
            }
        }
    }

    @Test("transactions' state is compacted, and the next start goes on with every producer")
    func transactionState() async throws {
        let settings = Self.eager.merging(
            ["transaction.state.log.segment.bytes": "2000", "transaction.state.log.num.partitions": "1"]) { $1 }
        try await RestartTests.withFolder { folder in
            let last = try await withBroker(in: folder, settings) { broker in
                let connection = try await broker.connect()
                var producer = try await connection.beginTransaction("x")
                for _ in 0..<100 { producer = try await connection.beginTransaction("x") }
                let partition = try #require(broker.broker.topics.topic("__transaction_state")?.partition(0))
                try await eventually("three segments at most") { await partition.byteCount < 6000 }
                return producer
            }
            try await withBroker(in: folder, settings) { broker in
                let connection = try await broker.connect()
                let next = try await connection.beginTransaction("x")
                #expect(next.id == last.id && next.epoch == last.epoch + 1)
            }
        }
    }
}

@Suite("The cleaner's pace", .timeLimit(.minutes(5)))
struct CleanerPacerTests {
    @Test("a pause of hours ends when the task is cancelled")
    func cancelled() async throws {
        let task = Task {
            do throws(CleaningError) {
                try CleanerPacer(bytesPerSecond: 1).pace(1_000_000)
                return nil as CleaningError?
            } catch {
                return error
            }
        }
        task.cancel()
        #expect(await task.value == .cancelled)
    }

    @Test("within the rate nothing waits, past it the time for what was read is kept")
    func rate() throws {
        let begun = ContinuousClock.now
        let pacer = CleanerPacer(bytesPerSecond: 100_000)
        try pacer.pace(5000)
        try pacer.pace(5000)
        #expect(ContinuousClock.now - begun >= .milliseconds(100))
        try CleanerPacer(bytesPerSecond: .greatestFiniteMagnitude).pace(.max)
    }
}
