import KafkaMessages
import KafkaRecords
import KafkaWire
import Metadata
import NIOCore
import Storage
import TestSupport
import Testing
import Transactions

@testable import BrokerServer

@Suite("Offsets in transactions and deletions over the wire", .timeLimit(.minutes(5)))
struct TransactionalOffsetWireTests {
    private let settings = ["offsets.topic.num.partitions": "1"]

    private func commit(_ offset: Int64, producer: Int64, topic: String = "t") -> TxnOffsetCommitRequest {
        TxnOffsetCommitRequest(
            transactionalId: "x", groupId: "g", producerId: producer, producerEpoch: 0,
            topics: [.init(name: topic, partitions: [.init(partitionIndex: 0, committedOffset: offset)])])
    }

    /// A transaction with the group's offsets in it; returns the producer's id.
    private func begin(_ connection: TestConnection) async throws -> Int64 {
        _ = try await connection.call(FindCoordinatorRequest(coordinatorKeys: ["g"]))
        let producer = try await connection.beginTransaction("x")
        let added = try await connection.call(
            AddOffsetsToTxnRequest(
                transactionalId: "x", producerId: producer.id.rawValue, producerEpoch: producer.epoch, groupId: "g"))
        try #require(added.errorCode == .none)
        return producer.id.rawValue
    }

    private func fetch(
        _ connection: TestConnection, requireStable: Bool = true, version: Int16 = ByName.offsetFetch
    ) async throws -> (offset: Int64, error: ErrorCode) {
        if version < 8 {
            let request = OffsetFetchRequest(
                groupId: "g", topics: [.init(name: "t", partitionIndexes: [0])], requireStable: requireStable)
            let found = try #require(try await connection.call(request, version: version).topics.first?.partitions[0])
            return (found.committedOffset, found.errorCode)
        }
        let request = OffsetFetchRequest(
            groups: [.init(groupId: "g", topics: [.init(name: "t", partitionIndexes: [0])])],
            requireStable: requireStable)
        let response = try await connection.call(request, version: version)
        let found = try #require(response.groups.first?.topics.first?.partitions.first)
        return (found.committedOffset, found.errorCode)
    }

    private func end(_ broker: TestBroker, producer: Int64, isCommit: Bool) async throws {
        let marker = TransactionMarker(
            producerID: ProducerID(producer), producerEpoch: 0, isCommit: isCommit, coordinatorEpoch: 0)
        try await broker.broker.coordinators.groups.appendMarker(marker, partition: 0)
    }

