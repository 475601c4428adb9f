import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage
import Testing

@testable import Storage

@Suite("Cleaning a log")
struct CleaningTests {
    @Test("the newest value of every key stays at its offset; the active segment is not touched")
    func newest() throws {
        let cleaner = CleanerHarness()
        let log = try cleaner.log.open()
        for round in 0..<30 { try cleaner.append([("a", "\(round)"), ("b", "\(round)")], to: log) }
        let activeBase = log.active.baseOffset
        let end = log.logEnd
        let result = try #require(try cleaner.clean(log))
        #expect(result.end == activeBase && log.logEnd == end)
        let records = try log.readAll()
        let kept = records.filter { $0.offset < activeBase }
        #expect(kept.map(\.offset) == [activeBase - 2, activeBase - 1])
        #expect(records.count == 2 + Int(end - activeBase))
        #expect(result.statistics.droppedRecords == activeBase.rawValue - 2)
        #expect(try cleaner.clean(log, since: result.end) == nil)
    }

    @Test("cleaned segments are merged, begin where the one before ends, and are found again by every kind of start")
    func segments() throws {
        let cleaner = CleanerHarness()
        var log = try cleaner.log.open()
        for round in 0..<60 { try cleaner.append([("k\(round % 5)", "\(round)")], to: log) }
        // The first time every segment becomes small, the second time small ones are put together.
        let end = try #require(try cleaner.clean(log)).end
        for round in 60..<70 { try cleaner.append([("k\(round % 5)", "\(round)")], to: log) }
        let before = try cleaner.log.names(.log).count
        try cleaner.clean(log, since: end)
        let records = try log.readPairs()
        #expect(try cleaner.log.names(.log).count < before / 2)
        #expect(try cleaner.log.files.list(cleaner.log.folder).allSatisfy { !$0.contains("cleaned") })
        #expect(try cleaner.log.files.list(cleaner.log.folder).allSatisfy { !$0.hasSuffix("swap") })
        for name in try cleaner.log.files.list(cleaner.log.folder) where name.hasSuffix(".snapshot") {
            try cleaner.log.files.remove(cleaner.log.folder.appending(name))
        }
        for clean in [false, true] {
            log = try cleaner.log.open(clean: clean)
            #expect(log.recovery.removedSegments.isEmpty && log.recovery.cutBytes == 0)
            #expect(try log.readPairs() == records)
            try log.close()
        }
    }

    @Test("a read at an offset that is gone gives the next that is there, and looking up a time passes over gaps")
    func gaps() throws {
        let cleaner = CleanerHarness()
        let log = try cleaner.log.open()
        for round in 0..<40 {
            try cleaner.append([("same", "\(round)")], to: log, timestamp: Int64(round))
        }
        try cleaner.clean(log)
        let first = try #require(try log.readAll().first)
        for offset in 0...first.offset.rawValue {
            var read = try log.read(from: Offset(offset), maxBytes: 1, below: log.logEnd)
            while try read.records().isEmpty {
                read = try log.read(from: read.nextOffset, maxBytes: 1, below: log.logEnd)
            }
            #expect(try read.records().first?.offset == first.offset)
        }
        #expect(try log.offset(forTimestamp: 0)?.offset == first.offset)
        #expect(try log.maxTimestamp()?.offset == log.logEnd - 1)
    }

    @Test("nothing from the bound on is cleaned")
    func bound() throws {
        let cleaner = CleanerHarness()
        let log = try cleaner.log.open()
        for round in 0..<40 { try cleaner.append([("same", "\(round)")], to: log) }
        let bound = try log.segments()[2].baseOffset + 1
        let result = try #require(try cleaner.clean(log, below: bound))
        #expect(result.end == bound - 1)
        #expect(try log.readAll().first?.offset == bound - 2)
        #expect(try log.readAll().count == Int(log.logEnd - bound) + 2)
    }

    @Test("a tombstone stays until delete.retention.ms after the cleaning that met it")
    func tombstones() throws {
        var cleaner = CleanerHarness()
        cleaner.log.configuration.deleteRetentionMilliseconds = 100
        let log = try cleaner.log.open()
        func fill(_ round: Int) throws {
            for number in 0..<10 { try cleaner.append([("filler", "\(round).\(number)")], to: log) }
        }
        try cleaner.append([("gone", "1"), ("gone", nil)], to: log, timestamp: 5000)
        try fill(0)
        var end = try #require(try cleaner.clean(log, now: 1000)).end
        let tombstone = try #require(try log.readAll().first)
        #expect(tombstone.key == ByteBuffer(string: "gone") && tombstone.value == nil && tombstone.offset == 1)
        #expect(tombstone.timestamp == 5000, "the horizon is in the place of the base timestamp")
        let header = try #require(try log.readHeaders().first { $0.recordsCount > 0 })
        #expect(header.attributes.hasDeleteHorizon && header.baseTimestamp == 1100 && header.maxTimestamp == 5000)

        try fill(1)
        end = try #require(try cleaner.clean(log, since: end, now: 1099)).end
        #expect(try log.readPairs().first == "gone=-")
        try fill(2)
        try cleaner.clean(log, since: end, now: 1100)
        #expect(try log.readPairs().first?.hasPrefix("filler") == true)
    }

