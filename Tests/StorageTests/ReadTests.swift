import KafkaWire
import NIOCore
import SystemPackage
import Testing

@testable import KafkaRecords
@testable import Storage

@Suite("Reading a log")
struct ReadTests {
    /// Batches of 1, 2, 3 and so on records, over several segments.
    private func makeLog(_ harness: LogHarness = .small(), batches: Int = 30) throws -> PartitionLog {
        let log = try harness.open()
        var next: Int64 = 0
        for number in 0..<batches {
            let count = 1 + number % 5
            let values = (0..<count).map { String(next + Int64($0)) }
            try log.append(makeBatch(timestamp: 1000 + next * 10, values: values))
            next += Int64(count)
        }
        try #require(try log.segments().count > 3)
        return log
    }

    @Test(
        "every offset is read from the batch that holds it, whatever the size asked for",
        arguments: [0, 1, 300, 9999])
    func everyOffset(maxBytes: Int) throws {
        let log = try makeLog()
        for raw in 0..<log.logEnd.rawValue {
            let offset = Offset(raw)
            let read = try log.read(from: offset, maxBytes: maxBytes, below: log.logEnd)
            let headers = try read.headers()
            let first = try #require(headers.first)
            #expect(first.baseOffset <= offset && first.lastOffset >= offset)
            #expect(read.firstBatchBase == first.baseOffset)
            #expect(read.nextOffset == headers.last?.nextOffset)
            #expect(read.byteCount <= maxBytes || headers.count == 1)
        }
    }

    @Test("a reader that goes on where the last read ended misses nothing over all segments", arguments: [1, 100, 5000])
    func sequential(maxBytes: Int) throws {
        let log = try makeLog()
        let records = try log.readAll(maxBytes: maxBytes)
        #expect(records.map(\.offset) == (0..<log.logEnd.rawValue).map { Offset($0) })
        #expect(records.map(\.text) == (0..<log.logEnd.rawValue).map { String($0) })
    }

    @Test("several readers at once do not disturb each other, nor do appends")
    func interleaved() throws {
        let log = try makeLog()
        var generator = SplitMix64(seed: 3)
        var readers = (0..<12).map { Offset(Int64($0 * 5)) }
        for _ in 0..<400 {
            let number = generator.next(upTo: readers.count)
            let read = try log.read(from: readers[number], maxBytes: generator.next(upTo: 400), below: log.logEnd)
            let headers = try read.headers()
            if let first = headers.first {
                #expect(first.baseOffset <= readers[number] && first.lastOffset >= readers[number])
            } else {
                #expect(readers[number] == log.logEnd)
            }
            readers[number] = read.nextOffset
            if generator.next(upTo: 10) == 0 { try log.append(makeBatch(2)) }
        }
    }

    @Test("offsets outside the log are out of range, its end is empty")
    func outOfRange() throws {
        let log = try makeLog()
        let end = log.logEnd
        #expect(try log.read(from: end, maxBytes: 100, below: end).payload == .empty)
        for offset in [Offset(-1), end + 1, Offset(.max), Offset(.min)] {
            let error = #expect(throws: ReadError.offsetOutOfRange(offset, start: 0, end: end)) {
                _ = try log.read(from: offset, maxBytes: 100, below: end)
            }
            #expect(error?.errorCode == .offsetOutOfRange)
        }
    }

    @Test("nothing at or past the upper bound is returned, and reads end at a batch boundary there")
    func upperBound() throws {
        let log = try makeLog()
        for raw in 0...log.logEnd.rawValue {
            let bound = Offset(raw)
            for start in stride(from: Int64(0), through: raw, by: 7) {
                let read = try log.read(from: Offset(start), maxBytes: 100_000, below: bound)
                #expect(read.nextOffset <= max(bound, Offset(start)))
                #expect(try read.headers().allSatisfy { $0.lastOffset < bound })
            }
        }
    }

    @Test("a first batch larger than the limit comes whole or not at all, as asked")
    func largeBatch() throws {
        let log = try LogHarness().open()
        try log.append(makeBatch(valueBytes: 5000))
        #expect(try log.read(from: 0, maxBytes: 100, below: 1).byteCount > 5000)
        let none = try log.read(from: 0, maxBytes: 100, atLeastOneBatch: false, below: 1)
        #expect(none.byteCount == 0 && none.nextOffset == 0 && none.firstBatchBase == nil)
    }

    @Test("small ranges are read into memory, large ones are handed out as a range of the file")
    func pieces() throws {
        let log = try LogHarness().open()
        for _ in 0..<20 { try log.append(makeBatch(valueBytes: 9000)) }
        let small = try log.read(from: 0, maxBytes: PartitionLog.inMemoryReadBytes, below: log.logEnd)
        guard case .bytes = small.payload.pieces.first else {
            Issue.record("a small range is not in memory")
            return
        }
        let large = try log.read(from: 0, maxBytes: 1 << 20, below: log.logEnd)
        guard case .file(let slice) = large.payload.pieces.first else {
            Issue.record("a large range is not a file's")
            return
        }
        #expect(slice.byteCount == Int(log.byteCount))
        #expect(try large.headers().count == 20)
    }

    @Test("a slice stays readable after its segment was deleted")
    func slicesOutliveSegments() throws {
        let log = try LogHarness().open()
        for _ in 0..<20 { try log.append(makeBatch(valueBytes: 9000)) }
        let read = try log.read(from: 0, maxBytes: 1 << 20, below: log.logEnd)
        try log.delete()
        #expect(try read.records().count == 20)
    }

    @Test("a closed segment whose index is gone gets a new one")
    func missingIndex() throws {
        let files = MemoryFileSystem()
        let harness = LogHarness.small(files)
        try makeLog(harness).close()
        let bytes = try #require(try harness.bytes(.index, 0))
        try files.remove(harness.folder.file(.index, 0))
        let log = try harness.open(clean: true)
        #expect(try log.read(from: 3, maxBytes: 1, below: 100).firstBatchBase == 3)
        #expect(try harness.bytes(.index, 0) == bytes)
    }

    @Test("few files stay open however many segments are read")
    func openFiles() throws {
        let log = try makeLog()
        for offset in 0..<log.logEnd.rawValue { _ = try log.read(from: Offset(offset), maxBytes: 1, below: log.logEnd) }
        #expect(log.openClosed.count <= PartitionLog.maximumOpenClosedSegments)
        log.releaseFiles()
        #expect(try log.readAll().count == Int(log.logEnd.rawValue))
    }
}

