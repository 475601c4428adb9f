import KafkaWire
import Testing
import Transactions

@Suite("Who may write under a transactional id")
struct ProducerTests {
    @Test("the first instance gets a new id with epoch 0, every later one the same id with the next epoch")
    func epochs() throws {
        let harness = try TransactionHarness()
        let first = try #require(harness.initialize()).producer
        #expect(first.epoch == 0)
        #expect(harness.initialize()?.producer == ProducerIdentity(id: first.id, epoch: 1))
        #expect(harness.initialize("b")?.producer.id != first.id)
        #expect(harness.state() == .empty)
    }

    @Test(
        "a timeout of nothing or above transaction.max.timeout.ms is INVALID_TRANSACTION_TIMEOUT",
        arguments: [0, -1, 900_001])
    func timeouts(timeout: Int32) throws {
        let harness = try TransactionHarness()
        #expect(harness.initialize(timeout: timeout)?.errorCode == .invalidTransactionTimeout)
        #expect(harness.initialize(timeout: 900_000)?.errorCode == ErrorCode.none)
        #expect(harness.coordinator.idCount == 1)
    }

    @Test("an empty id is INVALID_REQUEST, one whose partition is not here NOT_COORDINATOR")
    func names() throws {
        let harness = try TransactionHarness { $0.stateLogPartitions = 2 }
        #expect(harness.initialize("")?.errorCode == .invalidRequest)
        // "a" hashes to 97 and so to partition 1, which was never loaded; "b" to partition 0.
        #expect(harness.initialize("a")?.errorCode == .notCoordinator)
        #expect(harness.initialize("b")?.errorCode == ErrorCode.none)
    }

    @Test("a new instance aborts what the earlier one left open, is told to ask again, and fences it")
    func fencing() throws {
        let harness = try TransactionHarness()
        let first = try #require(harness.initialize()).producer
        harness.add(first)
        #expect(harness.initialize()?.errorCode == .concurrentTransactions)
        #expect(harness.markers(0) == [.marker(.init(id: first.id, epoch: 1), isCommit: false)])
        #expect(harness.initialize()?.producer == ProducerIdentity(id: first.id, epoch: 2))
        #expect(harness.add(first) == .producerFenced)
        #expect(harness.end(first)?.errorCode == .producerFenced)
        #expect(harness.end(first, by: .epochPerTransaction)?.errorCode == .producerFenced)
    }

    @Test("while a transaction is being completed a new instance is told CONCURRENT_TRANSACTIONS")
    func completing() throws {
        let harness = try TransactionHarness()
        let first = try #require(harness.initialize()).producer
        harness.add(first)
        harness.partitions[TransactionHarness.partition(0), default: .init()].isOffline = true
        harness.end(first)
        #expect(harness.initialize()?.errorCode == .concurrentTransactions)
        harness.partitions[TransactionHarness.partition(0)]?.isOffline = false
        harness.advance(by: .seconds(1))
        #expect(harness.initialize()?.errorCode == ErrorCode.none)
    }

    @Test("a producer that names its identity goes on with the next epoch, also when it has to ask twice (KIP-360)")
    func recovery() throws {
        let harness = try TransactionHarness()
        let first = try #require(harness.initialize()).producer
        let second = try #require(harness.initialize(expected: first)).producer
        #expect(second == ProducerIdentity(id: first.id, epoch: 1))
        #expect(harness.initialize(expected: first)?.producer == second)
        #expect(harness.initialize(expected: second)?.producer.epoch == 2)
        #expect(harness.initialize(expected: first)?.errorCode == .producerFenced)
        let stranger = ProducerIdentity(id: 77, epoch: 0)
        #expect(harness.initialize(expected: stranger)?.errorCode == .producerFenced)
    }

    @Test("a new instance fences one that names its identity afterwards")
    func recoveryAfterTakeover() throws {
        let harness = try TransactionHarness()
        let first = try #require(harness.initialize()).producer
        _ = harness.initialize()
        #expect(harness.initialize(expected: first)?.errorCode == .producerFenced)
    }

    @Test("when the epochs are used up the next instance gets a new id")
    func exhaustion() throws {
        let harness = try TransactionHarness(replaying: [try Self.record(epoch: ProducerIdentity.lastEpoch)])
        let old = ProducerIdentity(id: 5, epoch: ProducerIdentity.lastEpoch)
        let next = try #require(harness.initialize(expected: old)).producer
        #expect(next.id != 5)
        #expect(next.epoch == 0)
        // The answer was lost; the producer knows only its old id.
        #expect(harness.initialize(expected: old)?.producer == next)
    }

    @Test("fencing with the last epoch leads to a new id and never over the largest epoch")
    func exhaustionByFencing() throws {
        let harness = try TransactionHarness(replaying: [try Self.record(epoch: ProducerIdentity.lastEpoch)])
        harness.add(ProducerIdentity(id: 5, epoch: ProducerIdentity.lastEpoch))
        #expect(harness.initialize()?.errorCode == .concurrentTransactions)
        #expect(harness.markers(0) == [.marker(.init(id: 5, epoch: Int16.max), isCommit: false)])
        let next = try #require(harness.initialize()).producer
        #expect(next.epoch == 0)
        #expect(next.id != 5)
    }

    @Test("a failed append changes nothing, and an id that was never in the log is not kept")
    func failedAppend() throws {
        let harness = try TransactionHarness()
        harness.holds = true
        let ticket = harness.submitInitialize()
        harness.completeAppend(.kafkaStorageError)
        #expect(harness.replies[ticket]?.errorCode == .notCoordinator)
        #expect(harness.coordinator.idCount == 0)
    }

    @Test("ids beyond signalbox.transaction.max.ids are refused with POLICY_VIOLATION")
    func idBound() throws {
        let harness = try TransactionHarness { $0.maximumIDs = 2 }
        _ = harness.initialize("a")
        _ = harness.initialize("b")
        #expect(harness.initialize("c")?.errorCode == .policyViolation)
        #expect(harness.initialize("a")?.errorCode == ErrorCode.none)
    }

    @Test("an id without a transaction is forgotten after transactional.id.expiration.ms, with a tombstone")
    func expiration() throws {
        let harness = try TransactionHarness { $0.idExpirationMilliseconds = 7_200_000 }
        let quiet = try #require(harness.initialize("quiet")).producer
        let busy = try #require(harness.initialize("busy", timeout: 900_000)).producer
        harness.advance(by: .seconds(3_700))
        harness.add(busy, id: "busy")
        harness.end(busy, id: "busy")
        harness.advance(by: .seconds(7_200))
        #expect(harness.state("quiet") == nil)
        #expect(harness.state("busy") == .completeCommit)
        #expect(harness.add(quiet, id: "quiet") == .invalidProducerIdMapping)
        #expect(harness.log.last?.value == nil)
        try harness.restart()
        #expect(harness.coordinator.idCount == 1)
    }

    static func record(epoch: Int16) throws -> TransactionRecord {
        let metadata = TransactionMetadata(
            producer: ProducerIdentity(id: 5, epoch: epoch), timeoutMilliseconds: 60_000, state: .empty,
            lastUpdateTimestamp: TransactionHarness.wallStart)
        return try TransactionRecord(transactionalID: "a", metadata)
    }
}
