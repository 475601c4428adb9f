import KafkaWire
import NIOCore
import SystemPackage
import Testing

@testable import Storage

#if canImport(Glibc)
import Glibc
#endif

@Suite("File systems")
struct FileSystemTests {
    /// A folder of the operating system that goes with the test.
    private func withFolder(_ body: (FilePath) throws -> Void) throws {
        var generator = SystemRandomNumberGenerator()
        let folder = FilePath("/tmp/signalbox-storage-\(UInt64.random(in: 0...UInt64.max, using: &generator))")
        let files = POSIXFileSystem()
        try files.makeFolder(folder)
        defer { #expect(throws: Never.self) { try files.removeFolder(folder) } }
        try body(folder)
    }

    private func checkContract(_ files: any FileSystem, _ folder: FilePath) throws {
        #expect(try files.list(folder) == [])
        #expect(try files.list(folder.appending("missing")) == [])
        let path = folder.appending("one")
        #expect(throws: StorageError.self) { _ = try files.open(path) }
        #expect(try files.byteCount(of: path) == nil)
        let file = try files.create(path)
        try file.write([ByteBuffer(string: "abc"), ByteBuffer(), ByteBuffer(string: "defg")], at: 2)
        #expect(try file.byteCount() == 9)
        #expect(
            throws: StorageError.operationFailed(.list, path: path.string, errno: Errno.notDirectory.rawValue)
        ) { try files.list(path) }
        #expect(try files.byteCount(of: path) == 9)
        #expect(try file.readExactly(7, at: 2) == ByteBuffer(string: "abcdefg"))
        #expect(try file.read(at: 7, upTo: 100) == ByteBuffer(string: "fg"))
        #expect(try file.read(at: 9, upTo: 100).readableBytes == 0)
        #expect(throws: StorageError.endOfFile(path: path.string, position: 8, needed: 2, found: 1)) {
            try file.readExactly(2, at: 8)
        }
        try file.truncate(to: 4)
        try file.sync()
        try files.syncFolder(folder)
        #expect(try file.byteCount() == 4)
        try files.rename(path, to: folder.appending("two"))
        #expect(try files.list(folder) == ["two"])
        try files.replace(folder.appending("three"), with: ByteBuffer(string: "x"))
        try files.replace(folder.appending("three"), with: ByteBuffer(string: "yz"))
        #expect(try files.contents(of: folder.appending("three")) == ByteBuffer(string: "yz"))
        try files.remove(folder.appending("two"))
        try files.remove(folder.appending("two"))
        #expect(try file.readExactly(2, at: 2) == ByteBuffer(string: "ab"), "an open file outlives its name")
        try files.makeFolder(folder.appending("deep").appending("deeper"))
        #expect(try files.list(folder.appending("deep")) == ["deeper"])
        try files.removeFolder(folder.appending("deep").appending("deeper"))
        try files.removeFolder(folder.appending("deep"))
    }

    @Test("files of the operating system keep the contract")
    func posix() throws {
        try withFolder { try checkContract(POSIXFileSystem(), $0) }
    }

    @Test("files in memory keep the contract")
    func memory() throws {
        let files = MemoryFileSystem()
        try files.makeFolder("/data")
        try checkContract(files, "/data")
    }

    @Test("an error of the operating system names operation, file and reason")
    func errorText() throws {
        let error = #expect(throws: StorageError.self) { _ = try POSIXFileSystem().open("/nowhere/at/all") }
        #expect(error?.description == "open of /nowhere/at/all failed: No such file or directory")
        #expect(error?.errorCode == .kafkaStorageError)
    }

    @Test("more pieces than one system call takes are written in order")
    func manyPieces() throws {
        try withFolder { folder in
            let file = try POSIXFileSystem().create(folder.appending("many"))
            let pieces = (0..<2500).map { ByteBuffer(string: "\($0),") }
            try file.write(pieces, at: 0)
            let expected = (0..<2500).map { "\($0)," }.joined()
            #expect(String(buffer: try file.readExactly(expected.utf8.count, at: 0)) == expected)
        }
    }

    @Test("short writes and interruptions are gone on from", arguments: 0..<20 as Range<UInt64>)
    func shortWrites(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let pieces = (0..<50).map { ByteBuffer(repeating: UInt8($0), count: generator.next(upTo: 40)) }
        var written: [UInt8] = []
        let failure = VectoredWrite.write(pieces, at: 5) { vectors, count, position in
            #expect(position == Int64(5 + written.count))
            if generator.next(upTo: 4) == 0 {
                errno = EINTR
                return -1
            }
            let offered = (0..<Int(count)).flatMap { index in
                Array(UnsafeRawBufferPointer(start: vectors[index].iov_base, count: vectors[index].iov_len))
            }
            let taken = offered.prefix(1 + generator.next(upTo: 60))
            written += taken
            return taken.count
        }
        #expect(failure == nil)
        #expect(written == pieces.flatMap { Array($0.readableBytesView) })
    }

    @Test("a write that fails half way reports the reason", arguments: [ENOSPC, EIO])
    func failedWrite(reason: CInt) {
        var calls = 0
        let failure = VectoredWrite.write([ByteBuffer(string: "abcdef")], at: 0) { _, _, _ in
            calls += 1
            if calls == 1 { return 3 }
            errno = reason
            return -1
        }
        #expect(failure == reason)
        #expect(VectoredWrite.write([ByteBuffer(string: "abc")], at: 0) { _, _, _ in 0 } == EIO)
    }

    @Test("a crash keeps what was synced and nothing else, where no seed says otherwise")
    func crash() throws {
        let files = MemoryFileSystem()
        try files.makeFolder("/data")
        let kept = try files.create("/data/kept")
        try kept.write([ByteBuffer(string: "synced")], at: 0)
        try kept.sync()
        try files.syncFolder("/data")
        try kept.write([ByteBuffer(string: "lost")], at: 6)
        try files.create("/data/unnamed").sync()
        files.crash()
        #expect(try files.list("/data") == ["kept"])
        #expect(try files.contents(of: "/data/kept") == ByteBuffer(string: "synced"))
        #expect(throws: StorageError.self) { try kept.byteCount() }
    }

    @Test("unsynced writes survive a crash whole, torn or not at all, but synced bytes always", arguments: 0..<50)
    func tornWrites(seed: Int) throws {
        let files = MemoryFileSystem()
        try files.makeFolder("/data")
        let file = try files.create("/data/file")
        try file.write([ByteBuffer(string: "synced")], at: 0)
        try file.sync()
        try files.syncFolder("/data")
        for number in 0..<5 { try file.write([ByteBuffer(string: "12345")], at: Int64(6 + number * 5)) }
        files.crash(seed: UInt64(seed))
        let text = String(buffer: try #require(try files.contents(of: "/data/file")))
        #expect(text.hasPrefix("synced"))
        #expect(text.utf8.count <= 31)
    }

    @Test("planned faults hit the operation they are meant for, once")
    func faults() throws {
        let files = FaultyFileSystem(MemoryFileSystem())
        try files.makeFolder("/data")
        let file = try files.create("/data/a.log")
        var plan = FaultPlan()
        plan.add(.write, on: ".log", after: 1, .tear(keeping: 2, errno: ENOSPC))
        files.use(plan)
        try file.write([ByteBuffer(string: "abc")], at: 0)
        #expect(throws: StorageError.operationFailed(.write, path: "/data/a.log", errno: ENOSPC)) {
            try file.write([ByteBuffer(string: "defg")], at: 3)
        }
        #expect(try file.byteCount() == 5)
        try file.write([ByteBuffer(string: "defg")], at: 3)
        #expect(try file.byteCount() == 7)
    }
}
