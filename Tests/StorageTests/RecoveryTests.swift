import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage
import Testing

@testable import Storage

@Suite("Restarts and recovery")
struct RecoveryTests {
    private func fill(_ log: PartitionLog, batches: Int = 30) throws {
        for number in 0..<batches { try log.append(makeBatch(1 + number % 4, timestamp: Int64(1000 + number))) }
    }

    /// Fails every read of a segment's file.
    private var noLogReads: FaultPlan {
        var plan = FaultPlan()
        plan.add(.read, on: ".log", times: .max, .fail(errno: 5))
        return plan
    }

    @Test("the files are named as Kafka names them")
    func names() throws {
        let harness = LogHarness.small()
        let log = try harness.open()
        try fill(log)
        let bases = try log.segments().map(\.baseOffset.rawValue)
        let digits = bases.map { String(repeating: "0", count: 20 - String($0).count) + String($0) }
        try log.close()
        #expect(try harness.names(.log) == digits.map { $0 + ".log" })
        #expect(try harness.names(.index) == digits.map { $0 + ".index" })
        #expect(try harness.names(.timeindex) == digits.map { $0 + ".timeindex" })
        #expect(LogFileName.parse("00000000000000000042.log")?.offset == 42)
        #expect(LogFileName.parse("42.log") == nil)
        #expect(LogFileName.parse("0000000000000000004x.log") == nil)
    }

