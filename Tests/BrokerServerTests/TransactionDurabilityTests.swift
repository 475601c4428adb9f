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

@Suite("What decides about durable records is durable", .timeLimit(.minutes(5)))
struct TransactionDurabilityTests {
    private static let settings = ["transaction.state.log.num.partitions": "1", "offsets.topic.num.partitions": "1"]

    private func withSlowDisk(
        _ operation: @Sendable (TestBroker, TestConnection, SlowDisk) async throws -> Void
    ) async throws {
        let disk = SlowDisk()
        try await RestartTests.withFolder { folder in
            try await withBroker(in: folder, Self.settings, files: disk) { broker in
                defer { disk.release() }
                try await operation(broker, try await broker.connect(), disk)
            }
        }
    }

    private func addition(_ id: String, _ producer: ProducerIdentity) -> AddPartitionsToTxnRequest {
        AddPartitionsToTxnRequest(
            v3AndBelowTransactionalId: id, v3AndBelowProducerId: producer.id.rawValue,
            v3AndBelowProducerEpoch: producer.epoch, v3AndBelowTopics: [.init(name: "t", partitions: [0])])
    }

    private func first(of topic: String, _ broker: TestBroker) throws -> Partition {
        try #require(broker.broker.topics.partition(TopicPartition(topic: topic, partition: 0)))
    }

    @Test("with flush.messages=1 in any topic a transaction's steps are answered from the disk, many by one flush")
    func sharedFlush() async throws {
        try await withSlowDisk { broker, connection, disk in
            try await connection.createTopic("t", ["flush.messages": "1"])
            var producers: [(id: String, identity: ProducerIdentity, connection: TestConnection)] = []
            for number in 0..<6 {
                let identity = try await connection.beginTransaction("\(number)")
                producers.append(("\(number)", identity, try await broker.connect()))
            }
            let position = TopicPartition(topic: TopicName.transactionState, partition: 0)
            let log = try #require(broker.broker.topics.partition(position))
            let (end, before) = (log.progress.offsets.logEnd, disk.syncs)
            disk.hold()
            for producer in producers {
                try await producer.connection.send(addition(producer.id, producer.identity), version: 3)
            }
            try await eventually("all are in the log") { log.progress.offsets.logEnd == end + 6 }
            let coordinator = broker.broker.coordinators.transactions
            #expect(await coordinator.look { state, _ in state.openCount } == 0)
            disk.release()
            for producer in producers {
                let answer = try await producer.connection.receive(AddPartitionsToTxnRequest.self, version: 3)
                let code = answer.resultsByTopicV3AndBelow.first?.resultsByPartition.first?.partitionErrorCode
                #expect(code == ErrorCode.none)
            }
            #expect(disk.syncs - before == 2)
        }
    }

    @Test("offsets in a transaction are answered from the disk too, and those of a group alone are not")
    func offsets() async throws {
        try await withSlowDisk { broker, connection, disk in
            try await connection.createTopic("t", ["flush.messages": "1"])
            _ = try await connection.call(FindCoordinatorRequest(coordinatorKeys: ["g"]))
            let producer = try await connection.beginTransaction("x")
            let added = AddOffsetsToTxnRequest(
                transactionalId: "x", producerId: producer.id.rawValue, producerEpoch: producer.epoch, groupId: "g")
            #expect(try await connection.call(added).errorCode == .none)
            disk.hold()
            let plain = OffsetCommitRequest(
                groupId: "g",
                topics: [.init(name: "t", partitions: [.init(partitionIndex: 0, committedOffset: 1)])])
            let answer = try await connection.call(plain, version: ByName.commit)
            #expect(answer.topics.first?.partitions.first?.errorCode == ErrorCode.none)
            #expect(disk.waiting == 0)
            let commit = TxnOffsetCommitRequest(
                transactionalId: "x", groupId: "g", producerId: producer.id.rawValue, producerEpoch: producer.epoch,
                topics: [.init(name: "t", partitions: [.init(partitionIndex: 0, committedOffset: 2)])])
            try await connection.send(commit, version: 4)
            try await eventually("the flush has begun") { disk.waiting == 1 }
            disk.release()
            let committed = try await connection.receive(TxnOffsetCommitRequest.self, version: 4)
            #expect(committed.topics.first?.partitions.first?.errorCode == ErrorCode.none)
        }
    }

    @Test("where no topic asks for it nothing waits for the disk")
    func withoutFlush() async throws {
        try await withSlowDisk { broker, connection, disk in
            try await connection.createTopic("t")
            try await connection.createTopic("short-lived", ["flush.messages": "1"])
            _ = try await connection.deleteTopic("short-lived")
            let producer = try await connection.beginTransaction("x")
            disk.hold()
            #expect(try await connection.addPartition("t", to: "x", producer) == .none)
            #expect(disk.waiting == 0)
        }
    }

    @Test("the start aborts what is open in a partition and unknown to the coordinator, and nothing else")
    func abandoned() async throws {
        let stranger = ProducerIdentity(id: 4711, epoch: 3)
        try await withTemporaryDirectory { folder in
            let producer = try await withBroker(in: folder, Self.settings) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t")
                _ = try await connection.call(FindCoordinatorRequest(coordinatorKeys: ["g"]))
                let producer = try await connection.beginTransaction("x")
                for topic in ["t", TopicName.consumerOffsets] {
                    let lost = try transactionalBatch("lost", stranger)
                    _ = try await first(of: topic, broker).append(lost, origin: .coordinator)
                }
                _ = try await connection.produce("known", to: "t", in: "x", producer, version: 12)
                return producer
            }
            try await withBroker(in: folder, Self.settings) { broker in
                let connection = try await broker.connect()
                for topic in ["t", TopicName.consumerOffsets] {
                    let partition = try first(of: topic, broker)
                    #expect(await partition.hasOngoingTransaction(of: stranger.id, epoch: stranger.epoch) == false)
                    await #expect(throws: AppendError.self) {
                        try await partition.append(try transactionalBatch("zombie", stranger), origin: .coordinator)
                    }
                }
                let kept = try first(of: "t", broker)
                #expect(await kept.hasOngoingTransaction(of: producer.id, epoch: producer.epoch))
                #expect(try await connection.endTransaction("x", producer, version: 5).errorCode == .none)
                #expect(try await connection.committed("t") == ["known"])
            }
        }
    }
}
