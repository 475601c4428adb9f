import KafkaMessages
import KafkaWire
import NIOCore
import Testing
import Transactions

@Suite("The log of transactions and what is told about them")
struct TransactionLogTests {
    @Test("every state is read as it was written, byte for byte as Kafka writes it")
    func roundTrip() throws {
        for state in TransactionState.allCases {
            var metadata = TransactionMetadata(
                producer: ProducerIdentity(id: 4000, epoch: 7), timeoutMilliseconds: 60_000, state: state,
                lastUpdateTimestamp: 1_700_000_000_001)
            metadata.previousProducerID = 3999
            metadata.startTimestamp = 1_700_000_000_000
            if state != .empty {
                metadata.partitions = [.init(topic: "t", partition: 1), .init(topic: "t", partition: 0)]
            }
            let record = try TransactionRecord(transactionalID: "a", metadata)
            #expect(try record.decode() == .transaction(transactionalID: "a", metadata))
        }
    }

    @Test("a record of Kafka's layout")
    func bytes() throws {
        var metadata = TransactionMetadata(
            producer: ProducerIdentity(id: 1, epoch: 2), timeoutMilliseconds: 3, state: .prepareCommit,
            lastUpdateTimestamp: 5)
        metadata.startTimestamp = 4
        metadata.partitions = [.init(topic: "t", partition: 6)]
        metadata.clientProtocol = .epochPerTransaction
        let record = try TransactionRecord(transactionalID: "a", metadata)
        #expect(Array(record.key.readableBytesView) == [0, 0, 0, 1, 97])
        let expected: [UInt8] =
            [0, 1] + [0, 0, 0, 0, 0, 0, 0, 1] + [0, 2] + [0, 0, 0, 3] + [2]
            + [2, 2, 116, 2, 0, 0, 0, 6, 0]  // one topic with one partition
            + [0, 0, 0, 0, 0, 0, 0, 5] + [0, 0, 0, 0, 0, 0, 0, 4]
            + [1, 2, 2, 0, 2]  // the client's transaction version is tag 2
        #expect(record.value.map { Array($0.readableBytesView) } == expected)
    }

    @Test("what this build does not know is passed over; what is damaged throws")
    func foreign() throws {
        var state = TransactionCoordinatorState(configuration: .init())
        state.startLoading(0, coordinatorEpoch: 0)
        #expect(try !state.apply(TransactionRecord(key: ByteBuffer(bytes: [0, 9, 1]), value: nil)))
        #expect(throws: WireError.self) {
            try state.apply(TransactionRecord(key: ByteBuffer(bytes: [0]), value: nil))
        }
        #expect(throws: WireError.self) {
            try state.apply(
                TransactionRecord(key: ByteBuffer(bytes: [0, 0, 0, 1, 97]), value: ByteBuffer(bytes: [0, 1, 0])))
        }
    }

    @Test("ids belong to the partition that Kafka puts them in")
    func partitions() {
        let configuration = TransactionConfiguration()
        #expect(configuration.partition(for: "a") == 47)
        #expect(configuration.partition(for: "polygenelubricants") == 0)  // hashes to -2^31
        #expect(configuration.partition(for: "my-transactional-id") < 50)
    }

    @Test("while a partition loads, its ids answer COORDINATOR_LOAD_IN_PROGRESS; when it goes, everyone is told")
    func comingAndGoing() throws {
        let harness = try TransactionHarness()
        let producer = try #require(harness.initialize()).producer
        harness.add(producer)
        harness.holds = true
        let ending = harness.submitEnd(producer)
        let waiting = harness.submitAdd(producer, [3])
        harness.perform(harness.coordinator.unload(0))
        #expect(harness.replies[ending]?.errorCode == .notCoordinator)
        #expect(harness.replies[waiting]?.errorCode == .notCoordinator)
        harness.completeAppend()
        harness.coordinator.startLoading(0, coordinatorEpoch: 1)
        #expect(harness.initialize()?.errorCode == .coordinatorLoadInProgress)
        #expect(harness.coordinator.waitingTickets.isEmpty)
        #expect(harness.coordinator.list(.init(), now: harness.now).errorCode == .coordinatorLoadInProgress)
    }

    @Test("DescribeTransactions tells state, producer, start and partitions")
    func describe() throws {
        let harness = try TransactionHarness()
        let producer = try #require(harness.initialize()).producer
        harness.add(producer, [1, 0])
        let told = harness.coordinator.describe("a")
        #expect(told.errorCode == ErrorCode.none)
        #expect(told.transactionState == "Ongoing")
        #expect(told.producerId == producer.id.rawValue)
        #expect(told.transactionStartTimeMs == TransactionHarness.wallStart)
        #expect(told.topics.map(\.partitions) == [[0, 1]])
        #expect(harness.coordinator.describe("b").errorCode == .transactionalIdNotFound)
        #expect(harness.coordinator.describe("").errorCode == .invalidRequest)
    }

    @Test("ListTransactions leaves out what its filters do not want and names states that do not exist")
    func list() throws {
        let harness = try TransactionHarness()
        let first = try #require(harness.initialize("a")).producer
        _ = harness.initialize("b")
        harness.add(first, id: "a")
        harness.advance(by: .seconds(5))
        func ids(_ change: (inout TransactionCoordinatorState.Filter) -> Void) -> [String] {
            var filter = TransactionCoordinatorState.Filter()
            change(&filter)
            return harness.coordinator.list(filter, now: harness.now).transactionStates.map(\.transactionalId)
        }
        #expect(ids { _ in } == ["a", "b"])
        #expect(ids { $0.states = ["Ongoing"] } == ["a"])
        #expect(ids { $0.producerIDs = [first.id] } == ["a"])
        #expect(ids { $0.durationMilliseconds = 4_000 } == ["a"])
        #expect(ids { $0.durationMilliseconds = 6_000 }.isEmpty)
        #expect(ids { $0.transactionalIDs = { $0 == "b" } } == ["b"])
        var filter = TransactionCoordinatorState.Filter()
        filter.states = ["Nonsense"]
        let reply = harness.coordinator.list(filter, now: harness.now)
        #expect(reply.unknownStateFilters == ["Nonsense"])
        #expect(reply.transactionStates.isEmpty)
    }
}
