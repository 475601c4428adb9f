import KafkaRecords
import KafkaWire
import NIOCore

extension FuzzTarget {
    /// A compressed batch may grow to this much.
    private static let maximumDecompressedBytes = 1 << 20

    static let recordTargets: [FuzzTarget] = [recordBatches, recordContents, controlRecord] + codecs

    /// What a producer sends, what a segment holds: batches one after the other.
    private static let recordBatches = FuzzTarget(
        "record-batches", seeds: Compression.allCases.map { Array(sampleBatch($0).readableBytesView) }
    ) { bytes in
        for trailing in [RecordBatchSequence.TrailingPartialBatch.error, .stop] {
            var batches = RecordBatchSequence(ByteBuffer(bytes: bytes), trailing: trailing)
            while let batch = try? batches.next() {
                _ = try? RecordBatchHeader.validate(batch: batch.bytes)
                readAll(batch)
            }
        }
    }

    /// The records behind a header whose checksum is right, so that a mutation reaches the records.
    private static let recordContents = FuzzTarget(
        "record-contents",
        seeds: [[0, 2] + Array(sampleBatch(.none).readableBytesView.dropFirst(RecordBatchHeader.byteCount))]
    ) { bytes in
        var input = FuzzInput(bytes)
        let attributes = RecordBatchAttributes(rawValue: Int16(input.byte()))
        let count = Int32(input.byte())
        let records = input.remaining()
        var header = RecordBatchHeader(
            batchLength: Int32(records.count + RecordBatchHeader.byteCount - RecordBatchHeader.lengthPrefixByteCount),
            checksum: 0, attributes: attributes, lastOffsetDelta: count - 1, baseTimestamp: 1, maxTimestamp: 1,
            recordsCount: count)
        header.checksum = checksum(of: header, records)
        var batch = ByteBuffer()
        header.write(to: &batch)
        batch.writeBytes(records)
        readAll(RecordBatch(header: header, bytes: batch))
    }

    private static func checksum(of header: RecordBatchHeader, _ records: [UInt8]) -> UInt32 {
        var bytes = ByteBuffer()
        header.write(to: &bytes)
        bytes.moveReaderIndex(forwardBy: RecordBatchHeader.checksummedFrom)
        return CRC32C.extend(CRC32C.checksum(bytes), with: ByteBuffer(bytes: records))
    }

    private static func readAll(_ batch: RecordBatch) {
        guard var reader = try? RecordBatchReader(batch, maximumDecompressedBytes: maximumDecompressedBytes),
            let records = try? reader.readAll()
        else { return }
        precondition(records.count == Int(batch.header.recordsCount), "a batch holds as many records as it says")
    }

    private static let controlRecord = FuzzTarget(
        "control-record", seeds: [Array(ControlRecord.commit.key.readableBytesView)]
    ) { bytes in
        _ = try? ControlRecord(key: ByteBuffer(bytes: bytes))
    }

    private static let codecs: [FuzzTarget] = Compression.allCases.filter { $0 != .none }.map { codec in
        let text = ByteBuffer(string: String(repeating: "signal box, ", count: 40))
        let seed = (try? codec.compress(text)).map { Array($0.readableBytesView) }
        return FuzzTarget("codec-\(codec)", seeds: seed.map { [$0] } ?? []) { bytes in
            guard let plain = try? codec.decompress(ByteBuffer(bytes: bytes), limit: maximumDecompressedBytes) else {
                return
            }
            precondition(plain.readableBytes <= maximumDecompressedBytes, "\(codec) grew past its limit")
        }
    }

    /// Three records, one of them a tombstone, one with headers.
    static func sampleBatch(
        _ codec: Compression, baseOffset: Offset = 0, producerID: ProducerID = .none
    ) -> ByteBuffer {
        var builder = RecordBatchBuilder()
        let headers = [RecordHeader(name: "ce_id", value: ByteBuffer(string: "1"))]
        let hasProducer = producerID != .none
        do {
            builder.append(timestamp: 1_700_000_000_000, key: ByteBuffer(string: "k"), value: ByteBuffer(string: "v"))
            builder.append(timestamp: 1_700_000_000_001, key: ByteBuffer(string: "gone"), value: nil)
            builder.append(
                timestamp: 1_700_000_000_002, key: nil, value: ByteBuffer(repeating: 7, count: 300), headers: headers)
            return try builder.finish(
                compression: codec, baseOffset: baseOffset, producerID: producerID,
                producerEpoch: hasProducer ? 0 : -1, baseSequence: hasProducer ? 0 : -1)
        } catch {
            preconditionFailure("a sample batch cannot be made: \(error)")
        }
    }
}
