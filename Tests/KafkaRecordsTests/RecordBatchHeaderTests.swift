import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@Suite("Record batch header")
struct RecordBatchHeaderTests {
    @Test("every field of another client's batch is found in its place")
    func golden() throws {
        let header = try RecordBatchHeader(peeking: Samples.idempotent)
        #expect(
            header
                == RecordBatchHeader(
                    baseOffset: 0, batchLength: 119, partitionLeaderEpoch: 0, checksum: 0xB7BC_45C7,
                    attributes: RecordBatchAttributes(rawValue: 0), lastOffsetDelta: 2,
                    baseTimestamp: 1_700_000_000_000, maxTimestamp: 1_700_000_000_250, producerID: 4711,
                    producerEpoch: 3, baseSequence: Int32.max - 1, recordsCount: 3))
        #expect(header.totalBytes == Samples.idempotent.readableBytes)
        #expect(header.lastOffset == 2)
        #expect(header.nextOffset == 3)
        #expect(header.compression == Compression.none)
        #expect(header.timestampType == .createTime)
        #expect(header.hasProducerID)
        #expect(!header.isTransactional)
        #expect(!header.isControl)
    }

    @Test("sequence numbers start over at 0 after 2^31 - 1")
    func sequences() throws {
        let header = try RecordBatchHeader(peeking: Samples.idempotent)
        #expect(header.lastSequence == 0)
        #expect(header.nextSequence == 1)
        let plain = try RecordBatchHeader(peeking: Samples.plain)
        #expect(plain.lastSequence == -1)
        #expect(plain.nextSequence == -1)
        #expect(!plain.hasProducerID)
    }

    @Test("a header is written as it was read", arguments: [Samples.plain, Samples.idempotent])
    func roundTrip(batch: ByteBuffer) throws {
        var written = ByteBuffer()
        try RecordBatchHeader(peeking: batch).write(to: &written)
        #expect(written == batch.getSlice(at: 0, length: RecordBatchHeader.byteCount))
    }

    @Test("a header can be anywhere in a buffer, and needs all of its bytes")
    func positions() throws {
        var buffer = ByteBuffer(string: "xxxxx")
        buffer.moveReaderIndex(forwardBy: 2)
        buffer.writeImmutableBuffer(Samples.plain)
        #expect(try RecordBatchHeader(peeking: buffer, at: 5) == RecordBatchHeader(peeking: Samples.plain))
        for index in [Int.min / 2, -1, 0, 1, 5 + Samples.plain.readableBytes - 60, 5000] {
            #expect(throws: RecordError.self) { try RecordBatchHeader(peeking: buffer, at: index) }
        }
        for length in 0..<RecordBatchHeader.byteCount {
            let cut = try #require(Samples.plain.getSlice(at: 0, length: length))
            #expect(throws: RecordError.truncated(needed: 61, remaining: length)) {
                try RecordBatchHeader(peeking: cut)
            }
        }
    }

    @Test("the attribute bits mean what Kafka says", arguments: Compression.allCases)
    func attributes(compression: Compression) {
        for bits in 0..<8 as Range<Int16> {
            let attributes = RecordBatchAttributes(
                compression: compression, timestampType: bits & 1 == 0 ? .createTime : .logAppendTime,
                isTransactional: bits & 2 != 0, isControl: bits & 4 != 0)
            #expect(attributes.rawValue == compression.rawValue | bits << 3)
            #expect(attributes.compression == compression)
            #expect(attributes.timestampType == (bits & 1 == 0 ? .createTime : .logAppendTime))
            #expect(attributes.isTransactional == (bits & 2 != 0))
            #expect(attributes.isControl == (bits & 4 != 0))
            #expect(!attributes.hasDeleteHorizon)
        }
        #expect(RecordBatchAttributes(rawValue: 64).hasDeleteHorizon)
        #expect(RecordBatchAttributes(rawValue: 5).compression == nil)
    }

    @Test("base offset and leader epoch change in place and leave the checksum valid")
    func assign() throws {
        var buffer = ByteBuffer(string: "before")
        buffer.writeImmutableBuffer(Samples.plain)
        RecordBatchHeader.assign(baseOffset: 1_234_567_890_123, leaderEpoch: 7, in: &buffer, at: 6)
        let batch = try #require(buffer.getSlice(at: 6, length: Samples.plain.readableBytes))
        let header = try RecordBatchHeader(peeking: batch)
        #expect(header.baseOffset == 1_234_567_890_123)
        #expect(header.partitionLeaderEpoch == 7)
        try header.verifyChecksum(of: batch)
        #expect(try Samples.read(batch).map(\.offset) == [0, 1, 2].map { Offset(1_234_567_890_123 + $0) })
    }

    @Test("with the time of the append every record has that time")
    func appendTime() throws {
        for compression in Compression.allCases where compression != .none {
            var batch = try Samples.repeated(compression)
            try RecordBatchHeader.stampAppendTime(1_800_000_000_123, on: &batch)
            let header = try RecordBatchHeader(peeking: batch)
            #expect(header.timestampType == .logAppendTime)
            #expect(header.compression == compression)
            #expect(header.maxTimestamp == 1_800_000_000_123)
            try header.verifyChecksum(of: batch)
            #expect(try Samples.read(batch).allSatisfy { $0.timestamp == 1_800_000_000_123 })
            var walker = try RecordBatchReader(batch, maximumDecompressedBytes: 1000)
            #expect(try walker.nextPosition()?.timestamp == 1_800_000_000_123)
        }
    }

    @Test("a producer's new identity leaves a batch that is valid")
    func newProducer() throws {
        var batch = Samples.plain
        try RecordBatchHeader.assign(producerID: 4711, producerEpoch: 3, baseSequence: Int32.max - 1, in: &batch)
        #expect(batch == Samples.idempotent)
    }
}
