import KafkaWire
import NIOCore
import SystemPackage
import Testing

@testable import Storage

@Suite("The bound on open files")
struct OpenFilePoolTests {
    private func opened(_ files: MemoryFileSystem, _ name: String) throws(StorageError) -> any File {
        try files.makeFolder("/data")
        return try files.create(FilePath("/data").appending(name))
    }

    @Test("one more than the limit closes a file that was not used lately")
    func limit() throws {
        let pool = OpenFilePool(limit: 3)
        let files = MemoryFileSystem(openFiles: pool)
        let slots = (0..<4).map { _ in PooledFile(pool) }
        for (number, slot) in slots.prefix(3).enumerated() {
            _ = try slot.get { () throws(StorageError) in try opened(files, "\(number)") }
        }
        #expect(pool.count == 3)
        _ = try slots[3].get { () throws(StorageError) in try opened(files, "3") }
        #expect(pool.count == 3 && slots[3].isOpen && slots.filter(\.isOpen).count == 3)
        // Whoever is used stays, as long as there are others.
        for round in 0..<10 {
            let used = slots[3]
            _ = try used.get { () throws(StorageError) in
                Issue.record("it was closed")
                return try opened(files, "3")
            }
            let closed = try #require(slots.first { !$0.isOpen })
            _ = try closed.get { () throws(StorageError) in try opened(files, "\(round)") }
            #expect(pool.count == 3)
        }
    }

    @Test("files that nobody used between two looks are closed, and open again by themselves")
    func idle() throws {
        let files = MemoryFileSystem(openFiles: OpenFilePool(limit: 100))
        let harness = LogHarness(files: files)
        let log = try harness.open()
        try log.append(makeBatch(values: ["a"]))
        #expect(files.openFiles.count > 0)
        files.openFiles.closeIdle()
        #expect(files.openFiles.closeIdle() > 0)
        #expect(files.openFiles.count == 0)
        try log.append(makeBatch(values: ["b"]))
        #expect(try log.readAll().map(\.text) == ["a", "b"])
    }

    @Test("many logs work with fewer files than one of them has", arguments: 0..<5)
    func fewFiles(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let files = MemoryFileSystem(openFiles: OpenFilePool(limit: 2))
        var logs: [(harness: LogHarness, log: PartitionLog, texts: [String])] = []
        for number in 0..<6 {
            var harness = LogHarness.small(files)
            harness.folder = FilePath("/data/t-\(number)")
            logs.append((harness, try harness.open(), []))
        }
        for number in 0..<300 {
            let index = random.next(upTo: logs.count)
            try logs[index].log.append(makeBatch(values: ["\(number)"]))
            logs[index].texts.append("\(number)")
            if random.next(upTo: 10) == 0 { #expect(try logs[index].log.readAll().map(\.text) == logs[index].texts) }
            if random.next(upTo: 20) == 0 { try logs[index].log.flush() }
            #expect(files.openFiles.count <= 2)
        }
        for index in logs.indices {
            try logs[index].log.close()
            let again = try logs[index].harness.open(clean: true)
            #expect(again.recovery.wasClean)
            #expect(try again.readAll().map(\.text) == logs[index].texts)
        }
    }

    @Test("a log that is gone leaves no file behind")
    func released() throws {
        let files = MemoryFileSystem()
        do {
            let log = try LogHarness.small(files).open()
            for number in 0..<50 { try log.append(makeBatch(values: ["\(number)"])) }
            _ = try log.readAll()
        }
        #expect(files.openFiles.count == 0)
    }
}
