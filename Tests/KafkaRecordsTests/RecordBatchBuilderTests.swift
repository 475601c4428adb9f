import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@Suite("Record batch builder")
struct RecordBatchBuilderTests {
    @Test("the bytes are those that another client makes of the same records")
    func golden() throws {
        var builder = RecordBatchBuilder()
        for record in Samples.plainRecords {
            builder.append(
                timestamp: record.timestamp, key: record.key, value: record.value, headers: record.headers)
        }
        #expect(try builder.finish(leaderEpoch: 0) == Samples.plain)
    }

    @Test("header fields go where they belong")
    func fields() throws {
        var builder = RecordBatchBuilder()
        builder.append(timestamp: 50, key: nil, value: nil)
        builder.append(timestamp: 40, key: nil, value: nil)
        let batch = try builder.finish(
            compression: .lz4, baseOffset: 100, leaderEpoch: 5, producerID: 6, producerEpoch: 7, baseSequence: 8,
            isTransactional: true, isControl: true)
        let header = try RecordBatchHeader(peeking: batch)
        try header.verifyChecksum(of: batch)
        #expect(header.attributes.rawValue == 3 | 16 | 32)
        #expect(header.baseOffset == 100)
        #expect(header.lastOffset == 101)
        #expect(header.partitionLeaderEpoch == 5)
        #expect(header.producerID == 6)
        #expect(header.producerEpoch == 7)
        #expect(header.baseSequence == 8)
        #expect(header.recordsCount == 2)
        #expect(header.baseTimestamp == 50)
        #expect(header.maxTimestamp == 50)
    }

    @Test("the running size is exact and below the stated bound", arguments: 0..<20 as Range<UInt64>)
    func estimate(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var builder = RecordBatchBuilder(capacity: 0)
        #expect(builder.estimatedBytes == RecordBatchHeader.byteCount)
        for record in Samples.records(count: 50, using: &random) {
            let before = builder.estimatedBytes
            builder.append(
                timestamp: record.timestamp, key: record.key, value: record.value, headers: record.headers)
            let bound = RecordBatchBuilder.maximumRecordBytes(
                key: record.key, value: record.value, headers: record.headers)
            #expect(builder.estimatedBytes - before <= bound)
        }
        #expect(builder.count == 50)
        let estimated = builder.estimatedBytes
        #expect(try builder.finish().readableBytes == estimated)
    }

    @Test("a finished builder starts over")
    func reuse() throws {
        var builder = RecordBatchBuilder()
        for round in 1...3 as ClosedRange<Int64> {
            #expect(builder.isEmpty)
            #expect(builder.estimatedBytes == RecordBatchHeader.byteCount)
            builder.append(timestamp: round, key: nil, value: ByteBuffer(integer: round))
            let expected = Record(offset: 0, timestamp: round, value: ByteBuffer(integer: round))
            #expect(try Samples.read(builder.finish()) == [expected])
        }
    }

    @Test("gaps between offsets stay, as compaction leaves them")
    func gaps() throws {
        var builder = RecordBatchBuilder()
        for delta in [0, 3, 900, Int(Int32.max)] {
            builder.append(timestamp: 1, key: ByteBuffer(integer: delta), value: nil, offsetDelta: delta)
        }
        let batch = try builder.finish(baseOffset: 10)
        #expect(try Samples.read(batch).map(\.offset) == [10, 13, 910, 2_147_483_657])
        #expect(try RecordBatchHeader(peeking: batch).lastOffset == 2_147_483_657)
    }

    @Test("timestamps at the ends of their range come back")
    func extremeTimestamps() throws {
        let timestamps: [Int64] = [0, -1, Int64.max, 1 << 62, Int64.min, 1_700_000_000_000]
        for first in timestamps {
            let records = ([first] + timestamps).enumerated().map { index, timestamp in
                Record(offset: Offset(Int64(index)), timestamp: timestamp, value: ByteBuffer())
            }
            #expect(try Samples.read(Samples.batch(records)) == records)
        }
    }
}
