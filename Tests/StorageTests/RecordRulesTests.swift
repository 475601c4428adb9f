import KafkaWire
import NIOCore
import Testing

@testable import KafkaRecords
@testable import Storage

@Suite("What a topic asks of records")
struct RecordRulesTests {
    private static let now: Int64 = 1_700_000_000_000

    private func open(_ change: (inout LogConfiguration) -> Void) throws -> PartitionLog {
        var harness = LogHarness()
        change(&harness.configuration)
        return try harness.open()
    }

    /// A batch with these timestamps.
    private func stamped(_ times: [Int64], compression: Compression = .none) throws -> ByteBuffer {
        var builder = RecordBatchBuilder()
        for time in times { builder.append(timestamp: time, key: ByteBuffer(string: "k"), value: nil) }
        return try builder.finish(compression: compression)
    }

    /// The places of the records at fault.
    private func refused(_ batch: ByteBuffer, by log: PartitionLog, now: Int64 = Self.now) -> [Int]? {
        do throws(AppendError) {
            _ = try log.append(batch, leaderEpoch: 0, now: now)
            return nil
        } catch {
            guard case .timestampOutOfRange(let indexes, _, _) = error, error.errorCode == .invalidTimestamp
            else { return [] }
            return indexes
        }
    }

    @Test("timestamps are taken up to the limits and not past them, record by record", arguments: Compression.allCases)
    func limits(compression: Compression) throws {
        let log = try open {
            $0.timestampBeforeMaximumMilliseconds = 100
            $0.timestampAfterMaximumMilliseconds = 50
        }
        let now = Self.now
        #expect(refused(try stamped([now, now - 100, now + 50], compression: compression), by: log) == nil)
        #expect(refused(try stamped([now, now - 101, now + 51], compression: compression), by: log) == [1, 2])
        #expect(refused(try stamped([now + 51], compression: compression), by: log) == [0])
        #expect(refused(try stamped([-1], compression: compression), by: log) == nil, "a record without timestamp")
        #expect(log.logEnd == 4)
    }

    @Test("records may be as old as they like and an hour from the future by default")
    func defaults() throws {
        let log = try open { _ in }
        #expect(refused(try stamped([0, Self.now + 3_600_000]), by: log) == nil)
        #expect(refused(try stamped([0, Self.now + 3_600_001]), by: log) == [1])
        #expect(refused(try stamped([.max - 1]), by: try open { $0.timestampAfterMaximumMilliseconds = .max }) == nil)
    }

    @Test("message.timestamp.difference.max.ms holds for either limit that has its default")
    func difference() throws {
        let log = try open {
            $0.timestampDifferenceMaximumMilliseconds = 10
            $0.timestampAfterMaximumMilliseconds = 20
        }
        #expect(refused(try stamped([Self.now - 10, Self.now + 20]), by: log) == nil)
        #expect(refused(try stamped([Self.now - 11, Self.now + 21]), by: log) == [0, 1])
    }

    @Test("with LogAppendTime no timestamp of a producer is refused")
    func appendTime() throws {
        let log = try open {
            $0.messageTimestampType = .logAppendTime
            $0.timestampBeforeMaximumMilliseconds = 1
            $0.timestampAfterMaximumMilliseconds = 1
        }
        #expect(refused(try stamped([0, Self.now * 2]), by: log) == nil)
        #expect(try log.readAll().map(\.timestamp) == [Self.now, Self.now])
    }

    @Test("a header that claims a timestamp which no record has is refused")
    func wrongHeader() throws {
        let log = try open { _ in }
        var batch = try stamped([Self.now])
        var header = try RecordBatchHeader(peeking: batch)
        header.maxTimestamp = Self.now + 7_200_000
        header.patch(&batch)
        let error = #expect(throws: AppendError.self) { try log.append(batch, leaderEpoch: 0, now: Self.now) }
        #expect(error?.errorCode == .invalidTimestamp && log.logEnd == 0)
    }

    @Test("a refusal names a bounded number of records")
    func bounded() throws {
        let log = try open { $0.timestampBeforeMaximumMilliseconds = 1 }
        let all = refused(try stamped(Array(repeating: 5, count: 500)), by: log)
        #expect(all == Array(0..<RecordRules.maximumNamedRecords))
        let compacted = try open { $0.cleanupPolicy = .compact }
        let error = #expect(throws: AppendError.self) { try compacted.append(makeBatch(500, key: nil)) }
        #expect(error == .missingKey(indexes: Array(0..<RecordRules.maximumNamedRecords)))
    }

    /// A batch of one record whose last byte, the number of its headers, says that there are three.
    private func withoutItsHeaders() throws -> ByteBuffer {
        var batch = try makeBatch(values: ["a"])
        batch.setInteger(UInt8(6), at: batch.writerIndex - 1)
        try RecordBatchHeader(peeking: batch).patch(&batch)
        return batch
    }

