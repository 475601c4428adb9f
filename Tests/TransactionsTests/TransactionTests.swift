import KafkaWire
import Testing
import Transactions

@Suite("One transaction from its first partition to its last marker")
struct TransactionTests {
    @Test(
        "the outcome is answered when it is decided, and complete when every marker is written",
        arguments: [true, false])
    func end(commit: Bool) throws {
        let harness = try TransactionHarness()
        let producer = try #require(harness.initialize()).producer
        #expect(harness.add(producer, [0, 1]) == ErrorCode.none)
        #expect(harness.state() == .ongoing)
        harness.holds = true
        let ticket = harness.submitEnd(producer, commit: commit)
        #expect(harness.replies[ticket] == nil)
        harness.completeAppend()
        #expect(harness.replies[ticket]?.errorCode == ErrorCode.none)
        #expect(harness.state() == (commit ? .prepareCommit : .prepareAbort))
        harness.completeOrder()
        harness.completeAppend()
        #expect(harness.state() == (commit ? .completeCommit : .completeAbort))
        for number: Int32 in [0, 1] { #expect(harness.markers(number) == [.marker(producer, isCommit: commit)]) }
        #expect(harness.coordinator.pendingMarkerCount == 0)
    }

    @Test("an end asked twice is answered alike; the other outcome is INVALID_TXN_STATE")
    func classicRepeats() throws {
        let harness = try TransactionHarness()
        let producer = try #require(harness.initialize()).producer
        #expect(harness.end(producer)?.errorCode == .invalidTxnState)
        harness.add(producer)
        harness.partitions[TransactionHarness.partition(0), default: .init()].isOffline = true
        #expect(harness.end(producer)?.errorCode == ErrorCode.none)
        #expect(harness.end(producer)?.errorCode == .concurrentTransactions)
        #expect(harness.end(producer, commit: false)?.errorCode == .invalidTxnState)
        harness.partitions[TransactionHarness.partition(0)]?.isOffline = false
        harness.advance(by: .seconds(1))
        #expect(harness.end(producer)?.errorCode == ErrorCode.none)
        #expect(harness.end(producer, commit: false)?.errorCode == .invalidTxnState)
        #expect(harness.markers(0).count == 1)
    }

    @Test("from version 5 on every end raises the epoch, and a repeat is known by the old one (KIP-890)")
    func raisedEpochs() throws {
        let harness = try TransactionHarness()
        let producer = try #require(harness.initialize()).producer
        harness.add(producer, by: .epochPerTransaction)
        let next = ProducerIdentity(id: producer.id, epoch: producer.epoch + 1)
        #expect(harness.end(producer, by: .epochPerTransaction) == TransactionReply(.none, producer: next))
        #expect(harness.markers(0) == [.marker(next, isCommit: true)])
        #expect(harness.end(producer, by: .epochPerTransaction) == TransactionReply(.none, producer: next))
        #expect(harness.end(producer, commit: false, by: .epochPerTransaction)?.errorCode == .invalidTxnState)
        // With the new epoch this is the end of a transaction that never began.
        #expect(harness.end(next, by: .epochPerTransaction)?.errorCode == .invalidTxnState)
        #expect(harness.add(producer, by: .epochPerTransaction) == .producerFenced)
        #expect(harness.add(next, by: .epochPerTransaction) == ErrorCode.none)
        #expect(harness.end(producer, by: .epochPerTransaction)?.errorCode == .producerFenced)
    }

    @Test("a repeat is known after the coordinator died in between, too", arguments: [true, false])
    func raisedEpochsAfterCrash(commit: Bool) throws {
        let harness = try TransactionHarness()
        let producer = try #require(harness.initialize()).producer
        harness.add(producer, by: .epochPerTransaction)
        harness.end(producer, commit: commit, by: .epochPerTransaction)
        try harness.restart()
        let next = ProducerIdentity(id: producer.id, epoch: producer.epoch + 1)
        #expect(
            harness.end(producer, commit: commit, by: .epochPerTransaction) == TransactionReply(.none, producer: next))
    }

