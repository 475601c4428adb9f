import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage
import Testing

@testable import Storage

@Suite("Indexes of aborted transactions")
struct TransactionIndexTests {
    /// One aborted transaction of a record for each of the first `count` even offsets.
    private func makeLog(_ harness: LogHarness, aborted count: Int) throws -> PartitionLog {
        let log = try harness.open()
        for number in 0..<count {
            try log.append(makeTransactional(id: 1, sequence: Int32(number)))
            try log.end(1, commit: false)
        }
        return log
    }

    private func found(_ log: PartitionLog) throws -> [Offset] {
        try log.abortedTransactions(from: log.logStart, upTo: log.logEnd).map(\.firstOffset)
    }

    @Test("an entry is Kafka's 34 bytes")
    func layout() throws {
        let transaction = AbortedTransaction(producerID: 5, firstOffset: 6, lastOffset: 7, lastStableOffset: 8)
        var bytes = ByteBuffer()
        transaction.write(to: &bytes)
        #expect(bytes.readableBytes == AbortedTransaction.byteCount)
        let expected: [UInt8] = [0, 0] + [5, 6, 7, 8].flatMap { [UInt8](repeating: 0, count: 7) + [$0] }
        #expect(Array(bytes.readableBytesView) == expected)
        #expect(AbortedTransaction(from: &bytes) == transaction)
        var other = ByteBuffer(bytes: [0, 1] + expected.dropFirst(2))
        #expect(AbortedTransaction(from: &other) == nil, "a version that is not known")
    }

    @Test("only segments with the end of an aborted transaction have a file, and it goes with the segment")
    func files() throws {
        var harness = LogHarness.small(segmentBytes: 400)
        harness.configuration.retentionBytes = 0
        harness.configuration.retentionMilliseconds = -1
        let log = try harness.open()
        for number in Int32(0)..<10 {
            try log.append(makeTransactional(id: 1, sequence: number))
            try log.end(1, commit: true)
        }
        #expect(try harness.names(.txnindex) == [])
        for number in Int32(10)..<20 {
            try log.append(makeTransactional(id: 1, sequence: number))
            try log.end(1, commit: false)
        }
        try log.close()
        let names = try harness.names(.txnindex)
        let segments = try harness.names(.log)
        #expect(!names.isEmpty && names.count < segments.count)
        let again = try harness.open(clean: true)
        #expect(try found(again).count == 10)
        try again.applyRetention(now: 0)
        try again.close()
        let kept = Set(try harness.names(.log).map { $0.prefix(20) })
        #expect(try harness.names(.txnindex).allSatisfy { kept.contains($0.prefix(20)) })
    }

    @Test("a long index is searched, not read from its start, and gives the same at every place")
    func long() throws {
        let harness = LogHarness(configuration: LogConfiguration())
        let log = try makeLog(harness, aborted: 1500)
        try log.close()
        let again = try harness.open(clean: true)
        for start in stride(from: 0, to: 3000, by: 97) {
            let offset = Offset(Int64(start))
            let expected = (0..<1500).filter { 2 * $0 + 1 >= start && 2 * $0 < start + 40 }.map { Int64(2 * $0) }
            let found = try again.abortedTransactions(from: offset, upTo: offset + 40).map(\.firstOffset.rawValue)
            #expect(found == expected)
        }
    }

    @Test("a damaged index is made anew from the log", arguments: [0, 1, 2, 3])
    func damaged(how: Int) throws {
        let harness = LogHarness.small(segmentBytes: 1000)
        let log = try makeLog(harness, aborted: 30)
        let all = try found(log)
        #expect(all.count == 30)
        try log.close()
        let names = try harness.names(.txnindex)
        let (_, base) = try #require(LogFileName.parse(names[names.count / 2]))
        let bytes = try #require(try harness.bytes(.txnindex, base)).readableBytes
        switch how {
        case 0: try harness.files.open(harness.folder.file(.txnindex, base)).truncate(to: Int64(bytes - 1))
        case 1: try harness.damage(.txnindex, base, at: 34, with: [9])
        case 2: try harness.damage(.txnindex, base, at: 18, with: [UInt8](repeating: 0x7f, count: 8))
        default: try harness.damage(.txnindex, base, at: 10, with: [0xff])
        }
        let again = try harness.open(clean: true)
        #expect(try found(again) == all)
        try again.close()
        #expect(try found(harness.open(clean: true)) == all)
        #expect(try found(harness.open(clean: false)) == all)
    }

    @Test("an index that the disk cannot write keeps its entries in memory and writes them later")
    func failedWrite() throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        let harness = LogHarness.small(files, segmentBytes: 300)
        let log = try makeLog(harness, aborted: 1)
        var plan = FaultPlan()
        plan.add(.write, on: ".txnindex", .fail(errno: 28))
        files.use(plan)
        #expect(throws: AppendError.self) { try log.append(makeBatch(valueBytes: 200)) }
        #expect(try found(log) == [0])
        try log.append(makeBatch(valueBytes: 200))
        #expect(try harness.names(.txnindex).count == 1)
        #expect(try found(log) == [0])
        #expect(try found(harness.open()) == [0])
    }

    @Test("a producer with an open transaction is never forgotten, however long it is silent and however many come")
    func neverForgotten() {
        var table = ProducerStateTable()
        func record(_ id: Int64, transactional: Bool, at offset: Int64, now: Int64) {
            let header = RecordBatchHeader(
                batchLength: 100, checksum: 0,
                attributes: RecordBatchAttributes(compression: .none, isTransactional: transactional),
                lastOffsetDelta: 0, baseTimestamp: 0, maxTimestamp: 0, producerID: ProducerID(id), producerEpoch: 0,
                baseSequence: 0, recordsCount: 1)
            table.record(header, firstOffset: Offset(offset), now: now)
        }
        record(1, transactional: true, at: 0, now: 0)
        record(2, transactional: false, at: 1, now: 0)
        #expect(table.expire(now: 1_000_000, expiration: 10) == 1)
        #expect(table[1] != nil && table[2] == nil)
        for number in 0...Int64(ProducerStateTable.maximumProducers) {
            record(100 + number, transactional: false, at: 2 + number, now: 5)
        }
        #expect(table[1] != nil && table.firstOpenOffset == 0)
        #expect(table.count <= ProducerStateTable.maximumProducers + 1)
    }

    @Test("a snapshot keeps open transactions and the epochs of coordinators")
    func snapshot() throws {
        let log = try LogHarness().open()
        try log.append(makeTransactional(id: 1, sequence: 0))
        try log.append(makeTransactional(id: 2, epoch: 3, sequence: 0))
        try log.end(2, epoch: 4, commit: true, coordinator: 8)
        try log.append(makeTransactional(id: 3, sequence: 0))
        let snapshot = LogSnapshot(producers: log.producers, segmentBytes: 1, lastLeaderEpoch: 2)
        let read = try #require(LogSnapshot(decoding: snapshot.encoded()))
        #expect(read == snapshot)
        #expect(read.producers.openTransactions.map(\.firstOffset) == [0, 3])
        #expect(read.producers[2]?.coordinatorEpoch == 8 && read.producers[2]?.epoch == 4)
    }
}
