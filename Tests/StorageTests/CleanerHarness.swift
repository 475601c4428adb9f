import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@testable import Storage

/// A log that is cleaned in one go, as the broker's cleaner does it step by step.
struct CleanerHarness {
    var log = LogHarness.compacted()
    var limits = CleanerLimits()

    @discardableResult
    func clean(
        _ partition: PartitionLog, since checkpoint: Offset? = nil, below bound: Offset = Offset(.max), now: Int64 = 0
    ) throws -> (end: Offset, statistics: CleaningStatistics)? {
        // Only what is durable is cleaned.
        try partition.flush()
        guard let plan = try partition.planCleaning(since: checkpoint, below: bound, now: now) else { return nil }
        let cleaning = LogCleaning(plan, limits: limits, seed: (1, 2)) { _ in }
        for segment in plan.dirtySegments {
            let source = try #require(try partition.cleaningSource(segment))
            if try !cleaning.readKeys(of: source) { break }
        }
        let (groups, end) = cleaning.finishKeys()
        for group in groups {
            try cleaning.begin(group)
            for segment in group { try cleaning.add(try #require(try partition.cleaningSource(segment))) }
            guard let cleaned = try cleaning.finish() else { continue }
            if try partition.replaceSegments(with: cleaned) { try cleaned.finish() } else { try cleaned.discard() }
        }
        return (end, cleaning.statistics)
    }

    /// Appends records, a batch for each: a key and a value, or no value for a tombstone.
    func append(_ records: [(String, String?)], to partition: PartitionLog, timestamp: Int64 = 1000) throws {
        for (key, value) in records { try partition.append(record(key, value, timestamp: timestamp)) }
    }

    func record(
        _ key: String, _ value: String?, timestamp: Int64 = 1000, compression: Compression = .none,
        producer: TestProducer? = nil, isTransactional: Bool = false
    ) throws -> ByteBuffer {
        var builder = RecordBatchBuilder()
        builder.append(
            timestamp: timestamp, key: ByteBuffer(string: key), value: value.map(ByteBuffer.init(string:)))
        return try builder.finish(
            compression: compression, producerID: producer?.id ?? .none, producerEpoch: producer?.epoch ?? -1,
            baseSequence: producer?.sequence ?? -1, isTransactional: isTransactional)
    }
}

extension LogHarness {
    /// As ``small(_:segmentBytes:)``, compacted as soon as anything is dirty.
    static func compacted(_ files: any FileSystem = MemoryFileSystem(), segmentBytes: Int = 400) -> LogHarness {
        var harness = small(files, segmentBytes: segmentBytes)
        harness.configuration.cleanupPolicy = .compact
        harness.configuration.minimumCleanableDirtyRatio = 0
        return harness
    }
}

extension PartitionLog {
    /// Every batch's header, whatever is left of the batch.
    func readHeaders() throws -> [RecordBatchHeader] {
        var headers: [RecordBatchHeader] = []
        var next = logStart
        while next < logEnd {
            let read = try read(from: next, maxBytes: 500, below: logEnd)
            headers += try read.headers()
            try #require(read.nextOffset > next)
            next = read.nextOffset
        }
        return headers
    }

    /// Keys and values in the order of offsets.
    func readPairs() throws -> [String] {
        try readAll().map { "\($0.key.map { String(buffer: $0) } ?? "")=\($0.value.map { String(buffer: $0) } ?? "-")" }
    }
}
