import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage
import Testing

@testable import Storage

@Suite("Bits that flip on the disk")
struct DamageTests {
    /// A log of several segments, closed cleanly.
    private func closedLog(batches: Int = 40) throws -> (harness: LogHarness, segments: [SegmentInfo]) {
        let harness = LogHarness.small()
        let log = try harness.open()
        for number in 0..<batches {
            try log.append(
                makeBatch(
                    1 + number % 3, timestamp: Int64(1000 + number * 10),
                    producer: TestProducer(id: ProducerID(Int64(number)), sequence: 0)))
        }
        let segments = try log.segments()
        try log.close()
        try #require(segments.count >= 4)
        return (harness, segments)
    }

    private func flip(_ path: FilePath, bit: Int, _ files: any FileSystem) throws {
        let file = try files.open(path)
        let byte = try file.readExactly(1, at: Int64(bit / 8))
        let flipped = (byte.getInteger(at: byte.readerIndex) ?? UInt8(0)) ^ UInt8(1 << (bit % 8))
        try file.write([ByteBuffer(bytes: [flipped])], at: Int64(bit / 8))
    }

    /// Flips every bit of a file in turn and opens the log after each.
    private func forEachBit(
        of path: FilePath, _ harness: LogHarness, isClean: Bool = true, step: Int = 1,
        _ check: (PartitionLog) throws -> Void
    ) throws {
        let names = try harness.files.list(harness.folder)
        var contents: [String: ByteBuffer] = [:]
        for name in names { contents[name] = try harness.files.contents(of: harness.folder.appending(name)) }
        let size = try #require(try harness.files.byteCount(of: path))
        for bit in stride(from: 0, to: Int(size) * 8, by: step) {
            try flip(path, bit: bit, harness.files)
            try check(harness.open(clean: isClean))
            try harness.files.removeFolder(harness.folder)
            try harness.files.makeFolder(harness.folder)
            for (name, bytes) in contents {
                try harness.files.create(harness.folder.appending(name)).write([bytes], at: 0)
            }
        }
    }

    @Test("in an index: every record is found at its offset, for the index is compared with the log and made anew")
    func offsetIndex() throws {
        let (harness, segments) = try closedLog()
        for segment in [segments[1], segments[segments.count - 1]] {
            try forEachBit(of: harness.folder.file(.index, segment.baseOffset), harness) { (log: PartitionLog) throws in
                for offset in stride(from: log.logEnd.rawValue - 1, through: 0, by: -7) {
                    let read = try log.read(from: Offset(offset), maxBytes: 1, below: log.logEnd)
                    let header = try #require(try read.headers().first)
                    #expect(header.baseOffset.rawValue <= offset && header.lastOffset.rawValue >= offset)
                }
            }
        }
    }

    @Test("in a time index: segments keep their times, so that retention and look-ups by time are right")
    func timeIndex() throws {
        let (harness, segments) = try closedLog()
        let times = [1000, 1055, 1200, 1390].map(Int64.init)
        let whole = try harness.open(clean: true)
        let expected = try times.map { try whole.offset(forTimestamp: $0) }
        try whole.close()
        for segment in [segments[1], segments[segments.count - 1]] {
            try forEachBit(of: harness.folder.file(.timeindex, segment.baseOffset), harness, step: 3) {
                (log: PartitionLog) throws in
                #expect(try log.segments().map(\.largestTimestamp) == segments.map(\.largestTimestamp))
                #expect(try times.map { try log.offset(forTimestamp: $0) } == expected)
            }
        }
    }

    @Test("in the log start, the epochs or a snapshot: nothing that can be read is lost", arguments: [true, false])
    func checkpoints(isClean: Bool) throws {
        let (harness, _) = try closedLog()
        let log = try harness.open(clean: true)
        let end = log.logEnd
        try log.advanceLogStart(to: 11)
        try log.append(makeBatch())
        try log.close()
        for name in ["log-start-offset", "leader-epoch-checkpoint", LogFileName.name(.snapshot, end + 1)] {
            try forEachBit(of: harness.folder.appending(name), harness, isClean: isClean, step: 5) {
                (log: PartitionLog) throws in
                #expect(log.logEnd == end + 1 && log.logStart <= 11, "\(name)")
                #expect(try log.readAll().last?.offset == end)
                #expect(try log.append(makeBatch()).firstOffset == end + 1)
            }
        }
    }

