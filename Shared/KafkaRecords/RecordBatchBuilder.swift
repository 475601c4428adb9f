import KafkaWire
import NIOCore

/// Makes a batch of records that are added one at a time.
///
/// Records go straight into the batch's buffer behind room for the header, which `finish` fills in: without compression
/// no byte is written twice. A builder is a value with one owner; copying it copies the buffer at the next change.
public struct RecordBatchBuilder: Sendable {
    /// The largest batch that the format's 32-bit length allows.
    public static let maximumBytes = Int(Int32.max)

    private let capacity: Int
    private var buffer: ByteBuffer?
    private var baseTimestamp: Int64 = -1
    private var maxTimestamp: Int64 = -1
    private var lastOffsetDelta = -1

    /// Records added since the start or the last finish.
    public private(set) var count = 0

    /// - Parameter capacity: bytes to reserve with the first record; the batch size that is aimed at.
    public init(capacity: Int = 16 * 1024) {
        self.capacity = capacity
    }

    /// Whether there is no record yet; such a builder cannot be finished.
    public var isEmpty: Bool { count == 0 }

    /// Bytes of the batch without compression if it were finished now; exact.
    public var estimatedBytes: Int { buffer?.readableBytes ?? RecordBatchHeader.byteCount }

    /// The most that one more record can add to ``estimatedBytes``.
    public static func maximumRecordBytes(key: ByteBuffer?, value: ByteBuffer?, headers: [RecordHeader] = []) -> Int {
        // Length 5, attributes 1, timestamp 10, offset 5, key's length 5, value's length 5, number of headers 5.
        headers.reduce(36 + (key?.readableBytes ?? 0) + (value?.readableBytes ?? 0)) { sum, header in
            sum + 10 + header.name.utf8.count + (header.value?.readableBytes ?? 0)
        }
    }

    /// Adds a record.
    ///
    /// - Parameters:
    ///   - timestamp: milliseconds since 1970, or -1 for none.
    ///   - offsetDelta: the record's offset less the base offset; one more than the last record's by default. It must
    ///     be larger than that: compaction leaves gaps but keeps the order.
    /// - Precondition: the batch stays below ``maximumBytes``; see ``maximumRecordBytes(key:value:headers:)``.
    public mutating func append(
        timestamp: Int64, key: ByteBuffer?, value: ByteBuffer?, headers: [RecordHeader] = [], offsetDelta: Int? = nil
    ) {
        Self.withBytes(of: key) { key in
            Self.withBytes(of: value) { value in
                append(
                    timestamp: timestamp, keyBytes: key, valueBytes: value, headers: headers, offsetDelta: offsetDelta)
            }
        }
    }

    /// As ``append(timestamp:key:value:headers:offsetDelta:)`` from raw memory, which is copied.
    public mutating func append(
        timestamp: Int64, keyBytes key: UnsafeRawBufferPointer?, valueBytes value: UnsafeRawBufferPointer?,
        headers: [RecordHeader] = [], offsetDelta: Int? = nil
    ) {
        if count == 0 { start(timestamp: timestamp) }
        let offsetDelta = offsetDelta ?? lastOffsetDelta + 1
        precondition(
            offsetDelta > lastOffsetDelta && offsetDelta <= Int(Int32.max), "offsets within a batch must ascend")
        let timestampDelta = Int(timestamp &- baseTimestamp)
        let bodyBytes =
            1 + Varint.byteCount(timestampDelta) + Varint.byteCount(offsetDelta) + Self.framedBytes(key)
            + Self.framedBytes(value) + Self.byteCount(of: headers)
        let recordBytes = Varint.byteCount(bodyBytes) + bodyBytes
        precondition(estimatedBytes + recordBytes <= Self.maximumBytes, "a batch must stay below 2 GiB")

        buffer?.writeWithUnsafeMutableBytes(minimumWritableBytes: recordBytes) { destination in
            guard var pointer = destination.baseAddress else { return 0 }
            Varint.store(bodyBytes, at: &pointer)
            pointer.storeBytes(of: 0, as: UInt8.self)
            pointer += 1
            Varint.store(timestampDelta, at: &pointer)
            Varint.store(offsetDelta, at: &pointer)
            Self.store(key, at: &pointer)
            Self.store(value, at: &pointer)
            Self.store(headers, at: &pointer)
            return recordBytes
        }
        count += 1
        lastOffsetDelta = offsetDelta
        maxTimestamp = max(maxTimestamp, timestamp)
    }

    private mutating func start(timestamp: Int64) {
        var fresh = ByteBuffer()
        fresh.reserveCapacity(max(capacity, RecordBatchHeader.byteCount))
        fresh.writeRepeatingByte(0, count: RecordBatchHeader.byteCount)
        buffer = fresh
        baseTimestamp = timestamp
        maxTimestamp = timestamp
    }

    /// The batch as bytes; the builder is empty afterwards and can be used again.
    ///
    /// Throws `compressionFailed` where the codec does; then the records are gone.
    /// - Precondition: there is at least one record.
    public mutating func finish(
        compression: Compression = .none, level: Int? = nil, baseOffset: Offset = 0,
        leaderEpoch: LeaderEpoch = .none, producerID: ProducerID = .none, producerEpoch: Int16 = -1,
        baseSequence: Int32 = -1, isTransactional: Bool = false, isControl: Bool = false
    ) throws(RecordError) -> ByteBuffer {
        guard let plain = buffer.take() else { preconditionFailure("a batch must have a record") }
        var header = RecordBatchHeader(
            baseOffset: baseOffset, batchLength: 0, partitionLeaderEpoch: leaderEpoch, checksum: 0,
            attributes: RecordBatchAttributes(
                compression: compression, isTransactional: isTransactional, isControl: isControl),
            lastOffsetDelta: Int32(lastOffsetDelta), baseTimestamp: baseTimestamp, maxTimestamp: maxTimestamp,
            producerID: producerID, producerEpoch: producerEpoch, baseSequence: baseSequence,
            recordsCount: Int32(count))
        reset()
        var batch = compression == .none ? plain : try Self.compressed(plain, compression, level)
        header.batchLength = Int32(batch.readableBytes - RecordBatchHeader.lengthPrefixByteCount)
        header.patch(&batch)
        return batch
    }

    private mutating func reset() {
        buffer = nil
        count = 0
        lastOffsetDelta = -1
        baseTimestamp = -1
        maxTimestamp = -1
    }

    private static func compressed(
        _ plain: ByteBuffer, _ compression: Compression, _ level: Int?
    ) throws(RecordError) -> ByteBuffer {
        var batch = ByteBuffer()
        batch.reserveCapacity(max(256, plain.readableBytes / 2))
        batch.writeRepeatingByte(0, count: RecordBatchHeader.byteCount)
        let records = plain.getSlice(
            at: plain.readerIndex + RecordBatchHeader.byteCount,
            length: plain.readableBytes - RecordBatchHeader.byteCount)
        try compression.compress(records ?? ByteBuffer(), into: &batch, level: level)
        return batch
    }
}

extension RecordBatchHeader {
    /// Writes the header over the first 61 bytes of the batch with the checksum that its bytes then have.
    func patch(_ batch: inout ByteBuffer) {
        var header = self
        batch.withUnsafeMutableReadableBytes { bytes in
            header.checksum = 0
            header.store(in: bytes)
            header.checksum = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[Self.checksummedFrom...]))
            header.store(in: bytes)
        }
    }
}
