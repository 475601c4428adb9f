import KafkaMessages
import KafkaRecords
import KafkaWire
import NIOCore
import Storage
import TestSupport
import Testing

@testable import BrokerServer

/// A topic of one partition and a producer's hand on it, as transactions reach it in the end.
private struct TransactionalPartition {
    let connection: TestConnection
    let partition: Partition

    init(_ broker: TestBroker, _ configurations: [String: String] = [:]) async throws {
        connection = try await broker.connect()
        // Records of 1970 and markers of today would not share a segment.
        let all = configurations.merging(["segment.ms": "\(Int64.max)"]) { own, _ in own }
        try await connection.createTopic("t", all)
        partition = try #require(broker.broker.topics.partition(TopicPartition(topic: "t", partition: 0)))
    }

    func append(_ values: [String], id: Int64, sequence: Int32) async throws {
        var builder = RecordBatchBuilder(capacity: 256)
        for value in values { builder.append(timestamp: 1000, key: nil, value: ByteBuffer(string: value)) }
        let batch = try builder.finish(
            producerID: ProducerID(id), producerEpoch: 0, baseSequence: sequence, isTransactional: true)
        _ = try await partition.append(batch, origin: .client)
    }

    func end(_ id: Int64, commit: Bool) async throws {
        _ = try await partition.appendMarker(
            TransactionMarker(
                producerID: ProducerID(id), producerEpoch: 0, isCommit: commit, coordinatorEpoch: 0))
    }

    func fetch(
        from offset: Int64, committed: Bool = true, version: Int16 = ByName.fetch
    ) async throws -> FetchResponse.PartitionData {
        var request = fetchRequest("t", from: offset)
        request.isolationLevel = committed ? 1 : 0
        return try await connection.fetch(request, version: version)
    }
}

extension FetchResponse.PartitionData {
    fileprivate var aborted: [[Int64]]? { abortedTransactions?.map { [$0.producerId, $0.firstOffset] } }
    fileprivate var offsets: [Int64] {
        get throws { try (records ?? .empty).records().map(\.offset.rawValue) }
    }
}

@Suite("Reading committed records", .timeLimit(.minutes(5)))
struct ReadCommittedTests {
    @Test("stops where the oldest open transaction begins; read uncommitted does not", arguments: [4, 7, 11, 12])
    func lastStable(version: Int16) async throws {
        try await withBroker { broker in
            let log = try await TransactionalPartition(broker)
            try await log.append(["a"], id: 1, sequence: 0)
            try await log.end(1, commit: true)
            try await log.append(["b"], id: 2, sequence: 0)
            try await log.append(["c", "d"], id: 1, sequence: 1)
            try await log.end(1, commit: true)
            let held = try await log.fetch(from: 0, version: version)
            #expect(try held.offsets == [0, 1] && held.aborted == [])
            #expect(held.lastStableOffset == 2 && held.highWatermark == 6)
            let all = try await log.fetch(from: 0, committed: false, version: version)
            #expect(try all.offsets == [0, 1, 2, 3, 4, 5] && all.abortedTransactions == nil)
            #expect(all.lastStableOffset == 2)
            #expect(try await log.fetch(from: 4).offsets == [], "behind the last stable offset there is nothing yet")
            try await log.end(2, commit: false)
            let decided = try await log.fetch(from: 0, version: version)
            #expect(try decided.offsets == [0, 1, 2, 3, 4, 5, 6])
            #expect(decided.aborted == [[2, 2]] && decided.lastStableOffset == 7)
        }
    }

    @Test("tells the aborted transactions of what it returns, ascending by first offset, also over segments")
    func aborted() async throws {
        try await withBroker { broker in
            let log = try await TransactionalPartition(broker, ["segment.bytes": "400"])
            for round in Int32(0)..<20 {
                try await log.append(["x"], id: 1, sequence: round)
                try await log.append(["y"], id: 2, sequence: round)
                try await log.end(2, commit: round % 2 == 0)
                try await log.end(1, commit: false)
            }
            var position: Int64 = 0
            var seen = Set<[Int64]>()
            while position < 80 {
                let data = try await log.fetch(from: position)
                let offsets = try data.offsets
                let first = try #require(offsets.first)
                let last = try #require(offsets.last)
                var overlapping: [[Int64]] = []
                for round in Int64(0)..<20 {
                    let start = 4 * round
                    if start <= last, start + 3 >= first { overlapping.append([1, start]) }
                    if round % 2 == 1, start + 1 <= last, start + 2 >= first { overlapping.append([2, start + 1]) }
                }
                #expect(data.aborted == overlapping)
                seen.formUnion(overlapping)
                position = last + 1
            }
            #expect(seen.count == 30)
        }
    }

