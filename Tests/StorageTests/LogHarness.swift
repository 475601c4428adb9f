import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage
import Testing

@testable import Storage

/// A partition's place on a file system, and how its log is configured.
struct LogHarness {
    var files: any FileSystem = MemoryFileSystem()
    var folder: FilePath = "/data/trains-0"
    var configuration = LogConfiguration()

    /// Small segments and dense indexes, so that few records show what many would.
    static func small(_ files: any FileSystem = MemoryFileSystem(), segmentBytes: Int = 1000) -> LogHarness {
        var harness = LogHarness(files: files)
        harness.configuration.segmentBytes = segmentBytes
        harness.configuration.indexIntervalBytes = 150
        harness.configuration.segmentMilliseconds = .max
        return harness
    }

    func open(clean: Bool = false, now: Int64 = 0) throws(StorageError) -> PartitionLog {
        try PartitionLog.open(
            folder: folder, topicPartition: TopicPartition(topic: "trains", partition: 0),
            configuration: configuration, files: files, wasCleanShutdown: clean, now: now)
    }

    /// The raw bytes of one of the log's files.
    func bytes(_ kind: LogFileName.Kind, _ offset: Offset) throws -> ByteBuffer? {
        try files.contents(of: folder.file(kind, offset))
    }

    /// The names of the log's files of a kind.
    func names(_ kind: LogFileName.Kind) throws -> [String] {
        try files.list(folder).filter { $0.hasSuffix("." + kind.rawValue) }
    }

    /// Writes over bytes of a file, behind the log's back.
    func damage(_ kind: LogFileName.Kind, _ offset: Offset, at position: Int64, with bytes: [UInt8]) throws {
        try files.open(folder.file(kind, offset)).write([ByteBuffer(bytes: bytes)], at: position)
    }
}

/// The idempotent producer of a batch.
struct TestProducer {
    var id: ProducerID
    var epoch: Int16 = 0
    var sequence: Int32
}

/// A batch as a producer sends it; record `n` has key `k` and value `n`, and timestamp `timestamp + n`.
func makeBatch(
    _ count: Int = 1, valueBytes: Int = 10, timestamp: Int64 = 1000, values: [String] = [], key: String? = "k",
    compression: Compression = .none, producer: TestProducer? = nil, isControl: Bool = false
) throws -> ByteBuffer {
    var builder = RecordBatchBuilder()
    for number in 0..<max(count, values.count) {
        let text = values.isEmpty ? String(number) : values[number]
        let padding = String(repeating: ".", count: max(0, valueBytes - text.utf8.count))
        builder.append(
            timestamp: timestamp + Int64(number), key: key.map(ByteBuffer.init(string:)),
            value: ByteBuffer(string: text + padding))
    }
    return try builder.finish(
        compression: compression, producerID: producer?.id ?? .none, producerEpoch: producer?.epoch ?? -1,
        baseSequence: producer?.sequence ?? -1, isControl: isControl)
}

/// Several batches as one frame.
func makeFrame(_ batches: [ByteBuffer]) -> ByteBuffer {
    var frame = ByteBuffer()
    for batch in batches { frame.writeImmutableBuffer(batch) }
    return frame
}

extension LogRead {
    /// The batches' headers; checks that each batch is whole and intact.
    func headers() throws -> [RecordBatchHeader] {
        var batches = RecordBatchSequence(try payload.contiguous(), trailing: .error)
        var headers: [RecordBatchHeader] = []
        while let batch = try batches.next() {
            try batch.header.verifyChecksum(of: batch.bytes)
            headers.append(batch.header)
        }
        return headers
    }

    /// Every record in the batches.
    func records() throws -> [Record] {
        var batches = RecordBatchSequence(try payload.contiguous(), trailing: .error)
        var records: [Record] = []
        while let batch = try batches.next() {
            try batch.header.verifyChecksum(of: batch.bytes)
            var reader = try RecordBatchReader(batch, maximumDecompressedBytes: 1 << 20)
            records += try reader.readAll()
        }
        return records
    }
}

extension PartitionLog {
    /// Every record, as a consumer reads it from the log start on.
    func readAll(maxBytes: Int = 500) throws -> [Record] {
        var records: [Record] = []
        var next = logStart
        while next < logEnd {
            let read = try read(from: next, maxBytes: maxBytes, below: logEnd)
            try #require(read.nextOffset > next)
            records += try read.records().filter { $0.offset >= next }
            next = read.nextOffset
        }
        return records
    }

    @discardableResult
    func append(_ frame: ByteBuffer, now: Int64 = 0) throws(AppendError) -> AppendResult {
        try append(frame, leaderEpoch: 7, now: now)
    }
}

extension Record {
    /// The value without its padding.
    var text: String {
        value.map { String(buffer: $0).prefix { $0 != "." } }.map(String.init) ?? ""
    }
}