    @Test("with the epochs used up an end answers a new id, and a repeat of it, too")
    func raisedOverTheLast() throws {
        let harness = try TransactionHarness(
            replaying: [try ProducerTests.record(epoch: ProducerIdentity.lastEpoch)])
        let producer = ProducerIdentity(id: 5, epoch: ProducerIdentity.lastEpoch)
        harness.add(producer, by: .epochPerTransaction)
        harness.holds = true
        let ticket = harness.submitEnd(producer, by: .epochPerTransaction)
        harness.completeAppend()
        let next = try #require(harness.replies[ticket]).producer
        #expect(next.epoch == 0)
        #expect(next.id != 5)
        // The producer goes on at once, while the markers of the old id are being written.
        let early = harness.submitAdd(next, by: .epochPerTransaction)
        #expect(harness.replies[early] == nil)
        harness.release()
        #expect(harness.replies[early]?.errorCode == ErrorCode.none)
        #expect(harness.markers(0) == [.marker(.init(id: 5, epoch: Int16.max), isCommit: true)])
        #expect(harness.end(next, by: .epochPerTransaction)?.errorCode == ErrorCode.none)
        #expect(harness.end(producer, by: .epochPerTransaction)?.errorCode == .invalidProducerIdMapping)
    }

    @Test("a repeat of the end that used up the epochs is answered the new id, also after a crash")
    func raisedOverTheLastRepeated() throws {
        let harness = try TransactionHarness(
            replaying: [try ProducerTests.record(epoch: ProducerIdentity.lastEpoch)])
        let producer = ProducerIdentity(id: 5, epoch: ProducerIdentity.lastEpoch)
        harness.add(producer, by: .epochPerTransaction)
        let reply = harness.end(producer, by: .epochPerTransaction)
        #expect(harness.end(producer, by: .epochPerTransaction) == reply)
        try harness.restart()
        #expect(harness.end(producer, by: .epochPerTransaction) == reply)
    }

    @Test("from version 5 on a transaction without partitions may be aborted, and raises the epoch all the same")
    func emptyAbort() throws {
        let harness = try TransactionHarness()
        let producer = try #require(harness.initialize()).producer
        let second = try #require(harness.end(producer, commit: false, by: .epochPerTransaction))
        #expect(second == TransactionReply(.none, producer: .init(id: producer.id, epoch: 1)))
        #expect(harness.state() == .completeAbort)
        let third = harness.end(second.producer, commit: false, by: .epochPerTransaction)
        #expect(third?.producer.epoch == 2)
        #expect(harness.end(third?.producer ?? .none, commit: false)?.errorCode == ErrorCode.none)
    }

    @Test("a transaction over its timeout is aborted, and its producer is fenced")
    func timeout() throws {
        let harness = try TransactionHarness()
        let producer = try #require(harness.initialize(timeout: 20_000)).producer
        harness.add(producer, by: .epochPerTransaction)
        harness.advance(by: .seconds(20))
        #expect(harness.state() == .ongoing)
        harness.advance(by: .seconds(10))
        #expect(harness.state() == .completeAbort)
        #expect(harness.markers(0) == [.marker(.init(id: producer.id, epoch: 1), isCommit: false)])
        #expect(harness.add(producer) == .producerFenced)
        // The raised epoch must not pass for the answer to an end of the producer's own.
        for commit in [true, false] {
            #expect(harness.end(producer, commit: commit)?.errorCode == .producerFenced)
            #expect(harness.end(producer, commit: commit, by: .epochPerTransaction)?.errorCode == .producerFenced)
        }
        try harness.restart()
        #expect(harness.end(producer, commit: false, by: .epochPerTransaction)?.errorCode == .producerFenced)
    }

    @Test("the time a transaction has goes on over a restart")
    func timeoutOverRestart() throws {
        let harness = try TransactionHarness()
        let producer = try #require(harness.initialize(timeout: 20_000)).producer
        harness.add(producer)
        harness.advance(by: .seconds(15))
        try harness.restart()
        harness.advance(by: .seconds(10))
        #expect(harness.state() == .completeAbort)
    }

    @Test("partitions that are there already cost no record; a stranger's are INVALID_PRODUCER_ID_MAPPING")
    func adding() throws {
        let harness = try TransactionHarness()
        let producer = try #require(harness.initialize()).producer
        harness.add(producer, [0, 1])
        let before = harness.log.count
        #expect(harness.add(producer, [1]) == ErrorCode.none)
        #expect(harness.log.count == before)
        #expect(harness.add(.init(id: 1, epoch: 0)) == .invalidProducerIdMapping)
        #expect(harness.add(producer, id: "nobody") == .invalidProducerIdMapping)
        #expect(harness.add(.init(id: producer.id, epoch: 3)) == .producerFenced)
    }