    @Test(
        "a batch of several records keeps its header's offsets, and a compressed one its codec",
        arguments: Compression.allCases)
    func batches(codec: Compression) throws {
        let cleaner = CleanerHarness()
        let log = try cleaner.log.open()
        var builder = RecordBatchBuilder()
        for (number, key) in ["a", "b", "a", "c"].enumerated() {
            builder.append(
                timestamp: 100 + Int64(number), key: ByteBuffer(string: key), value: ByteBuffer(string: "v\(number)"),
                headers: [RecordHeader(name: "n", value: ByteBuffer(string: "\(number)"))])
        }
        try log.append(builder.finish(compression: codec))
        for number in 0..<10 { try cleaner.append([("c", "\(number)")], to: log) }
        try cleaner.clean(log)
        let header = try #require(try log.readHeaders().first)
        #expect(header.baseOffset == 0 && header.lastOffsetDelta == 3 && header.recordsCount == 2)
        #expect(header.compression == codec && header.maxTimestamp == 102)
        let records = try log.readAll().prefix(2)
        #expect(records.map(\.offset) == [1, 2] && records.map(\.timestamp) == [101, 102])
        #expect(records.map(\.text) == ["v1", "v2"] && records[1].headers.first?.value == ByteBuffer(string: "2"))
    }

    @Test("a producer's last batch stays without records, so that its repeats are known after a crash")
    func producers() throws {
        let cleaner = CleanerHarness()
        var log = try cleaner.log.open()
        for sequence in 0..<5 {
            try log.append(cleaner.record("k", "\(sequence)", producer: TestProducer(id: 9, sequence: Int32(sequence))))
        }
        for number in 0..<20 { try cleaner.append([("k", "later \(number)")], to: log) }
        try cleaner.clean(log)
        let emptied = try log.readHeaders().filter { $0.producerID == 9 }
        #expect(emptied.map(\.baseSequence) == [4] && emptied.map(\.recordsCount) == [0])
        for name in try cleaner.log.files.list(cleaner.log.folder) where name.hasSuffix(".snapshot") {
            try cleaner.log.files.remove(cleaner.log.folder.appending(name))
        }
        log = try cleaner.log.open()
        let last = try cleaner.record("k", "4", producer: TestProducer(id: 9, sequence: 4))
        #expect(try log.append(last).isDuplicate)
        let next = try cleaner.record("k", "5", producer: TestProducer(id: 9, sequence: 5))
        #expect(try log.append(next).isDuplicate == false)
    }

