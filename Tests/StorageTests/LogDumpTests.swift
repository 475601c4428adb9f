import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage
import Testing

@testable import Storage

@Suite("Dumping a log's files")
struct LogDumpTests {
    private func dump(
        _ harness: LogHarness, _ path: FilePath? = nil, withRecords: Bool = true
    ) throws -> [LogDumpEntry] {
        var entries: [LogDumpEntry] = []
        let dump = LogDump(files: harness.files, withRecords: withRecords) { entries.append($0) }
        try dump.dump(path ?? harness.folder)
        return entries
    }

    private func records(_ entries: [LogDumpEntry]) -> [LogDumpEntry.Record] {
        entries.compactMap { if case .record(let record) = $0 { record } else { nil } }
    }

    private func damages(_ entries: [LogDumpEntry]) -> [String] {
        entries.compactMap { entry in
            guard case .damage(_, let position, let reason) = entry else { return nil }
            return "\(position) \(reason)"
        }
    }

    private func filled() throws -> LogHarness {
        let harness = LogHarness.small()
        let log = try harness.open()
        for number in 0..<20 {
            let producer = TestProducer(id: 4, sequence: Int32(number))
            try log.append(makeBatch(values: ["v\(number)"], compression: .zstd, producer: producer))
        }
        try log.close()
        return harness
    }

    @Test("a folder gives every batch and record in order, the indexes and the producers, and no damage")
    func folder() throws {
        let harness = try filled()
        let entries = try dump(harness)
        #expect(records(entries).map(\.offset) == Array(0..<20))
        #expect(records(entries).map { $0.value?.prefix { $0 != "." } } == (0..<20).map { "v\($0)" })
        #expect(records(entries).allSatisfy { $0.key == "k" })
        #expect(damages(entries).isEmpty)
        let lines = entries.map(\.description)
        #expect(lines.contains { $0.contains("producer 4:0 last sequence 19 last offset 19") })
        #expect(lines.contains { $0.hasPrefix("position 0 offsets 0-0 records 1") && $0.contains("codec zstd") })
        #expect(entries.contains { if case .offsetIndex = $0 { true } else { false } })
        #expect(entries.contains { if case .timeIndex = $0 { true } else { false } })
        #expect(records(try dump(harness, withRecords: false)).isEmpty)
    }

    @Test("a flipped bit is told with the batch's position, and the batches behind it are shown")
    func flipped() throws {
        let harness = LogHarness()
        let log = try harness.open()
        let bytes = try makeBatch(values: ["a"]).readableBytes
        for value in ["a", "b", "c"] { try log.append(makeBatch(values: [value])) }
        try harness.damage(.log, 0, at: Int64(bytes + 70), with: [0xFF])
        let entries = try dump(harness, harness.folder.file(.log, 0))
        #expect(damages(entries) == ["\(bytes) the checksum is not that of the batch"])
        #expect(records(entries).map(\.offset) == [0, 2])
    }

    @Test("a torn end is told with its position and how much of the batch is there")
    func torn() throws {
        let harness = LogHarness()
        let log = try harness.open()
        try log.append(makeBatch(values: ["a"]))
        let position = log.byteCount
        let next = try makeBatch(values: ["b"])
        let half = next.getSlice(at: next.readerIndex, length: 70) ?? ByteBuffer()
        try harness.files.open(harness.folder.file(.log, 0)).write([half], at: position)
        #expect(
            damages(try dump(harness)) == ["\(position) a batch of \(next.readableBytes) bytes, 70 are there"])
        try harness.files.open(harness.folder.file(.log, 0)).truncate(to: position + 20)
        #expect(damages(try dump(harness)) == ["\(position) 20 bytes are no batch header"])
    }

    @Test("transactions: markers by their meaning, and the index of the aborted ones")
    func transactions() throws {
        let harness = LogHarness()
        let log = try harness.open()
        var builder = RecordBatchBuilder()
        builder.append(timestamp: 1, key: nil, value: ByteBuffer(string: "x"))
        try log.append(
            builder.finish(producerID: 9, producerEpoch: 1, baseSequence: 0, isTransactional: true))
        let marker = TransactionMarker(producerID: 9, producerEpoch: 1, isCommit: false, coordinatorEpoch: 2)
        _ = try log.appendMarker(marker, leaderEpoch: 0, now: 5)
        try log.close()
        let entries = try dump(harness)
        #expect(records(entries).map(\.key) == [nil, "abort"])
        #expect(
            entries.contains(
                .abortedTransaction(producerID: 9, firstOffset: 0, lastOffset: 1, lastStableOffset: 2)))
    }

    @Test("index and snapshot files that are cut short are told, and what is not there is an error")
    func besides() throws {
        let harness = try filled()
        let files = harness.files
        for name in try files.list(harness.folder) where name.hasSuffix("index") || name.hasSuffix("snapshot") {
            let path = harness.folder.appending(name)
            guard let size = try files.byteCount(of: path), size > 0 else { continue }
            try files.open(path).truncate(to: size - 1)
            #expect(damages(try dump(harness, path)).count == 1, "\(name)")
        }
        #expect(throws: StorageError.self) { try dump(harness, "/data/nothing.log") }
        #expect(throws: StorageError.self) { try dump(harness, "/nowhere") }
    }

    @Test("every file by itself, of the operating system as well, gives what the folder gives")
    func single() throws {
        let place = "/tmp/signalbox-dump-\(UInt64.random(in: 0 ... .max))"
        var harness = LogHarness.small(POSIXFileSystem())
        harness.folder = FilePath("\(place)/trains-0")
        defer {
            #expect(throws: Never.self) { try harness.files.removeFolder(harness.folder) }
            #expect(throws: Never.self) { try harness.files.removeFolder(FilePath(place)) }
        }
        let log = try harness.open()
        for number in 0..<20 {
            try log.append(
                makeBatch(values: ["v\(number)"], producer: TestProducer(id: 4, sequence: Int32(number))))
        }
        try log.close()
        let names = try harness.files.list(harness.folder)
        let single = try names.filter { $0 != LogFileName.leaderEpochCheckpoint }.flatMap { name in
            try dump(harness, harness.folder.appending(name))
        }
        #expect(try single.map(\.description) == dump(harness).map(\.description))
        #expect(records(single).count == 20)
        for path in [FilePath(place), harness.folder.appending(LogFileName.leaderEpochCheckpoint)] {
            #expect(throws: LogDump.NothingToDump.self) { try dump(harness, path) }
        }
    }

    @Test("entries of an index that are out of order are told")
    func disorder() throws {
        let harness = try filled()
        let path = harness.folder.file(.index, 0)
        let size = try #require(try harness.files.byteCount(of: path))
        try #require(size >= 16)
        try harness.files.open(path).write([ByteBuffer(repeating: 0xF0, count: 8)], at: size - 8)
        #expect(damages(try dump(harness, path)) == ["\(size - 8) the entry is out of order"])
    }

    @Test("what recovery set aside is read like the segment that it was cut off")
    func setAside() throws {
        let harness = LogHarness()
        let log = try harness.open()
        for value in ["a", "b"] { try log.append(makeBatch(values: [value])) }
        let bytes = try #require(try harness.bytes(.log, 0))
        let half = bytes.readableBytes / 2
        let cut = try harness.files.create(harness.folder.appending(LogFileName.damaged(0, position: Int64(half))))
        try cut.write([try #require(bytes.getSlice(at: half, length: half))], at: 0)
        let found = try dump(harness, harness.folder.appending("00000000000000000000.\(half).damaged"))
        #expect(records(found).map(\.offset) == [1] && damages(found).isEmpty)
    }
}