    @Test("an index of a damaged segment is built without touching a byte of the segment")
    func damagedClosedSegment() throws {
        let (harness, segments) = try closedLog()
        let second = segments[1].baseOffset
        try harness.damage(.log, second, at: 12 + 200, with: [0xEE, 0xEE, 0xEE, 0xEE])
        try harness.damage(.log, second, at: 8, with: [0x7F])
        let bytes = try harness.bytes(.log, second)
        for kind in [LogFileName.Kind.index, .timeindex] { try harness.files.remove(harness.folder.file(kind, second)) }
        let log = try harness.open(clean: true)
        let error = #expect(throws: ReadError.self) { _ = try log.read(from: second, maxBytes: 500, below: log.logEnd) }
        #expect(error?.errorCode == .corruptMessage)
        #expect(!log.isOffline)
        #expect(try log.read(from: segments[2].baseOffset, maxBytes: 1, below: log.logEnd).byteCount > 0)
        #expect(try harness.bytes(.log, second) == bytes)
    }

    @Test("after a crash whole batches behind a damaged one are kept in a file beside, and later segments too")
    func setAside() throws {
        let harness = LogHarness.small()
        let log = try harness.open()
        for number in 0..<35 { try log.append(makeBatch(2, timestamp: Int64(number))) }
        let segments = try log.segments()
        let damaged = try #require(try harness.bytes(.log, segments[1].baseOffset))
        try harness.damage(.log, segments[1].baseOffset, at: 70, with: [0xEE])
        let again = try harness.open()
        #expect(again.logEnd == segments[1].baseOffset)
        let kept = try again.recovery.setAside.map { name in
            try #require(try harness.files.contents(of: harness.folder.appending(name)))
        }
        #expect(kept.count == segments.count - 1)
        #expect(kept.first?.readableBytes == damaged.readableBytes)
        #expect(kept.first?.readableBytesView.dropFirst(71) == damaged.readableBytesView.dropFirst(71))
        #expect(try harness.open().recovery.setAside == [], "once")
        try again.append(makeBatch())
        #expect(try again.readAll().count == Int(again.logEnd.rawValue))
    }

    @Test("a batch that a snapshot vouched for is no torn end, also when nothing comes after it")
    func damagedDurableEnd() throws {
        let harness = LogHarness()
        let log = try harness.open()
        for _ in 0..<3 { try log.append(makeBatch(2)) }
        let batchBytes = log.byteCount / 3
        try log.close()
        try harness.damage(.log, 0, at: 2 * batchBytes + 65, with: [0xEE])
        let again = try harness.open()
        #expect(again.logEnd == 4)
        #expect(again.recovery.setAside == ["00000000000000000000.\(2 * batchBytes).damaged"])
    }

    @Test("a log that must not be cut is refused as it is; a torn end it loses all the same")
    func refused() throws {
        let harness = LogHarness()
        let log = try harness.open()
        for _ in 0..<3 { try log.append(makeBatch(2)) }
        let batchBytes = log.byteCount / 3
        try harness.damage(.log, 0, at: log.byteCount, with: [1, 2, 3])
        #expect(try open(harness, .refuse).recovery.cutBytes == 3)
        try harness.damage(.log, 0, at: batchBytes + 65, with: [0xEE])
        let bytes = try harness.bytes(.log, 0)
        #expect(throws: StorageError.self) { _ = try open(harness, .refuse) }
        #expect(try harness.bytes(.log, 0) == bytes)
    }

    private func open(_ harness: LogHarness, _ damage: DamagePolicy) throws -> PartitionLog {
        try PartitionLog.open(
            folder: harness.folder, topicPartition: TopicPartition(topic: "trains", partition: 0),
            configuration: harness.configuration, files: harness.files, wasCleanShutdown: false, damage: damage,
            now: 0)
    }

    @Test("a log that ends before its start goes on at the start: no record gets an offset that was deleted")
    func startBeyondEnd() throws {
        let harness = LogHarness()
        var log = try harness.open()
        let batch = try makeBatch(3, producer: TestProducer(id: 5, sequence: 0))
        try log.append(batch)
        try log.flush()
        try LogStartCheckpoint.write(10, harness.folder, harness.files)
        log = try harness.open()
        #expect(log.logStart == 10 && log.logEnd == 10)
        #expect(try log.append(makeBatch(2)).firstOffset == 10)
        #expect(try log.append(batch).isDuplicate, "producers are known all the same")
        for isClean in [false, true] {
            log = try harness.open()
            #expect(log.logStart == 10 && log.logEnd == 12)
            #expect(try log.readAll().count == 2)
            #expect(try log.append(batch).isDuplicate)
            if !isClean { try log.close() }
        }
    }

    @Test("records are deleted when they are on the disk: the log start never runs ahead of what a crash leaves")
    func deletionFlushes() throws {
        let files = MemoryFileSystem()
        let harness = LogHarness(files: files)
        let log = try harness.open()
        try log.append(makeBatch(5))
        try log.advanceLogStart(to: 5)
        files.crash(seed: 3)
        let again = try harness.open()
        #expect(again.logStart == 5 && again.logEnd == 5)
    }
}
