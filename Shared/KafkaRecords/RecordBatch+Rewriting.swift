import KafkaWire
import NIOCore

extension RecordBatch {
    /// The batch without its records: what keeps a producer's last sequence, or the log's last offset, once the records
    /// themselves are gone. As Kafka's brokers write it.
    public func emptied() -> ByteBuffer {
        var changed = header
        changed.attributes.setCompression(.none)
        changed.attributes.hasDeleteHorizon = false
        changed.baseTimestamp = -1
        changed.recordsCount = 0
        changed.batchLength = Int32(RecordBatchHeader.byteCount - RecordBatchHeader.lengthPrefixByteCount)
        var batch = ByteBuffer()
        batch.writeRepeatingByte(0, count: RecordBatchHeader.byteCount)
        changed.patch(&batch)
        return batch
    }

    /// The same records compressed with another codec; nothing else changes but length and checksum.
    ///
    /// - Parameter maximumDecompressedBytes: the most that the records may grow to on the way.
    public func recompressed(
        with compression: Compression, level: Int? = nil, maximumDecompressedBytes: Int
    ) throws(RecordError) -> RecordBatch {
        let records = try plainRecords(maximumBytes: maximumDecompressedBytes)
        var plain = ByteBuffer()
        plain.reserveCapacity(RecordBatchHeader.byteCount + records.readableBytes)
        plain.writeRepeatingByte(0, count: RecordBatchHeader.byteCount)
        plain.writeImmutableBuffer(records)
        let sealed = try header.seal(plain, compression: compression, level: level)
        return RecordBatch(header: try RecordBatchHeader(peeking: sealed), bytes: sealed)
    }

    /// The bytes of the records without compression.
    func plainRecords(maximumBytes: Int) throws(RecordError) -> ByteBuffer {
        guard let compression = header.compression else { throw .unknownCompression(header.attributes.codec) }
        let start = bytes.readerIndex + RecordBatchHeader.byteCount
        let length = header.totalBytes - RecordBatchHeader.byteCount
        guard header.recordsCount >= 0, let stored = bytes.getSlice(at: start, length: length) else {
            throw .truncated(needed: header.totalBytes, remaining: bytes.readableBytes)
        }
        if compression == .none || (header.recordsCount == 0 && length == 0) { return stored }
        return try compression.decompress(stored, limit: maximumBytes)
    }
}

extension RecordBatchHeader {
    /// A batch of this header's facts from records without compression behind room for a header.
    func seal(
        _ plain: ByteBuffer, compression: Compression, level: Int? = nil
    ) throws(RecordError) -> ByteBuffer {
        var header = self
        header.attributes.setCompression(compression)
        var batch = plain
        if compression != .none {
            var records = plain
            records.moveReaderIndex(forwardBy: Self.byteCount)
            batch = ByteBuffer()
            batch.reserveCapacity(max(256, plain.readableBytes / 2))
            batch.writeRepeatingByte(0, count: Self.byteCount)
            try compression.compress(records, into: &batch, level: level)
        }
        guard let length = Int32(exactly: batch.readableBytes - Self.lengthPrefixByteCount) else {
            throw .invalidBatchLength(batch.readableBytes)
        }
        header.batchLength = length
        header.patch(&batch)
        return batch
    }
}
