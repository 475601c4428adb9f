import KafkaWire
import NIOCore

extension RecordBatchHeader {
    /// Checks one batch as strictly as a leader must before it appends what a producer sent.
    ///
    /// Looks at the header and the checksum, never at a record, so the cost is that of the checksum. The rules are
    /// those of Kafka's brokers for a client's append: format 2, exactly one batch, intact, as many records as offsets,
    /// from offset 0, a known codec, timestamps of the producer's own clock, no control records, and a sequence number
    /// where there is a producer id. `RecordError.errorCode` is the answer to the producer.
    /// - Parameter batch: exactly one batch.
    /// - Returns: the batch's header.
    public static func validate(batch: ByteBuffer) throws(RecordError) -> RecordBatchHeader {
        let header = try RecordBatchHeader(peeking: batch)
        try header.verifyChecksum(of: batch)
        let offsets = Int(header.lastOffsetDelta) + 1
        guard header.recordsCount >= 1, Int(header.recordsCount) == offsets else {
            throw .invalidRecordCount(records: Int(header.recordsCount), offsets: offsets)
        }
        try header.validateSize()
        guard header.baseOffset == 0 else { throw .invalidField("a base offset of \(header.baseOffset)") }
        guard header.compression != nil else { throw .unknownCompression(header.attributes.codec) }
        if header.isControl { throw .invalidField("a control batch") }
        if header.attributes.hasDeleteHorizon { throw .invalidField("a delete horizon") }
        try header.validateTimestamps()
        try header.validateProducer()
        return header
    }

    /// Throws `checksumMismatch` where the bytes are not those that the header was made for.
    /// - Parameter batch: exactly the batch of this header; another length throws `truncated` or `invalidBatchLength`.
    public func verifyChecksum(of batch: ByteBuffer) throws(RecordError) {
        guard batch.readableBytes >= totalBytes else {
            throw .truncated(needed: totalBytes, remaining: batch.readableBytes)
        }
        guard batch.readableBytes == totalBytes else { throw .invalidBatchLength(Int(batchLength)) }
        let computed = Self.computeChecksum(of: batch)
        guard computed == checksum else { throw .checksumMismatch(stored: checksum, computed: computed) }
    }

    /// The checksum that a batch should have.
    static func computeChecksum(of batch: ByteBuffer) -> UInt32 {
        batch.withUnsafeReadableBytes { bytes in
            CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[Self.checksummedFrom...]))
        }
    }

    /// Offsets are the log's own good: a header must not take more of them than its bytes can have records for.
    private func validateSize() throws(RecordError) {
        let stored = totalBytes - Self.byteCount
        let most = compression == Compression.none ? stored : max(stored, RecordBatchReader.usualMaximumBytes)
        guard Int(recordsCount) <= most / RecordBatchReader.minimumRecordBytes else {
            throw .malformedRecord("the number of records")
        }
    }

    private func validateTimestamps() throws(RecordError) {
        guard baseTimestamp >= -1 else { throw .invalidTimestamp(baseTimestamp) }
        guard maxTimestamp >= -1, timestampType == .createTime else { throw .invalidTimestamp(maxTimestamp) }
    }

    private func validateProducer() throws(RecordError) {
        if hasProducerID {
            guard producerEpoch >= 0 else { throw .invalidField("a producer id with epoch \(producerEpoch)") }
            guard baseSequence >= 0 else { throw .invalidField("a producer id with sequence \(baseSequence)") }
        } else if isTransactional {
            throw .invalidField("a transaction without a producer id")
        }
    }
}

extension RecordBatchHeader {
    /// Sets what the leader decides about a batch: base offset and leader epoch. The checksum does not cover them.
    ///
    /// Works in place; a buffer whose memory is shared is copied first, as with every change to a `ByteBuffer`.
    /// - Parameter index: where a complete header starts, as an index of the buffer; its reader index by default.
    public static func assign(
        baseOffset: Offset, leaderEpoch: LeaderEpoch, in buffer: inout ByteBuffer, at index: Int? = nil
    ) {
        let start = index ?? buffer.readerIndex
        precondition(
            start >= buffer.readerIndex && start + byteCount <= buffer.writerIndex,
            "a batch header must be there to change")
        buffer.setInteger(baseOffset.rawValue, at: start)
        buffer.setInteger(leaderEpoch.rawValue, at: start + Layout.partitionLeaderEpoch)
    }

    /// Sets the producer's identity on a batch that is already built and computes the checksum again: for a retry after
    /// the producer got a new id or epoch.
    /// - Parameter batch: exactly one valid batch.
    public static func assign(
        producerID: ProducerID, producerEpoch: Int16, baseSequence: Int32, in batch: inout ByteBuffer
    ) throws(RecordError) {
        try change(&batch) { header in
            header.producerID = producerID
            header.producerEpoch = producerEpoch
            header.baseSequence = baseSequence
        }
    }

    /// Gives every record of a batch the time of its append, for topics of `message.timestamp.type=LogAppendTime`.
    ///
    /// Sets timestamp type and maximum timestamp and computes the checksum again.
    /// - Parameter batch: exactly one valid batch.
    public static func stampAppendTime(_ milliseconds: Int64, on batch: inout ByteBuffer) throws(RecordError) {
        try change(&batch) { header in
            header.attributes.timestampType = .logAppendTime
            header.maxTimestamp = milliseconds
        }
    }

    private static func change(
        _ batch: inout ByteBuffer, _ body: (inout RecordBatchHeader) -> Void
    ) throws(RecordError) {
        var header = try RecordBatchHeader(peeking: batch)
        guard batch.readableBytes == header.totalBytes else {
            throw .truncated(needed: header.totalBytes, remaining: batch.readableBytes)
        }
        body(&header)
        header.patch(&batch)
    }
}
