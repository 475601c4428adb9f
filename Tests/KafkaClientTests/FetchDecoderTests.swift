import KafkaMessages
import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@testable import KafkaClient

@Suite("FetchDecoder")
struct FetchDecoderTests {
    private let partition = TopicPartition(topic: "t", partition: 0)

    private func makeBatch(
        _ offsets: Range<Int64>, compression: Compression = .none, isControl: Bool = false
    ) throws -> ByteBuffer {
        var builder = RecordBatchBuilder()
        for offset in offsets { builder.append(timestamp: offset, key: nil, value: ByteBuffer(integer: offset)) }
        return try builder.finish(
            compression: compression, baseOffset: Offset(offsets.lowerBound), leaderEpoch: 3, isControl: isControl)
    }

    private func decode(_ bytes: [ByteBuffer], from offset: Offset) throws -> ConsumerBatch {
        var all = ByteBuffer()
        for part in bytes { all.writeImmutableBuffer(part) }
        let data = FetchResponse.PartitionData(highWatermark: 50, records: RecordsPayload(all))
        return try FetchDecoder.decode(data, topicPartition: partition, from: offset).batch
    }

    @Test("a fetch inside a batch drops the records before it", arguments: Compression.allCases)
    func inside(compression: Compression) throws {
        let batch = try decode([makeBatch(0..<5, compression: compression), makeBatch(5..<8)], from: 3)
        #expect(batch.records.map(\.offset) == [3, 4, 5, 6, 7])
        #expect(batch.nextOffset == 8)
        #expect(batch.leaderEpoch == 3)
        #expect(batch.lag == 42)
    }

    @Test("control batches are stepped over, a batch cut off is left for the next fetch")
    func controlAndPartial() throws {
        let cut = try #require(try makeBatch(6..<9).getSlice(at: 0, length: 70))
        let batch = try decode([makeBatch(0..<5), makeBatch(5..<6, isControl: true), cut], from: 0)
        #expect(batch.records.count == 5)
        #expect(batch.nextOffset == 6)
    }

    @Test("a changed byte is a corrupt batch")
    func corruption() throws {
        var bytes = try makeBatch(0..<5)
        bytes.setInteger(UInt8(0xff), at: 65)
        #expect {
            try decode([bytes], from: 0)
        } throws: { error in
            (error as? KafkaError)?.code == .protocolViolation && (error as? KafkaError)?.topicPartition == partition
        }
    }
}
