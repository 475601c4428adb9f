import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage
import Testing

@testable import Storage

@Suite("Rolling, retention and deletion")
struct RetentionTests {
    private func fill(_ log: PartitionLog, batches: Int = 30, timestamp: Int64 = 1000) throws {
        for number in 0..<batches { try log.append(makeBatch(2, timestamp: timestamp + Int64(number))) }
    }

    @Test("no segment grows past segment.bytes")
    func rollBySize() throws {
        let log = try LogHarness.small().open()
        try fill(log, batches: 60)
        let segments = try log.segments()
        #expect(segments.count > 3)
        #expect(segments.allSatisfy { $0.byteCount <= 1000 && $0.byteCount > 800 || $0 == segments.last })
    }

    @Test("a segment is closed when its records span segment.ms, also over a restart")
    func rollByTime() throws {
        var harness = LogHarness()
        harness.configuration.segmentMilliseconds = 100
        var log = try harness.open()
        try log.append(makeBatch(timestamp: 1000))
        try log.append(makeBatch(timestamp: 1100))
        #expect(try log.segments().count == 1)
        try log.close()
        log = try harness.open(clean: true)
        try log.append(makeBatch(timestamp: 1101))
        #expect(try log.segments().map(\.baseOffset) == [0, 2])
    }

    @Test("a segment is closed when its index is full")
    func rollByIndex() throws {
        var harness = LogHarness()
        harness.configuration.indexIntervalBytes = 0
        harness.configuration.segmentIndexBytes = 40
        let log = try harness.open()
        try fill(log, batches: 13)
        #expect(try log.segments().count > 3)
        #expect(try log.readAll().count == 26)
    }

    @Test("retention by time moves the log start, survives a restart and reads below it are out of range")
    func byTime() throws {
        var harness = LogHarness.small()
        harness.configuration.retentionMilliseconds = 20
        var log = try harness.open()
        try fill(log)
        let before = try log.segments()
        let deleted = try log.applyRetention(now: 1040)
        #expect(!deleted.isEmpty && deleted == Array(before.prefix(deleted.count)))
        #expect(deleted.allSatisfy { $0.largestTimestamp < 1020 })
        let start = before[deleted.count].baseOffset
        #expect(log.logStart == start)
        #expect(throws: ReadError.offsetOutOfRange(0, start: start, end: log.logEnd)) {
            _ = try log.read(from: 0, maxBytes: 10, below: log.logEnd)
        }
        #expect(try harness.names(.log).count == before.count - deleted.count)
        #expect(try harness.names(.timeindex).first == LogFileName.name(.timeindex, start))
        try log.close()
        log = try harness.open(clean: true)
        #expect(log.logStart == start)
        #expect(try log.readAll().count == Int(log.logEnd - start))
    }

    @Test("when everything is past its time the log is empty and its end is kept, also after a crash")
    func everything() throws {
        let files = MemoryFileSystem()
        var harness = LogHarness.small(files)
        harness.configuration.retentionMilliseconds = 20
        var log = try harness.open()
        try fill(log)
        let end = log.logEnd
        try log.applyRetention(now: 99_999)
        #expect(log.logStart == end && log.byteCount == 0)
        files.crash()
        log = try harness.open()
        #expect(log.logStart == end && log.logEnd == end)
        #expect(try log.append(makeBatch()).firstOffset == end)
    }

    @Test("retention by size keeps at least retention.bytes")
    func bySize() throws {
        var harness = LogHarness.small()
        harness.configuration.retentionBytes = 2500
        harness.configuration.retentionMilliseconds = -1
        let log = try harness.open()
        try fill(log)
        try log.applyRetention(now: .max)
        #expect(log.byteCount >= 2500 && log.byteCount < 3500)
        #expect(try log.applyRetention(now: .max) == [])
    }

    @Test("nothing at or after the high watermark is deleted")
    func highWatermark() throws {
        var harness = LogHarness.small()
        harness.configuration.retentionMilliseconds = 0
        let log = try harness.open()
        try fill(log)
        let second = try log.segments()[1].baseOffset
        try log.applyRetention(now: 99_999, below: second + 1)
        #expect(log.logStart == second)
    }

    @Test("a log start inside a segment survives restarts; segments below it go")
    func logStart() throws {
        let harness = LogHarness.small()
        var log = try harness.open()
        try fill(log)
        let third = try log.segments()[2].baseOffset
        try log.advanceLogStart(to: third + 3)
        try log.advanceLogStart(to: 1)
        #expect(log.logStart == third + 3)
        #expect(try log.applyRetention(now: 0).count == 2)
        for clean in [false, true] {
            log = try harness.open(clean: clean)
            #expect(log.logStart == third + 3)
            try log.close()
        }
        #expect(throws: ReadError.self) { try log.advanceLogStart(to: log.logEnd + 1) }
    }

    @Test("a deleted log is gone from the disk, and a new one of the same name starts at 0")
    func delete() throws {
        let harness = LogHarness.small()
        let log = try harness.open()
        try fill(log)
        try log.delete()
        #expect(try harness.files.list("/data") == [])
        #expect(throws: AppendError.self) { try log.append(makeBatch()) }
        #expect(try harness.open().logEnd == 0)
    }

    @Test("a log whose deletion the disk refuses takes nothing more: its folder is the next topic's of the name")
    func refusedDelete() throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        let log = try LogHarness.small(files).open()
        try fill(log)
        var plan = FaultPlan()
        plan.add(.rename, after: 0, .fail(errno: 5))
        files.use(plan)
        #expect(throws: StorageError.self) { try log.delete() }
        #expect(log.isOffline)
        #expect(throws: AppendError.self) { try log.append(makeBatch()) }
    }

    @Test("a deletion that the end of the process interrupted is finished at the start")
    func interruptedDelete() throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        let harness = LogHarness.small(files)
        let log = try harness.open()
        try fill(log)
        var plan = FaultPlan()
        plan.add(.remove, after: 1, .fail(errno: 5))
        files.use(plan)
        #expect(throws: StorageError.self) { try log.delete() }
        #expect(try files.list("/data") == ["trains-0-delete"])
        try PartitionLog.removeDeletedFolders(in: "/data", files: files)
        #expect(try files.list("/data") == [])
    }
}