    @Test("a map that is full cleans up to where it was full, and the rest another time")
    func smallMap() throws {
        var cleaner = CleanerHarness()
        cleaner.limits.keyMapBytes = KeyOffsetMap.slotBytes * 12
        let log = try cleaner.log.open()
        for round in 0..<4 {
            for key in 0..<25 { try cleaner.append([("k\(key)", "\(round)")], to: log) }
        }
        var checkpoint: Offset?
        var rounds = 0
        while let result = try cleaner.clean(log, since: checkpoint) {
            #expect(result.end > checkpoint ?? -1)
            checkpoint = result.end
            rounds += 1
        }
        #expect(rounds > 5)
        let cleanEnd = try #require(checkpoint)
        let kept = try log.readAll().filter { $0.offset < cleanEnd }
        #expect(kept.count == Set(kept.map { $0.key }).count)
        var tiny = cleaner
        tiny.limits.keyMapBytes = 1
        try log.append(makeFrame([makeBatch(2, key: "x")]))
        #expect(throws: CleaningError.self) {
            let other = try LogHarness.compacted(segmentBytes: 300).open()
            var builder = RecordBatchBuilder()
            for number in 0..<3 {
                builder.append(timestamp: 1, key: ByteBuffer(string: "\(number)"), value: ByteBuffer(string: "v"))
            }
            try other.append(builder.finish())
            for _ in 0..<10 { try other.append(makeBatch(2)) }
            try tiny.clean(other)
        }
    }

    @Test("a topic without compact is never cleaned")
    func policy() throws {
        var cleaner = CleanerHarness()
        cleaner.log.configuration.cleanupPolicy = .delete
        let log = try cleaner.log.open()
        for round in 0..<40 { try cleaner.append([("k", "\(round)")], to: log) }
        let result = try cleaner.clean(log)
        #expect(result == nil)
    }

    @Test("a consumer is given records as long as there are any, and not only batches without")
    func consumersRead() throws {
        let cleaner = CleanerHarness()
        let log = try cleaner.log.open()
        for round in 0..<60 { try cleaner.append([("k", "\(round)")], to: log) }
        _ = try cleaner.clean(log)
        #expect(try log.readHeaders().first?.recordsCount == 0, "a segment of which nothing is left")
        let read = try log.readRecords(from: 0, maxBytes: 100, below: log.logEnd)
        #expect(try read.headers().contains { $0.recordsCount > 0 })
        let bounded = try log.readRecords(from: 0, maxBytes: 100, below: try #require(read.firstBatchBase))
        #expect(try bounded.headers().map(\.recordsCount) == [0], "where nothing else follows, what there is")
        #expect(throws: ReadError.self) { try log.readRecords(from: -1, maxBytes: 1, below: log.logEnd) }
    }

    @Test("compact,delete does both")
    func both() throws {
        var cleaner = CleanerHarness()
        cleaner.log.configuration.cleanupPolicy = [.compact, .delete]
        cleaner.log.configuration.retentionMilliseconds = 100
        let log = try cleaner.log.open()
        for round in 0..<60 { try cleaner.append([("k\(round % 5)", "\(round)")], to: log, timestamp: Int64(round)) }
        try cleaner.clean(log, now: 60)
        let start = log.logStart
        try log.applyRetention(now: 155)
        #expect(log.logStart > start)
        #expect(try log.readAll().allSatisfy { $0.offset >= log.logStart })
    }

    @Test(
        "a batch that was damaged on the disk stops the cleaning and leaves the log as it was",
        arguments: [0, 64, 70] as [Int64])
    func damage(position: Int64) throws {
        let cleaner = CleanerHarness()
        let log = try cleaner.log.open()
        for round in 0..<40 { try cleaner.append([("k", "\(round)")], to: log) }
        try cleaner.log.damage(.log, 0, at: position, with: [1, 2, 3])
        try log.flush()
        let names = try cleaner.log.files.list(cleaner.log.folder)
        #expect(throws: CleaningError.self) { try cleaner.clean(log) }
        #expect(try cleaner.log.files.list(cleaner.log.folder) == names)
    }

    @Test("a segment that was deleted meanwhile is not brought back")
    func deletedMeanwhile() throws {
        var cleaner = CleanerHarness()
        cleaner.log.configuration.cleanupPolicy = [.compact, .delete]
        let log = try cleaner.log.open()
        for round in 0..<40 { try cleaner.append([("k", "\(round)")], to: log) }
        try log.flush()
        let plan = try #require(try log.planCleaning(since: nil, below: Offset(.max), now: 0))
        let cleaning = LogCleaning(plan, limits: cleaner.limits, seed: (1, 2)) { _ in }
        for segment in plan.dirtySegments {
            _ = try cleaning.readKeys(of: try #require(try log.cleaningSource(segment)))
        }
        let group = cleaning.finishKeys().groups[0]
        try cleaning.begin(group)
        for segment in group { try cleaning.add(try #require(try log.cleaningSource(segment))) }
        let cleaned = try #require(try cleaning.finish())
        try log.advanceLogStart(to: group[0].endOffset)
        try log.applyRetention(now: 0)
        let records = try log.readPairs()
        #expect(try !log.replaceSegments(with: cleaned))
        try cleaned.discard()
        #expect(try log.cleaningSource(group[0]) == nil)
        #expect(try cleaner.log.open().readPairs() == records)
    }

    @Test("a slice that was handed out before the cleaning still reads the old bytes")
    func slices() throws {
        let cleaner = CleanerHarness(log: .compacted(segmentBytes: 200_000))
        let log = try cleaner.log.open()
        for _ in 0..<60 { try log.append(makeBatch(40, valueBytes: 200)) }
        let read = try log.read(from: 0, maxBytes: 150_000, below: log.logEnd)
        #expect(read.payload.pieces.contains { if case .file = $0 { true } else { false } })
        try cleaner.clean(log)
        #expect(try read.records().count > 100)
        #expect(try log.read(from: 0, maxBytes: 150_000, below: log.logEnd).records().count < 100)
    }
}