    @Test("where records are looked at they are held to the format as a whole; what got in before is cleaned")
    func wholeRecord() throws {
        let compacted = try open { $0.cleanupPolicy = [.compact] }
        #expect(throws: AppendError.invalidBatch(.malformedRecord("the number of headers"))) {
            try compacted.append(try withoutItsHeaders(), leaderEpoch: 0, now: Self.now)
        }
        let plain = try open { _ in }
        try plain.append(try withoutItsHeaders())
        let batch = RecordBatch(header: try #require(try plain.readHeaders().first), bytes: try withoutItsHeaders())
        var filter = RecordBatchFilter()
        var keys: [String] = []
        let options = RecordBatchFilter.Options(maximumDecompressedBytes: 1000, deleteHorizon: 0)
        let outcome = try filter.apply(batch, options) { candidate in
            keys.append(candidate.key.map { String(decoding: $0, as: UTF8.self) } ?? "-")
            return false
        }
        guard case .empty = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(keys == ["k"])
    }

    @Test("a batch may not say that it has more records than its bytes can hold", arguments: Compression.allCases)
    func manyRecords(compression: Compression) throws {
        let log = try open { _ in }
        for (count, isTaken) in [(Int32(1), true), (10_000_000, false), (.max, false)] {
            var batch = try makeBatch(values: ["a"], compression: compression)
            var header = try RecordBatchHeader(peeking: batch)
            (header.recordsCount, header.lastOffsetDelta) = (count, count - 1)
            header.patch(&batch)
            if isTaken {
                try log.append(batch)
            } else {
                #expect(throws: AppendError.invalidBatch(.malformedRecord("the number of records"))) {
                    try log.append(batch, leaderEpoch: 0, now: Self.now)
                }
            }
        }
        #expect(log.logEnd == 1)
    }
}

@Suite("compression.type of a topic")
struct TopicCompressionTests {
    private func open(
        _ compression: LogConfiguration.TopicCompression, maximumBytes: Int = 1 << 20
    ) throws -> PartitionLog {
        var harness = LogHarness()
        harness.configuration.compression = compression
        harness.configuration.maxMessageBytes = maximumBytes
        return try harness.open()
    }

    @Test(
        "batches are stored with the topic's codec, with the same records, producer and timestamps",
        arguments: Compression.allCases, Compression.allCases)
    func recompressed(sent: Compression, stored: Compression) throws {
        let log = try open(.codec(stored))
        let producer = TestProducer(id: 7, epoch: 2, sequence: 0)
        let batch = try makeBatch(20, compression: sent, producer: producer)
        let before = try RecordBatchHeader(peeking: batch)
        try log.append(batch)
        let read = try log.read(from: 0, maxBytes: 1 << 20, below: log.logEnd)
        let header = try #require(try read.headers().first)
        #expect(header.compression == stored)
        #expect(header.producerID == 7 && header.producerEpoch == 2 && header.baseSequence == 0)
        #expect(header.baseTimestamp == before.baseTimestamp && header.maxTimestamp == before.maxTimestamp)
        let records = try log.readAll()
        #expect(records.map(\.offset) == (0..<20).map { Offset($0) })
        #expect(records.map(\.timestamp) == (0..<20).map { 1000 + Int64($0) })
        #expect(try log.append(batch).isDuplicate, "sent again it is known")
        if sent == stored { #expect(header.totalBytes == before.totalBytes) }
    }

    @Test("producer keeps every batch's own codec")
    func producer() throws {
        let log = try open(.producer)
        for compression in Compression.allCases { try log.append(makeBatch(20, compression: compression)) }
        #expect(try log.readHeaders().map(\.compression) == Compression.allCases)
    }

    @Test("a batch must hold max.message.bytes as it was sent and as it is stored")
    func sizes() throws {
        let batch = try makeBatch(valueBytes: 5000, compression: .gzip)
        try open(.producer, maximumBytes: 1000).append(batch)
        let log = try open(.codec(.none), maximumBytes: 1000)
        let error = #expect(throws: AppendError.self) { try log.append(batch) }
        guard case .batchTooLarge(let count, 1000)? = error else {
            Issue.record("not for its size: \(String(describing: error))")
            return
        }
        #expect(count > 5000 && error?.errorCode == .messageTooLarge && log.logEnd == 0)
    }

    @Test("records that are not what their codec says are refused, and so are those that grow without bound")
    func damaged() throws {
        let log = try open(.codec(.zstd))
        var batch = try makeBatch(20, compression: .gzip)
        batch.setInteger(UInt64(0), at: RecordBatchHeader.byteCount)
        try RecordBatchHeader(peeking: batch).patch(&batch)
        let error = #expect(throws: AppendError.self) { try log.append(batch) }
        #expect(error?.errorCode == .corruptMessage && log.logEnd == 0)
    }
}