@Suite("Flushing")
struct FlushTests {
    @Test("flush.messages and flush.ms say when a flush is due")
    func policy() throws {
        var harness = LogHarness()
        harness.configuration.flushMessages = 5
        harness.configuration.flushMilliseconds = 100
        let log = try harness.open()
        #expect(!log.needsFlush(now: 9999))
        try log.append(makeBatch(2), now: 1000)
        try log.append(makeBatch(2), now: 1050)
        #expect(log.unflushedMessages == 4 && log.flushDeadline == 1100)
        #expect(!log.needsFlush(now: 1099))
        #expect(log.needsFlush(now: 1100))
        try log.append(makeBatch(), now: 1051)
        #expect(log.needsFlush(now: 1051))
        try log.flush()
        #expect(log.unflushedMessages == 0 && log.flushDeadline == nil)
        #expect(!log.needsFlush(now: 9999))
        let lazy = try LogHarness().open()
        try lazy.append(makeBatch(), now: 1000)
        #expect(!lazy.needsFlush(now: .max) && lazy.flushDeadline == nil)
    }

    @Test("flush work that runs elsewhere covers what was appended before, not what came after")
    func flushWork() throws {
        let files = MemoryFileSystem()
        let harness = LogHarness.small(files)
        let log = try harness.open()
        for _ in 0..<20 { try log.append(makeBatch(2)) }
        let work = try #require(try log.flushWork())
        for _ in 0..<20 { try log.append(makeBatch(2)) }
        try work.run()
        try log.finishFlush(work, failure: nil)
        #expect(log.unflushedMessages == 40)
        #expect(log.hasUnflushedSegments)
        files.crash()
        #expect(try harness.open().logEnd >= work.upTo)
    }

    @Test("closed segments can be made durable without the active one")
    func closedOnly() throws {
        let log = try LogHarness.small().open()
        for _ in 0..<10 { try log.append(makeBatch(2)) }
        let work = try #require(try log.flushWork(includingActiveSegment: false))
        #expect(work.active == nil)
        try work.run()
        try log.finishFlush(work, failure: nil)
        #expect(!log.hasUnflushedSegments)
        #expect(log.unflushedMessages == log.logEnd - log.active.baseOffset)
    }

    @Test("the number of segments that wait for a flush is bounded")
    func bound() throws {
        let log = try LogHarness.small().open()
        for _ in 0..<100 { try log.append(makeBatch(2)) }
        #expect(log.unflushedSegments.count <= PartitionLog.maximumUnflushedSegments)
    }
}
