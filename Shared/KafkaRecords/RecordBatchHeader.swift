import KafkaWire
import NIOCore

/// The fixed part in front of the records of a batch, format 2.
///
/// Everything a broker needs for a batch is in here, so that it never looks at a record. Integers are big-endian;
/// the checksum covers everything from the attributes to the batch's end, which lets a broker set base offset and
/// leader epoch without computing it again. Source: Kafka's documentation, "Record Batch"; KIP-98.
public struct RecordBatchHeader: Equatable, Sendable {
    /// Bytes of a header.
    public static let byteCount = 61
    /// The only format this build reads and writes.
    public static let currentMagic: Int8 = 2
    /// Bytes in front of the batch length's count: base offset and the length itself.
    public static let lengthPrefixByteCount = 12
    /// The first byte under the checksum.
    public static let checksummedFrom = Layout.attributes

    /// The first record's offset. A producer sends 0, the leader replaces it.
    public var baseOffset: Offset
    /// Bytes after this field up to the batch's end.
    public var batchLength: Int32
    /// The epoch of the leader that appended the batch; not covered by the checksum.
    public var partitionLeaderEpoch: LeaderEpoch
    /// The format's number.
    public var magic: Int8
    /// CRC-32C from the attributes to the end.
    public var checksum: UInt32
    /// Codec, timestamp type and flags.
    public var attributes: RecordBatchAttributes
    /// The last record's offset less the base offset; compaction keeps it, also when that record is gone.
    public var lastOffsetDelta: Int32
    /// Milliseconds since 1970 that the records' own timestamps count from; -1 for none.
    public var baseTimestamp: Int64
    /// The latest of the records' timestamps, or the time of the append, in milliseconds since 1970; -1 for none.
    public var maxTimestamp: Int64
    /// The idempotent producer that sent the batch; -1 for one that is not.
    public var producerID: ProducerID
    /// -1 for a producer that is not idempotent.
    public var producerEpoch: Int16
    /// The first record's sequence number of this producer and partition; -1 for one that is not idempotent.
    public var baseSequence: Int32
    /// The number of records in the batch; after compaction less than the offsets it covers.
    public var recordsCount: Int32

    /// Where each field starts.
    enum Layout {
        static let batchLength = 8
        static let partitionLeaderEpoch = 12
        static let magic = 16
        static let checksum = 17
        static let attributes = 21
        static let lastOffsetDelta = 23
        static let baseTimestamp = 27
        static let maxTimestamp = 35
        static let producerID = 43
        static let producerEpoch = 51
        static let baseSequence = 53
        static let recordsCount = 57
    }

    /// A header from its fields; nothing is checked.
    public init(
        baseOffset: Offset = 0, batchLength: Int32, partitionLeaderEpoch: LeaderEpoch = .none,
        magic: Int8 = RecordBatchHeader.currentMagic, checksum: UInt32, attributes: RecordBatchAttributes,
        lastOffsetDelta: Int32, baseTimestamp: Int64, maxTimestamp: Int64, producerID: ProducerID = .none,
        producerEpoch: Int16 = -1, baseSequence: Int32 = -1, recordsCount: Int32
    ) {
        self.baseOffset = baseOffset
        self.batchLength = batchLength
        self.partitionLeaderEpoch = partitionLeaderEpoch
        self.magic = magic
        self.checksum = checksum
        self.attributes = attributes
        self.lastOffsetDelta = lastOffsetDelta
        self.baseTimestamp = baseTimestamp
        self.maxTimestamp = maxTimestamp
        self.producerID = producerID
        self.producerEpoch = producerEpoch
        self.baseSequence = baseSequence
        self.recordsCount = recordsCount
    }

    /// Reads a header without moving the reader index, copying or allocating; the batch behind it may be missing.
    ///
    /// Only format and batch length are checked here: whoever holds the header can step to the next batch. Throws
    /// `truncated`, `unsupportedMagic` or `invalidBatchLength`.
    /// - Parameter index: where the batch starts, as an index of the buffer; its reader index by default.
    public init(peeking buffer: ByteBuffer, at index: Int? = nil) throws(RecordError) {
        let start = (index ?? buffer.readerIndex) - buffer.readerIndex
        let remaining = buffer.readableBytes - start
        guard start >= 0, remaining >= Self.byteCount else {
            throw .truncated(needed: Self.byteCount, remaining: max(0, min(remaining, buffer.readableBytes)))
        }
        self = buffer.withUnsafeReadableBytes { bytes in
            RecordBatchHeader(unchecked: UnsafeRawBufferPointer(rebasing: bytes[start..<(start + Self.byteCount)]))
        }
        try checkFormat()
    }

    /// Reads a header from the first 61 of the bytes; checks as ``init(peeking:at:)``.
    public init(peeking bytes: UnsafeRawBufferPointer) throws(RecordError) {
        guard bytes.count >= Self.byteCount else {
            throw .truncated(needed: Self.byteCount, remaining: bytes.count)
        }
        self.init(unchecked: bytes)
        try checkFormat()
    }

    private func checkFormat() throws(RecordError) {
        guard magic == Self.currentMagic else { throw .unsupportedMagic(magic) }
        guard batchLength >= Int32(Self.byteCount - Self.lengthPrefixByteCount) else {
            throw .invalidBatchLength(Int(batchLength))
        }
    }

    private init(unchecked bytes: UnsafeRawBufferPointer) {
        func load<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int) -> Value {
            Value(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
        }
        self.init(
            baseOffset: Offset(load(0)), batchLength: load(Layout.batchLength),
            partitionLeaderEpoch: LeaderEpoch(load(Layout.partitionLeaderEpoch)), magic: load(Layout.magic),
            checksum: load(Layout.checksum), attributes: RecordBatchAttributes(rawValue: load(Layout.attributes)),
            lastOffsetDelta: load(Layout.lastOffsetDelta), baseTimestamp: load(Layout.baseTimestamp),
            maxTimestamp: load(Layout.maxTimestamp), producerID: ProducerID(load(Layout.producerID)),
            producerEpoch: load(Layout.producerEpoch), baseSequence: load(Layout.baseSequence),
            recordsCount: load(Layout.recordsCount))
    }

    /// Appends the 61 bytes.
    public func write(to buffer: inout ByteBuffer) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.byteCount) { bytes in
            store(in: bytes)
            return Self.byteCount
        }
    }

    /// Writes the 61 bytes at the front of `bytes`.
    func store(in bytes: UnsafeMutableRawBufferPointer) {
        func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, _ offset: Int) {
            bytes.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Value.self)
        }
        store(baseOffset.rawValue, 0)
        store(batchLength, Layout.batchLength)
        store(partitionLeaderEpoch.rawValue, Layout.partitionLeaderEpoch)
        store(magic, Layout.magic)
        store(checksum, Layout.checksum)
        store(attributes.rawValue, Layout.attributes)
        store(lastOffsetDelta, Layout.lastOffsetDelta)
        store(baseTimestamp, Layout.baseTimestamp)
        store(maxTimestamp, Layout.maxTimestamp)
        store(producerID.rawValue, Layout.producerID)
        store(producerEpoch, Layout.producerEpoch)
        store(baseSequence, Layout.baseSequence)
        store(recordsCount, Layout.recordsCount)
    }
}
