import KafkaMessages
import KafkaWire
import Metadata
import NIOCore
import NIOPosix
import Storage
import Synchronization
import TestSupport
import Testing
import Transactions

@testable import BrokerServer

@Suite("What comes in the wrong order to a transaction", .timeLimit(.minutes(5)))
struct TransactionOrderTests {
    @Test("a batch that overtook a refused first one waits for it (KIP-890), where the broker adds partitions")
    func overtaking() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let producer = try await connection.beginTransaction("x")
            func produce(_ sequence: Int32) async throws -> ErrorCode {
                try await connection.produce(
                    "\(sequence)", to: "t", in: "x", producer, sequence: sequence, version: 12
                ).errorCode
            }
            #expect(try await produce(1) == .outOfOrderSequenceNumber)
            for sequence: Int32 in 0...2 { #expect(try await produce(sequence) == .none) }
            #expect(try await connection.endTransaction("x", producer, version: 5).errorCode == .none)
            #expect(try await connection.committed("t") == ["0", "1", "2"])
        }
    }

    @Test("a producer whose transactions share an epoch may begin at any sequence where nothing is known of it")
    func sharedEpoch() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let producer = try await connection.beginTransaction("x")
            #expect(try await connection.addPartition("t", to: "x", producer) == .none)
            let answer = try await connection.produce("7", to: "t", in: "x", producer, sequence: 7, version: 11)
            #expect(answer.errorCode == .none)
        }
    }

    /// Says yes, and has the transaction ended before that is heard; then says no.
    private final class EndingAdmission: TransactionAdmission {
        let groups: GroupCoordinator
        private let calls = Mutex(0)

        init(groups: GroupCoordinator) { self.groups = groups }

        var callCount: Int { calls.withLock { $0 } }

        func admit(
            transactionalID: String, producerID: ProducerID, producerEpoch: Int16, partitions: [TopicPartition],
            adding: Bool
        ) async -> [TopicPartition: ErrorCode] {
            let call = calls.withLock { calls in
                calls += 1
                return calls
            }
            let refused = Dictionary(uniqueKeysWithValues: partitions.map { ($0, ErrorCode.invalidTxnState) })
            if call > 1 { return refused }
            let marker = TransactionMarker(
                producerID: producerID, producerEpoch: producerEpoch, isCommit: false, coordinatorEpoch: 0)
            do {
                for partition in partitions { try await groups.appendMarker(marker, partition: partition.partition) }
            } catch {
                Issue.record(error)
            }
            return [:]
        }
    }

    @Test("offsets that were vouched for before their transaction's marker, and come behind it, are refused")
    func lateOffsets() async throws {
        try await withBroker(["offsets.topic.num.partitions": "1"]) { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            _ = try await connection.call(FindCoordinatorRequest(coordinatorKeys: ["g"]))
            let groups = broker.broker.coordinators.groups
            let admission = EndingAdmission(groups: groups)
            let handler = TxnOffsetCommitHandler(
                coordinator: groups, topics: broker.broker.topics, transactions: admission)
            let context = RequestContext(
                version: 3, clientID: "c", clientHost: "127.0.0.1", advertised: .init(host: "127.0.0.1", port: 1),
                eventLoop: MultiThreadedEventLoopGroup.singleton.next())
            let request = TxnOffsetCommitRequest(
                transactionalId: "x", groupId: "g", producerId: 5, producerEpoch: 0,
                topics: [.init(name: "t", partitions: [.init(partitionIndex: 0, committedOffset: 1)])])
            guard case .now(let response) = await handler.handle(request, context) else {
                Issue.record("the offsets were taken")
                return
            }
            #expect(response.topics.first?.partitions.first?.errorCode == .invalidTxnState)
            #expect(admission.callCount == 2)
            let position = TopicPartition(topic: TopicName.consumerOffsets, partition: 0)
            let partition = try #require(broker.broker.topics.partition(position))
            #expect(await partition.hasOngoingTransaction(of: 5, epoch: 0) == false)
        }
    }
}
