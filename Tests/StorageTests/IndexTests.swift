import KafkaWire
import NIOCore
import SystemPackage
import Testing

@testable import Storage

@Suite("Sparse indexes")
struct IndexTests {
    @Test("binary search finds the last entry at or below the target", arguments: 0..<40)
    func search(count: Int) {
        let entries = (0..<count).map { $0 * 3 }
        for target in -1...(count * 3 + 1) {
            let found = IndexSearch.last(in: 0..<count) { entries[$0] <= target }
            #expect(found == entries.lastIndex { $0 <= target })
        }
    }

    @Test("entries are Kafka's eight and twelve bytes")
    func layout() {
        var bytes = ByteBuffer()
        OffsetIndexEntry(relativeOffset: 1, position: 258).write(to: &bytes)
        #expect(Array(bytes.readableBytesView) == [0, 0, 0, 1, 0, 0, 1, 2])
        #expect(OffsetIndexEntry(from: &bytes) == OffsetIndexEntry(relativeOffset: 1, position: 258))
        TimeIndexEntry(timestamp: 5, relativeOffset: -1).write(to: &bytes)
        #expect(Array(bytes.readableBytesView) == [0, 0, 0, 0, 0, 0, 0, 5, 255, 255, 255, 255])
        #expect(TimeIndexEntry(from: &bytes) == TimeIndexEntry(timestamp: 5, relativeOffset: -1))
        #expect(TimeIndexEntry(from: &bytes) == nil)
    }

    @Test("a lookup gives the same wherever entries are: in memory, in the file, in both", arguments: [0, 1, 700, 3000])
    func lookup(flushed: Int) throws {
        let files = MemoryFileSystem()
        try files.makeFolder("/data")
        var index = SparseIndex<OffsetIndexEntry>(path: "/data/index", files: files, writtenCount: 0)
        for number in 0..<3000 {
            if number == flushed { try index.flush() }
            index.append(OffsetIndexEntry(relativeOffset: Int32(number * 10), position: Int32(number)))
        }
        if flushed == 3000 { try index.flush() }
        for target in stride(from: -5, to: 30_020, by: 37) {
            let expected = target < 0 ? nil : min(2999, target / 10)
            #expect(try index.last { Int($0.relativeOffset) <= target }.map { Int($0.position) } == expected)
        }
        #expect(try index.last()?.position == 2999)
        #expect(try index.entries().count == 3000)
    }

    @Test("an index that is opened again reads its entries from the file")
    func reopen() throws {
        let files = MemoryFileSystem()
        try files.makeFolder("/data")
        var index = SparseIndex<TimeIndexEntry>(path: "/data/time", files: files, writtenCount: 0)
        for number in 0..<1000 { index.append(TimeIndexEntry(timestamp: Int64(number), relativeOffset: 1)) }
        try index.flush()
        index.releaseFile()
        var again = SparseIndex<TimeIndexEntry>(path: "/data/time", files: files, writtenCount: 1000)
        #expect(try again.last()?.timestamp == 999)
        #expect(try again.last { $0.timestamp < 500 }?.timestamp == 499)
        try again.reset()
        #expect(try again.last() == nil)
        #expect(try files.byteCount(of: "/data/time") == 0)
    }

    @Test("a flush that failed can be repeated")
    func failedFlush() throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        try files.makeFolder("/data")
        var index = SparseIndex<OffsetIndexEntry>(path: "/data/index", files: files, writtenCount: 0)
        for number in 0..<10 { index.append(OffsetIndexEntry(relativeOffset: Int32(number), position: 0)) }
        var plan = FaultPlan()
        plan.add(.write, .tear(keeping: 13, errno: 28))
        files.use(plan)
        #expect(throws: StorageError.self) { try index.flush() }
        try index.flush()
        #expect(try index.entries().map(\.relativeOffset) == Array(0..<10))
    }
}