    @Test("after a clean stop nothing of the log data is read, and the log goes on")
    func cleanRestart() throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        let harness = LogHarness.small(files)
        var log = try harness.open()
        try fill(log)
        let end = log.logEnd
        let segments = try log.segments()
        try log.close()
        files.use(noLogReads)
        log = try harness.open(clean: true)
        #expect(log.recovery == cleanReport)
        #expect(log.logEnd == end && log.logStart == 0)
        #expect(log.lastLeaderEpoch == 7)
        try log.close()
        files.use(FaultPlan())
        log = try harness.open(clean: true)
        #expect(try log.segments() == segments)
        #expect(try log.append(makeBatch()).firstOffset == end)
        #expect(try log.readAll().count == Int(end.rawValue) + 1)
    }

    private var cleanReport: RecoveryReport {
        var report = RecoveryReport()
        report.wasClean = true
        return report
    }

    @Test("a stop that only looked clean is found out by the size of the last segment")
    func falseMarker() throws {
        let harness = LogHarness.small()
        let log = try harness.open()
        try fill(log)
        try log.close()
        let last = try #require(try log.segments().last)
        try harness.damage(.log, last.baseOffset, at: last.byteCount, with: [1, 2, 3])
        let again = try harness.open(clean: true)
        #expect(!again.recovery.wasClean && again.recovery.cutBytes == 3)
        #expect(again.logEnd == log.logEnd)
    }

    @Test(
        "a tail torn at any byte is cut to the last whole batch",
        arguments: Array(stride(from: Int64(1), to: 140, by: 3)))
    func tornTail(missing: Int64) throws {
        let harness = LogHarness()
        let log = try harness.open()
        for number in 0..<4 { try log.append(makeBatch(values: ["\(number)", "x"])) }
        let batchBytes = log.byteCount / 4
        try harness.files.open(harness.folder.file(.log, 0)).truncate(to: log.byteCount - missing)
        let again = try harness.open()
        let whole = (log.byteCount - missing) / batchBytes
        #expect(again.logEnd == Offset(whole * 2))
        #expect(again.recovery.cutBytes == (log.byteCount - missing) % batchBytes)
        #expect(try again.append(makeBatch()).firstOffset == again.logEnd - 1)
        #expect(try again.readAll().count == Int(whole * 2) + 1)
    }

    @Test(
        "a byte changed in the last segment cuts there and the report says why",
        arguments: [0, 9, 16, 20, 40, 58, 70])
    func damagedBatch(byte: Int64) throws {
        let harness = LogHarness()
        let log = try harness.open()
        for _ in 0..<3 { try log.append(makeBatch(2)) }
        let batchBytes = log.byteCount / 3
        try harness.damage(.log, 0, at: batchBytes + byte, with: [0xEE])
        let again = try harness.open()
        #expect(again.logEnd == 2)
        #expect(again.recovery.cutBytes == 2 * batchBytes)
        #expect(again.recovery.reason != nil)
        #expect(try again.readAll().count == 2)
    }

    @Test("zeros at the end, as a file system leaves them, are cut")
    func zeros() throws {
        let harness = LogHarness()
        let log = try harness.open()
        try log.append(makeBatch(2))
        try harness.damage(.log, 0, at: log.byteCount, with: [UInt8](repeating: 0, count: 500))
        let again = try harness.open()
        #expect(again.logEnd == 2 && again.recovery.cutBytes == 500)
    }

    @Test("after a crash only the last segment is read, where the others are known to be durable")
    func lastSegmentOnly() throws {
        let files = MemoryFileSystem()
        let harness = LogHarness.small(files)
        let log = try harness.open()
        try fill(log)
        try log.flush()
        let last = try #require(try log.segments().last)
        files.crash()
        let again = try harness.open()
        #expect(again.recovery.scannedSegments == 1)
        #expect(again.recovery.scannedBytes == last.byteCount)
        #expect(again.recovery.cutBytes == 0)
        #expect(again.logEnd == log.logEnd)
    }

    @Test("segments that were not known to be durable are read too, and those after a damaged one removed")
    func earlierSegments() throws {
        let harness = LogHarness.small()
        let log = try harness.open()
        try fill(log, batches: 35)
        let segments = try log.segments()
        try #require(segments.count >= 3 && log.unflushedSegments.count == segments.count - 1)
        try harness.damage(.log, segments[1].baseOffset, at: 70, with: [0xEE])
        let again = try harness.open()
        #expect(again.logEnd == segments[1].baseOffset)
        #expect(again.recovery.removedSegments == segments.dropFirst(2).map(\.baseOffset))
        #expect(try harness.names(.log).count == 2)
        #expect(try again.readAll().count == Int(again.logEnd.rawValue))
    }

    @Test("indexes rebuilt are the indexes that were written")
    func rebuiltIndexes() throws {
        let files = MemoryFileSystem()
        let harness = LogHarness.small(files, segmentBytes: 4000)
        let log = try harness.open()
        try fill(log, batches: 100)
        let written = try (log.active.offsetIndex.entries(), log.active.timeIndex.entries())
        try #require(written.0.count > 3)
        let closed = try harness.bytes(.index, 0)
        let closedTimes = try harness.bytes(.timeindex, 0)
        for name in try files.list(harness.folder) where !name.hasSuffix(".log") {
            try files.remove(harness.folder.appending(name))
        }
        let again = try harness.open()
        #expect(try again.active.offsetIndex.entries() == written.0)
        #expect(try again.active.timeIndex.entries() == written.1)
        #expect(try harness.bytes(.index, 0) == closed)
        #expect(try harness.bytes(.timeindex, 0) == closedTimes)
    }

    @Test("what a crash left half done is removed: temporary files and indexes without a segment")
    func leftovers() throws {
        let harness = LogHarness.small()
        let log = try harness.open()
        try fill(log)
        try log.close()
        for name in ["00000000000000009999.index", "00000000000000009999.timeindex", "log-start-offset.tmp"] {
            _ = try harness.files.create(harness.folder.appending(name))
        }
        let names = try harness.files.list(harness.folder).filter { !$0.contains("9999") && !$0.hasSuffix(".tmp") }
        _ = try harness.open(clean: true)
        #expect(try harness.files.list(harness.folder) == names)
    }

    @Test("a damaged snapshot is passed over and the producers are read from the log")
    func damagedSnapshot() throws {
        let harness = LogHarness.small()
        var log = try harness.open()
        let batch = try makeBatch(producer: TestProducer(id: 5, sequence: 0))
        try log.append(batch)
        try log.close()
        try harness.damage(.snapshot, log.logEnd, at: 10, with: [0xEE])
        log = try harness.open(clean: true)
        #expect(try log.append(batch).isDuplicate)
    }

    @Test("two snapshots are kept, however often segments roll")
    func snapshots() throws {
        let harness = LogHarness.small()
        let log = try harness.open()
        for _ in 0..<10 {
            try fill(log, batches: 10)
            try log.flush()
        }
        #expect(try harness.names(.snapshot).count == PartitionLog.keptSnapshots)
    }

    @Test("a log that was never written to is clean after a clean stop and costs no write")
    func unused() throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        let harness = LogHarness(files: files)
        try harness.open().close()
        var plan = FaultPlan()
        for operation in [FileOperation.write, .sync, .create, .syncFolder] {
            plan.add(operation, times: .max, .fail(errno: 5))
        }
        files.use(plan)
        let log = try harness.open(clean: true)
        #expect(log.recovery.wasClean)
        try log.close()
    }

    @Test("the marker of a clean stop counts once")
    func marker() throws {
        let files = MemoryFileSystem()
        try files.makeFolder("/data")
        #expect(try !CleanShutdownMarker.take(in: "/data", files: files))
        try CleanShutdownMarker.write(in: "/data", files: files)
        files.crash()
        #expect(try CleanShutdownMarker.take(in: "/data", files: files))
        files.crash()
        #expect(try !CleanShutdownMarker.take(in: "/data", files: files))
    }
}
