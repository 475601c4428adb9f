import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@testable import Storage

/// A batch of records in a transaction, or outside one.
func makeTransactional(
    _ count: Int = 1, id: ProducerID, epoch: Int16 = 0, sequence: Int32, isTransactional: Bool = true,
    valueBytes: Int = 10
) throws -> ByteBuffer {
    var builder = RecordBatchBuilder()
    for number in 0..<count {
        builder.append(
            timestamp: 1000, key: nil, value: ByteBuffer(string: String(repeating: "\(number)", count: valueBytes)))
    }
    return try builder.finish(
        producerID: id, producerEpoch: epoch, baseSequence: sequence, isTransactional: isTransactional)
}

extension PartitionLog {
    @discardableResult
    func end(
        _ id: ProducerID, epoch: Int16 = 0, commit: Bool, coordinator: Int32 = 0, version: Int8 = 0
    ) throws(AppendError) -> AppendResult {
        try appendMarker(
            TransactionMarker(
                producerID: id, producerEpoch: epoch, isCommit: commit, coordinatorEpoch: coordinator,
                transactionVersion: version),
            leaderEpoch: 7, now: 0)
    }
}

@Suite("Transactions of a log")
struct TransactionLogTests {
    @Test("a batch opens a transaction, the marker ends it, and the oldest open one is where nothing is decided")
    func openAndEnd() throws {
        let log = try LogHarness().open()
        #expect(log.firstUnstableOffset == nil)
        try log.append(makeBatch())
        try log.append(makeTransactional(2, id: 1, sequence: 0))
        try log.append(makeTransactional(id: 2, sequence: 0))
        try log.append(makeTransactional(id: 1, sequence: 2))
        #expect(log.firstUnstableOffset == 1)
        #expect(log.hasOngoingTransaction(of: 1, epoch: 0) && !log.hasOngoingTransaction(of: 1, epoch: 1))
        #expect(try log.end(1, commit: true).firstOffset == 5)
        #expect(log.firstUnstableOffset == 3)
        #expect(try log.end(2, commit: false).firstOffset == 6)
        #expect(log.firstUnstableOffset == nil && !log.hasOngoingTransaction(of: 1, epoch: 0))
        #expect(
            try log.abortedTransactions(from: 0, upTo: 7)
                == [AbortedTransaction(producerID: 2, firstOffset: 3, lastOffset: 6, lastStableOffset: 7)])
    }

    @Test("the marker is a control batch in Kafka's layout")
    func layout() throws {
        let log = try LogHarness().open()
        try log.end(4, epoch: 3, commit: false, coordinator: 9)
        let read = try log.read(from: 0, maxBytes: 1000, below: 1)
        let header = try #require(try read.headers().first)
        #expect(header.isControl && header.isTransactional && header.baseSequence == -1)
        #expect(header.producerID == 4 && header.producerEpoch == 3)
        let record = try #require(try read.records().first)
        #expect(record.key == ByteBuffer(bytes: [0, 0, 0, 0]))
        #expect(record.value == ByteBuffer(bytes: [0, 0, 0, 0, 0, 9]))
    }

    @Test("aborted transactions are those that overlap, ascending by first offset")
    func overlap() throws {
        let log = try LogHarness().open()
        try log.append(makeTransactional(id: 1, sequence: 0))
        try log.append(makeTransactional(id: 2, sequence: 0))
        try log.append(makeTransactional(id: 3, sequence: 0))
        try log.end(3, commit: false)
        try log.end(2, commit: true)
        try log.end(1, commit: false)
        try log.append(makeTransactional(id: 2, sequence: 1))
        try log.end(2, commit: false)
        func found(_ start: Offset, _ end: Offset) throws -> [Offset] {
            try log.abortedTransactions(from: start, upTo: end).map(\.firstOffset)
        }
        #expect(try found(0, 8) == [0, 2, 6])
        #expect(try found(0, 1) == [0])
        #expect(try found(0, 2) == [0])
        #expect(try found(3, 4) == [0, 2])
        #expect(try found(4, 6) == [0])
        #expect(try found(6, 8) == [6])
        #expect(try found(0, 0) == [])
        #expect(try found(8, 8) == [])
    }

    @Test("a marker fences the batches and markers of older epochs, and an older coordinator's")
    func fencing() throws {
        let log = try LogHarness().open()
        try log.append(makeTransactional(id: 1, epoch: 2, sequence: 0))
        try log.end(1, epoch: 3, commit: false, coordinator: 5)
        #expect(throws: AppendError.fencedProducer(1, currentEpoch: 3, found: 2)) {
            try log.append(makeTransactional(id: 1, epoch: 2, sequence: 1))
        }
        #expect(throws: AppendError.fencedProducer(1, currentEpoch: 3, found: 2)) {
            try log.end(1, epoch: 2, commit: true, coordinator: 5)
        }
        let late = #expect(throws: AppendError.self) { try log.end(1, epoch: 3, commit: true, coordinator: 4) }
        #expect(late?.errorCode == .transactionCoordinatorFenced)
        #expect(throws: AppendError.outOfOrderSequence(1, expected: 0, found: 1)) {
            try log.append(makeTransactional(id: 1, epoch: 3, sequence: 1))
        }
        #expect(try log.append(makeTransactional(id: 1, epoch: 3, sequence: 0)).firstOffset == 2)
        #expect(log.logEnd == 3, "what was refused is not in the log")
    }

    @Test("a marker of the transaction's own epoch leaves the sequence as it was")
    func sameEpoch() throws {
        let log = try LogHarness().open()
        try log.append(makeTransactional(2, id: 1, sequence: 0))
        try log.end(1, commit: true)
        #expect(try log.append(makeTransactional(2, id: 1, sequence: 0)).isDuplicate)
        #expect(try log.append(makeTransactional(id: 1, sequence: 2)).firstOffset == 3)
        #expect(log.firstUnstableOffset == 3)
    }

    @Test("from transaction version 2 on a marker needs a newer epoch than the transaction it ends")
    func bumpedEpoch() throws {
        let log = try LogHarness().open()
        try log.append(makeTransactional(id: 1, epoch: 4, sequence: 0))
        #expect(throws: AppendError.fencedProducer(1, currentEpoch: 4, found: 4)) {
            try log.end(1, epoch: 4, commit: true, version: 2)
        }
        try log.end(1, epoch: 5, commit: true, version: 2)
        try log.end(1, epoch: 5, commit: true, version: 2)
        #expect(log.logEnd == 3, "a repeat of the same marker is harmless")
        try log.append(makeTransactional(id: 1, epoch: 5, sequence: 0))
        #expect(throws: AppendError.self) { try log.end(1, epoch: 5, commit: true, version: 2) }
        #expect(log.firstUnstableOffset == 3, "a late repeat does not end the next transaction")
    }

    @Test("while a transaction is open its producer sends nothing outside it")
    func mixing() throws {
        let log = try LogHarness().open()
        try log.append(makeTransactional(id: 1, sequence: 0))
        let error = #expect(throws: AppendError.self) {
            try log.append(makeTransactional(id: 1, sequence: 1, isTransactional: false))
        }
        #expect(error?.errorCode == .invalidTxnState)
        let frame = try makeFrame([
            makeTransactional(id: 2, sequence: 0), makeTransactional(id: 2, sequence: 1, isTransactional: false),
        ])
        #expect(throws: AppendError.outsideTransaction(2, since: 0)) { try log.append(frame) }
        try log.end(1, commit: true)
        try log.append(makeTransactional(id: 1, sequence: 1, isTransactional: false))
        #expect(log.firstUnstableOffset == nil)
    }

    @Test("a client cannot write a marker")
    func forged() throws {
        let log = try LogHarness().open()
        let forged = try TransactionMarker(
            producerID: 1, producerEpoch: 0, isCommit: true, coordinatorEpoch: 0
        ).batch(timestamp: 0)
        let error = #expect(throws: AppendError.self) { try log.append(forged) }
        #expect(error?.errorCode == .invalidRecord)
        #expect(log.logEnd == 0)
    }

    @Test("a marker without a transaction is written, aborts nothing and fences older epochs")
    func markerAlone() throws {
        let log = try LogHarness().open()
        try log.end(1, epoch: 1, commit: false)
        #expect(try log.abortedTransactions(from: 0, upTo: 1) == [])
        #expect(throws: AppendError.self) { try log.append(makeTransactional(id: 1, epoch: 0, sequence: 0)) }
        try log.append(makeTransactional(id: 1, epoch: 1, sequence: 0))
    }

    @Test("a marker gets in where max.message.bytes is smaller")
    func smallMessages() throws {
        var harness = LogHarness()
        harness.configuration.maxMessageBytes = 70
        let log = try harness.open()
        #expect(throws: AppendError.self) { try log.append(makeTransactional(id: 1, sequence: 0)) }
        try log.end(1, commit: false)
        #expect(log.logEnd == 1)
    }

    @Test("a coordinator's batches in a producer's name open a transaction and need no sequence")
    func coordinatorBatches() throws {
        let log = try LogHarness().open()
        for _ in 0..<2 {
            _ = try log.append(
                makeTransactional(id: 1, epoch: 1, sequence: -1), leaderEpoch: 0, now: 0, origin: .coordinator)
        }
        #expect(log.firstUnstableOffset == 0)
        #expect(throws: AppendError.fencedProducer(1, currentEpoch: 1, found: 0)) {
            try log.append(
                makeTransactional(id: 1, epoch: 0, sequence: -1), leaderEpoch: 0, now: 0, origin: .coordinator)
        }
        try log.end(1, epoch: 1, commit: false)
        #expect(try log.abortedTransactions(from: 1, upTo: 2).map(\.producerID) == [1])
    }

    @Test("deleting records past an open transaction moves on where nothing is decided, never below the log start")
    func deletedRecords() throws {
        let log = try LogHarness().open()
        try log.append(makeTransactional(5, id: 1, sequence: 0))
        try log.append(makeBatch(5))
        try log.advanceLogStart(to: 7)
        #expect(log.firstUnstableOffset == 7)
        try log.end(1, commit: false)
        #expect(log.firstUnstableOffset == nil)
        #expect(try log.abortedTransactions(from: 7, upTo: 11).map(\.firstOffset) == [0])
    }
}
