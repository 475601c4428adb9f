import KafkaWire

extension RecordBatchHeader {
    /// The whole batch's bytes, header and length field included.
    public var totalBytes: Int { Self.lengthPrefixByteCount + Int(batchLength) }

    /// The last offset the batch covers.
    public var lastOffset: Offset { baseOffset + Int64(lastOffsetDelta) }

    /// The offset after the batch.
    public var nextOffset: Offset { lastOffset + 1 }

    /// The codec, or `nil` where the number is not in use.
    public var compression: Compression? { attributes.compression }

    /// Whose clock the timestamps come from.
    public var timestampType: TimestampType { attributes.timestampType }

    /// Part of a transaction, or the marker that ends one.
    public var isTransactional: Bool { attributes.isTransactional }

    /// Holds control records, which consumers skip.
    public var isControl: Bool { attributes.isControl }

    /// Whether the producer is idempotent, so that its sequence numbers must be in order.
    public var hasProducerID: Bool { producerID >= 0 }

    /// The last record's sequence number; -1 without one.
    public var lastSequence: Int32 {
        baseSequence < 0 ? -1 : Self.sequence(after: baseSequence, by: lastOffsetDelta)
    }

    /// The sequence number that the producer's next batch must start with; -1 without one.
    public var nextSequence: Int32 {
        baseSequence < 0 ? -1 : Self.sequence(after: lastSequence, by: 1)
    }

    /// Sequence numbers run from 0 to 2^31 - 1 and start over at 0.
    public static func sequence(after sequence: Int32, by count: Int32) -> Int32 {
        Int32((Int64(sequence) + Int64(count)) & Int64(Int32.max))
    }
}