@Suite("Looking up timestamps")
struct TimestampTests {
    @Test("a lookup is exact to the record, for ascending and for mixed timestamps", arguments: 0..<12 as Range<UInt64>)
    func exact(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        let log = try LogHarness.small().open()
        var timestamps: [Int64] = []
        for number in 0..<60 {
            let base = seed % 2 == 0 ? 1000 + Int64(number) * 20 : Int64(generator.next(upTo: 2000))
            let count = 1 + generator.next(upTo: 4)
            let compression = Compression.allCases[generator.next(upTo: Compression.allCases.count)]
            try log.append(makeBatch(count, timestamp: base, compression: compression))
            timestamps += (0..<count).map { base + Int64($0) }
        }
        for target in stride(from: Int64(-1), to: 2300, by: 13) {
            let expected = timestamps.firstIndex { $0 >= target }
            let found = try log.offset(forTimestamp: target)
            #expect(found?.offset == expected.map { Offset(Int64($0)) })
            #expect(found?.timestamp == expected.map { timestamps[$0] })
            #expect(found == nil || found?.leaderEpoch == 7)
        }
        let largest = try #require(timestamps.max())
        #expect(try log.maxTimestamp()?.offset == timestamps.firstIndex(of: largest).map { Offset(Int64($0)) })
    }

    @Test("records below the log start are not found")
    func belowStart() throws {
        let log = try LogHarness().open()
        try log.append(makeBatch(10, timestamp: 100))
        try log.append(makeBatch(10, timestamp: 50))
        try log.advanceLogStart(to: 5)
        #expect(try log.offset(forTimestamp: 102)?.offset == 5)
        try log.advanceLogStart(to: 10)
        #expect(try log.offset(forTimestamp: 55)?.offset == 15)
        #expect(try log.offset(forTimestamp: 100) == nil)
    }

    @Test("where records cannot be read the batch that holds the timestamp is the answer")
    func unreadable() throws {
        let log = try LogHarness().open()
        try log.append(makeBatch(10, timestamp: 100))
        var batch = try makeBatch(10, timestamp: 200)
        batch.setInteger(UInt8(0xFF), at: batch.readerIndex + RecordBatchHeader.byteCount)
        try RecordBatchHeader(peeking: batch).patch(&batch)
        try log.append(batch)
        #expect(try log.offset(forTimestamp: 105)?.offset == 5)
        #expect(try log.offset(forTimestamp: 205)?.offset == 10)
        #expect(try log.maxTimestamp()?.offset == 10)
    }

    @Test("earliest and latest are the log's ends; an empty log has no largest timestamp")
    func ends() throws {
        let log = try LogHarness().open()
        #expect(try log.maxTimestamp() == nil)
        #expect(try log.offset(forTimestamp: 0) == nil)
        #expect(log.latest == TimestampedOffset(offset: 0, timestamp: -1, leaderEpoch: .none))
        try log.append(makeBatch(3))
        #expect(log.latest == TimestampedOffset(offset: 3, timestamp: -1, leaderEpoch: 7))
        #expect(log.earliest.offset == 0)
    }
}