    @Test("a request for the next transaction waits for the present one, and is told so when that takes too long")
    func waiting() throws {
        let harness = try TransactionHarness { $0.maximumWaiting = 2 }
        let producer = try #require(harness.initialize()).producer
        harness.add(producer)
        harness.partitions[TransactionHarness.partition(0), default: .init()].isOffline = true
        harness.end(producer)
        let patient = (0..<2).map { harness.submitAdd(producer, [Int32($0)]) }
        #expect(harness.add(producer) == .concurrentTransactions)
        #expect(patient.allSatisfy { harness.replies[$0] == nil })
        harness.advance(by: .milliseconds(100))
        #expect(patient.allSatisfy { harness.replies[$0]?.errorCode == .concurrentTransactions })
        let lucky = harness.submitAdd(producer)
        harness.partitions[TransactionHarness.partition(0)]?.isOffline = false
        harness.advance(by: .milliseconds(400))
        // The markers are tried again after half a second, and the request's time is up before that.
        #expect(harness.replies[lucky]?.errorCode == .concurrentTransactions)
        harness.advance(by: .milliseconds(100))
        #expect(harness.add(producer) == ErrorCode.none)
        #expect(harness.coordinator.parkedCount == 0)
    }

    @Test("a partition belongs to a transaction or producing there is TRANSACTION_ABORTABLE")
    func verification() throws {
        let harness = try TransactionHarness()
        let producer = try #require(harness.initialize()).producer
        func verify(_ producer: ProducerIdentity, id: String = "a") -> ErrorCode? {
            let partition = TransactionHarness.partition(0)
            return harness.coordinator.verify(id, producer: producer, partitions: [partition])[partition]
        }
        #expect(verify(producer) == .transactionAbortable)
        harness.add(producer, [1])
        #expect(verify(producer) == .transactionAbortable)
        harness.add(producer, [0])
        #expect(verify(producer) == ErrorCode.none)
        #expect(verify(.init(id: producer.id, epoch: 9)) == .producerFenced)
        #expect(verify(producer, id: "b") == .invalidProducerIdMapping)
        harness.partitions[TransactionHarness.partition(0), default: .init()].isOffline = true
        harness.end(producer)
        #expect(verify(producer) == .concurrentTransactions)
    }

    @Test("markers that a partition does not take are repeated until it does; the others are written once")
    func offlinePartition() throws {
        let harness = try TransactionHarness()
        let producer = try #require(harness.initialize()).producer
        harness.add(producer, [0, 1])
        harness.partitions[TransactionHarness.partition(1), default: .init()].isOffline = true
        harness.end(producer)
        harness.advance(by: .seconds(5))
        #expect(harness.state() == .prepareCommit)
        #expect(harness.coordinator.pendingMarkerCount == 1)
        #expect(harness.markers(0).count == 1)
        harness.partitions[TransactionHarness.partition(1)]?.isOffline = false
        harness.advance(by: .seconds(1))
        #expect(harness.state() == .completeCommit)
        #expect(harness.markers(0).count == 1)
        #expect(harness.markers(1).count == 1)
    }

    @Test("a completion whose append fails is repeated")
    func failedCompletion() throws {
        let harness = try TransactionHarness()
        let producer = try #require(harness.initialize()).producer
        harness.add(producer)
        harness.holds = true
        harness.submitEnd(producer)
        harness.completeAppend()
        harness.completeOrder()
        harness.completeAppend(.kafkaStorageError)
        #expect(harness.state() == .prepareCommit)
        harness.release()
        harness.advance(by: .seconds(1))
        #expect(harness.state() == .completeCommit)
        #expect(harness.markers(0).count == 1)
    }

    @Test("bounds: partitions of a transaction, records on their way, markers not written")
    func bounds() throws {
        let harness = try TransactionHarness {
            $0.maximumPartitions = 2
            $0.maximumPendingMarkers = 2
            $0.maximumPendingAppends = 1
        }
        let producer = try #require(harness.initialize()).producer
        let other = try #require(harness.initialize("b")).producer
        #expect(harness.add(producer, [0, 1, 2]) == .policyViolation)
        #expect(harness.add(producer, [0, 1]) == ErrorCode.none)
        #expect(harness.add(other, [0, 1], id: "b") == ErrorCode.none)
        harness.partitions[TransactionHarness.partition(0), default: .init()].isOffline = true
        #expect(harness.end(producer)?.errorCode == ErrorCode.none)
        #expect(harness.end(other, id: "b")?.errorCode == .coordinatorNotAvailable)
        harness.holds = true
        harness.submitInitialize("c")
        #expect(harness.initialize("d")?.errorCode == .coordinatorNotAvailable)
    }
}