    @Test("they are unstable until the marker, over a restart too, and then count", arguments: [true, false])
    func transaction(isCommit: Bool) async throws {
        try await withTemporaryDirectory { folder in
            let producer = try await withBroker(in: folder, settings) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t")
                let producer = try await begin(connection)
                for version in TxnOffsetCommitRequest.versions {
                    let request = commit(Int64(version), producer: producer)
                    let response = try await connection.call(request, version: version)
                    #expect(response.topics[0].partitions[0].errorCode == .none)
                }
                let missing = try await connection.call(commit(1, producer: producer, topic: "none"))
                #expect(missing.topics[0].partitions[0].errorCode == .unknownTopicOrPartition)
                #expect(try await fetch(connection) == (-1, .unstableOffsetCommit))
                #expect(try await fetch(connection, version: 7) == (-1, .unstableOffsetCommit))
                #expect(try await fetch(connection, requireStable: false) == (-1, .none))
                return producer
            }
            try await withBroker(in: folder, settings) { broker in
                let connection = try await broker.connect()
                #expect(try await fetch(connection) == (-1, .unstableOffsetCommit))
                try await end(broker, producer: producer, isCommit: isCommit)
                #expect(try await fetch(connection) == (isCommit ? 5 : -1, .none))
            }
            try await withBroker(in: folder, settings) { broker in
                let connection = try await broker.connect()
                #expect(try await fetch(connection) == (isCommit ? 5 : -1, .none))
            }
        }
    }

    @Test("the batch carries the producer's id and epoch and is transactional; the marker is a control batch")
    func batches() async throws {
        try await withBroker(settings) { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let producer = try await begin(connection)
            _ = try await connection.call(commit(1, producer: producer))
            try await end(broker, producer: producer, isCommit: true)
            let stored = try await connection.fetch(fetchRequest(TopicName.consumerOffsets, from: 0))
            var batches = RecordBatchSequence(try #require(stored.records).contiguous(), trailing: .error)
            let offsets = try #require(try batches.next()).header
            #expect(offsets.attributes.isTransactional && !offsets.attributes.isControl)
            #expect(offsets.producerID == ProducerID(producer) && offsets.producerEpoch == 0)
            let marker = try #require(try batches.next()).header
            #expect(marker.attributes.isTransactional && marker.attributes.isControl)
        }
    }

    @Test("a producer that another one has replaced is told INVALID_PRODUCER_EPOCH", arguments: [0, 4, 5] as [Int16])
    func fenced(version: Int16) async throws {
        try await withBroker(settings) { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let producer = try await begin(connection)
            _ = try await connection.beginTransaction("x")
            let response = try await connection.call(commit(1, producer: producer), version: version)
            #expect(response.topics[0].partitions[0].errorCode == .invalidProducerEpoch)
        }
    }

    @Test("a marker for a partition that is not there is refused, not lost")
    func noPartition() async throws {
        try await withBroker(settings) { broker in
            _ = await #expect(throws: AppendError.self) { try await end(broker, producer: 5, isCommit: true) }
        }
    }

    @Test("groups and offsets are deleted by request, and a deleted topic takes its offsets along")
    func deletion() async throws {
        try await withBroker(settings) { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            _ = try await connection.call(FindCoordinatorRequest(coordinatorKeys: ["g"]))
            func store(_ offset: Int64) async throws {
                _ = try await connection.call(
                    OffsetCommitRequest(
                        groupId: "g",
                        topics: [.init(name: "t", partitions: [.init(partitionIndex: 0, committedOffset: offset)])]),
                    version: ByName.commit)
            }
            try await store(3)
            let topics: [OffsetDeleteRequest.OffsetDeleteRequestTopic] = [
                .init(name: "t", partitions: [.init(partitionIndex: 0)]),
                .init(name: "none", partitions: [.init(partitionIndex: 0)]),
            ]
            let deleted = try await connection.call(OffsetDeleteRequest(groupId: "g", topics: topics))
            #expect(deleted.topics.map { $0.partitions[0].errorCode } == [.none, .unknownTopicOrPartition])
            #expect(try await fetch(connection).offset == -1)

            try await store(4)
            for version in DeleteGroupsRequest.versions {
                let answer = try await connection.call(DeleteGroupsRequest(groupsNames: ["g", "h"]), version: version)
                let first: ErrorCode = version == 0 ? .none : .groupIdNotFound
                #expect(answer.results.map(\.errorCode) == [first, .groupIdNotFound])
            }
            try await store(5)
            _ = try await connection.deleteTopic("t")
            try await connection.createTopic("t")
            // The tombstones are written behind the deletion's answer.
            while try await fetch(connection).offset != -1 { await Task.yield() }
        }
    }

    @Test("a broken record in __consumer_offsets is passed over, and what comes behind it is read")
    func brokenRecord() async throws {
        try await withTemporaryDirectory { folder in
            try await withBroker(in: folder, settings) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t")
                let producer = try await begin(connection)
                let position = TopicPartition(topic: TopicName.consumerOffsets, partition: 0)
                let partition = try #require(broker.broker.topics.partition(position))
                _ = try await partition.append(try batch(["not a value"], key: "not a key"), origin: .coordinator)
                _ = try await connection.call(commit(8, producer: producer))
                try await end(broker, producer: producer, isCommit: true)
            }
            try await withBroker(in: folder, settings) { broker in
                let connection = try await broker.connect()
                #expect(try await fetch(connection) == (8, .none))
            }
        }
    }
}