    @Test("a fetch of committed records waits for the last stable offset, and a marker wakes it at once")
    func wakes() async throws {
        try await withBroker { broker in
            let log = try await TransactionalPartition(broker)
            let other = try await broker.connect()
            try await log.append(["a"], id: 1, sequence: 0)
            var request = fetchRequest("t", from: 0, minBytes: 1, maxWait: 600_000)
            request.isolationLevel = 1
            try await other.send(request, version: ByName.fetch)
            let progress = log.partition.progress
            try await eventually("the fetch is parked") { progress.parkedCount == 1 }
            try await log.append(["b"], id: 1, sequence: 1)
            _ = try await log.connection.produce(batch(["c"]), to: "t")
            #expect(progress.parkedCount == 1, "nothing is decided yet")
            try await log.end(1, commit: true)
            let response = try await other.receive(FetchRequest.self, version: ByName.fetch)
            #expect(try response.responses[0].partitions[0].offsets == [0, 1, 2, 3])
            #expect(progress.parkedCount == 0)
        }
    }

    @Test("the latest offset is the last stable one, and what lies behind it is not found by time")
    func listOffsets() async throws {
        try await withBroker { broker in
            let log = try await TransactionalPartition(broker)
            _ = try await log.connection.produce(batch(["a"], timestamp: 10), to: "t")
            try await log.append(["b"], id: 1, sequence: 0)
            func list(_ timestamp: Int64, _ isolation: Int8) async throws -> Int64 {
                let request = ListOffsetsRequest(
                    replicaId: -1, isolationLevel: isolation,
                    topics: [.init(name: "t", partitions: [.init(partitionIndex: 0, timestamp: timestamp)])])
                return try await log.connection.call(request).topics[0].partitions[0].offset
            }
            #expect(try await list(-1, 1) == 1)
            #expect(try await list(-1, 0) == 2)
            #expect(try await list(500, 1) == -1)
            #expect(try await list(500, 0) == 1)
            try await log.end(1, commit: true)
            #expect(try await list(-1, 1) == 3)
            #expect(try await list(500, 1) == 1)
        }
    }

    @Test("open transactions, the last stable offset and what was aborted are as before after a restart")
    func restart() async throws {
        try await withTemporaryDirectory { folder in
            try await withBroker(in: folder) { broker in
                let log = try await TransactionalPartition(broker)
                try await log.append(["a"], id: 1, sequence: 0)
                try await log.end(1, commit: false)
                try await log.append(["b"], id: 2, sequence: 0)
            }
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                var request = fetchRequest("t", from: 0)
                request.isolationLevel = 1
                let data = try await connection.fetch(request)
                #expect(try data.offsets == [0, 1] && data.aborted == [[1, 0]])
                #expect(data.lastStableOffset == 2 && data.highWatermark == 3)
            }
        }
    }

    @Test("DescribeProducers tells epochs, sequences and where a transaction is open")
    func describeProducers() async throws {
        try await withBroker { broker in
            let log = try await TransactionalPartition(broker)
            try await log.append(["a", "b"], id: 7, sequence: 0)
            try await log.end(7, commit: true)
            try await log.append(["c"], id: 7, sequence: 2)
            _ = try await log.connection.produce(
                batch(["d"], timestamp: 77, producer: Producer(id: 3, epoch: 4, sequence: 0)), to: "t")
            let request = DescribeProducersRequest(topics: [
                .init(name: "t", partitionIndexes: [0, 1]), .init(name: "u", partitionIndexes: [0]),
            ])
            let response = try await log.connection.call(request)
            #expect(response.topics[0].partitions[1].errorCode == .unknownTopicOrPartition)
            #expect(response.topics[1].partitions[0].errorCode == .unknownTopicOrPartition)
            let producers = response.topics[0].partitions[0].activeProducers
            #expect(
                producers == [
                    .init(producerId: 3, producerEpoch: 4, lastSequence: 0, lastTimestamp: 77, coordinatorEpoch: -1),
                    .init(
                        producerId: 7, producerEpoch: 0, lastSequence: 2, lastTimestamp: 1000, coordinatorEpoch: 0,
                        currentTxnStartOffset: 3),
                ])
        }
    }
}
