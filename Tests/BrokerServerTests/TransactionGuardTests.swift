import KafkaMessages
import KafkaRecords
import KafkaWire
import Metadata
import NIOCore
import Storage
import TestSupport
import Testing

@testable import BrokerServer
@testable import Transactions

/// What keeps a partition from taking what no transaction of a coordinator stands behind.
@Suite("Guards of transactions", .timeLimit(.minutes(5)))
struct TransactionGuardTests {
    private static let position = TopicPartition(topic: "t", partition: 0)

    /// A topic with a transaction open, and its partition.
    private func withOpenTransaction(
        _ operation: @Sendable (TestBroker, TestConnection, Partition, ProducerIdentity) async throws -> Void
    ) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let producer = try await connection.beginTransaction("x")
            let produced = try await connection.produce("a", to: "t", in: "x", producer, version: 12)
            try #require(produced.errorCode == .none)
            let partition = try #require(broker.broker.topics.partition(Self.position))
            try await operation(broker, connection, partition, producer)
        }
    }

    @Test("a marker of transaction.version 2 with the epoch of the open transaction is one of the transaction before")
    func lateMarker() async throws {
        try await withOpenTransaction { broker, connection, partition, producer in
            let order = MarkerOrder(
                transactionalID: "x", producer: producer, isCommit: true, coordinatorEpoch: 0,
                clientProtocol: .epochPerTransaction, partitions: [Self.position])
            let outcomes = await broker.broker.coordinators.markers.write(order)
            #expect(outcomes == [Self.position: .settled])
            #expect(await partition.hasOngoingTransaction(of: producer.id, epoch: producer.epoch))

            for (version, code) in [(Int8(2), ErrorCode.invalidProducerEpoch), (1, .none)] {
                let marker = WriteTxnMarkersRequest.WritableTxnMarker(
                    producerId: producer.id.rawValue, producerEpoch: producer.epoch, transactionResult: true,
                    topics: [.init(name: "t", partitionIndexes: [0])], coordinatorEpoch: 0,
                    transactionVersion: version)
                let response = try await connection.call(WriteTxnMarkersRequest(markers: [marker]), version: 2)
                #expect(response.markers[0].topics[0].partitions[0].errorCode == code)
                let isOpen = await partition.hasOngoingTransaction(of: producer.id, epoch: producer.epoch)
                #expect(isOpen == (version == 2))
            }
        }
    }

    @Test("a second batch for a partition is refused: nobody would have vouched for its transaction")
    func secondBatch() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            var frame = try batch(["plain"])
            frame.writeImmutableBuffer(try transactionalBatch("hidden", ProducerIdentity(id: 4711, epoch: 0)))
            for version: Int16 in [3, 8, 12] {
                let response = try await connection.call(produceRequest(frame, to: "t"), version: version)
                let answer = try #require(response.responses.first?.partitionResponses.first)
                #expect(answer.errorCode == .invalidRecord)
                if version >= 8 { #expect(answer.errorMessage?.contains("one record batch") == true) }
            }
            #expect(try await connection.listOffset(-1, of: "t").offset == 0)
        }
    }

    @Test("a marker that is refused takes back no word that was given to the present producer")
    func refusedMarker() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let partition = try #require(broker.broker.topics.partition(Self.position))
            func marker(_ epoch: Int16) -> TransactionMarker {
                TransactionMarker(producerID: 7, producerEpoch: epoch, isCommit: false, coordinatorEpoch: 0)
            }
            _ = try await partition.appendMarker(marker(5))
            let word = await partition.beginVerification(of: 7, epoch: 5)
            await #expect(throws: AppendError.self) { try await partition.appendMarker(marker(4)) }
            let records = try transactionalBatch("a", ProducerIdentity(id: 7, epoch: 5))
            _ = try await partition.begin(records, origin: .client, verification: word)
            #expect(await partition.hasOngoingTransaction(of: 7, epoch: 5))
        }
    }

    @Test("who comes while the coordinator's log is read is told that it loads, not to look elsewhere")
    func loading() async throws {
        try await withBroker { broker in
            let coordinator = broker.broker.coordinators.transactions
            await withTaskGroup(of: [ErrorCode].self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        do throws(TopicRefusal) { try await coordinator.prepare() } catch { return [error.code] }
                        return await coordinator.look { state, _ in
                            (0..<200).compactMap { state.availability(of: "\($0)") }
                        }
                    }
                }
                for await codes in group { #expect(codes.allSatisfy { $0 == .coordinatorLoadInProgress }) }
            }
        }
    }
}
