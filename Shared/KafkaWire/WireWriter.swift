import NIOCore

/// Writes the protocol's primitives into a list of pieces ready for a socket.
///
/// Small fields go into one growing buffer. Record batches that are already bytes somewhere else, in memory or in a
/// segment file, are taken over as pieces of their own and never copied.
public struct WireWriter: Sendable {
    /// Record payloads below this many bytes are copied into the current buffer: a piece of its own costs more.
    public static let inlinePayloadBytes = 1024

    private var finished: [WirePiece] = []
    private var finishedBytes = 0
    @usableFromInline var current: ByteBuffer

    /// - Parameter capacity: bytes to reserve for the first buffer.
    public init(capacity: Int = 256) {
        current = ByteBuffer()
        current.reserveCapacity(capacity)
    }

    /// Bytes written so far over all pieces.
    public var byteCount: Int { finishedBytes + current.readableBytes }

    /// All pieces in order.
    public consuming func finish() -> [WirePiece] {
        if current.readableBytes > 0 { finished.append(.bytes(current)) }
        return finished
    }

    /// Everything as one buffer, for messages that carry no file payload.
    public consuming func finishBytes() -> ByteBuffer {
        if finished.isEmpty { return current }
        var all = ByteBuffer()
        all.reserveCapacity(byteCount)
        for piece in finish() {
            guard case .bytes(let bytes) = piece else { preconditionFailure("a file payload needs finishContiguous()") }
            all.writeImmutableBuffer(bytes)
        }
        return all
    }

    /// Everything as one contiguous buffer; payloads in memory are copied, file payloads read.
    public consuming func finishContiguous() throws -> ByteBuffer {
        if finished.isEmpty { return current }
        let count = byteCount
        var all = ByteBuffer()
        all.reserveCapacity(count)
        for piece in finish() {
            var bytes = try piece.readBytes()
            all.writeBuffer(&bytes)
        }
        return all
    }

    // MARK: Fixed width

    /// A big-endian integer of the type's own width.
    @inlinable
    public mutating func write(_ value: some FixedWidthInteger) { current.writeInteger(value, endianness: .big) }
    /// One byte, 0 or 1.
    @inlinable
    public mutating func write(_ value: Bool) { current.writeInteger(value ? 1 as UInt8 : 0) }
    /// Eight bytes, IEEE 754.
    @inlinable
    public mutating func write(_ value: Double) { current.writeInteger(value.bitPattern, endianness: .big) }

    /// Sixteen bytes.
    @inlinable
    public mutating func write(_ value: KafkaUUID) {
        current.writeMultipleIntegers(value.high, value.low, endianness: .big)
    }

    // MARK: Varints

    /// One to five bytes, least significant group first.
    public mutating func writeUnsignedVarint(_ value: UInt32) { writeVarintBits(UInt64(value)) }

    /// Zigzag, 32 bits: lengths and offset deltas inside a record.
    public mutating func writeVarint(_ value: Int32) {
        writeVarintBits(UInt64(UInt32(bitPattern: (value << 1) ^ (value >> 31))))
    }

    /// Zigzag, 64 bits: timestamp deltas inside a record.
    public mutating func writeVarlong(_ value: Int64) {
        writeVarintBits(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    private mutating func writeVarintBits(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            current.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        current.writeInteger(UInt8(rest))
    }

    // MARK: Lengths

    private mutating func writeLength(_ length: Int?, flexible: Bool, short: Bool) {
        if flexible {
            writeUnsignedVarint(UInt32((length ?? -1) + 1))
        } else if short {
            write(Int16(length ?? -1))
        } else {
            write(Int32(length ?? -1))
        }
    }

    /// The count in front of an array; `nil` writes a null array.
    public mutating func writeCount(_ count: Int?, flexible: Bool) {
        writeLength(count, flexible: flexible, short: false)
    }

    // MARK: Strings and bytes

    /// Throws `invalidLength` for more than 32,767 bytes of UTF-8 where the version has a 16-bit length.
    public mutating func write(_ value: String?, flexible: Bool) throws(WireError) {
        guard let value else { return writeLength(nil, flexible: flexible, short: true) }
        let length = value.utf8.count
        if length > Int(Int16.max) { throw .invalidLength(length) }
        writeLength(length, flexible: flexible, short: true)
        current.writeString(value)
    }

    /// Bytes with their length in front; `nil` writes null.
    public mutating func write(_ value: ByteBuffer?, flexible: Bool) {
        writeLength(value?.readableBytes, flexible: flexible, short: false)
        if let value { current.writeImmutableBuffer(value) }
    }

    /// A record-batch field: large payloads become pieces of their own.
    public mutating func write(_ value: RecordsPayload?, flexible: Bool) {
        writeLength(value?.byteCount, flexible: flexible, short: false)
        if let value { write(unframed: value) }
    }

    /// Bytes without a length in front.
    public mutating func write(unframed bytes: ByteBuffer) { current.writeImmutableBuffer(bytes) }

    /// A payload without a length in front.
    public mutating func write(unframed payload: RecordsPayload) {
        for piece in payload.pieces {
            switch piece {
            case .bytes(let bytes) where bytes.readableBytes < Self.inlinePayloadBytes:
                current.writeImmutableBuffer(bytes)
            case .bytes, .file:
                append(piece)
            }
        }
    }

    private mutating func append(_ piece: WirePiece) {
        if current.readableBytes > 0 {
            finished.append(.bytes(current))
            finishedBytes += current.readableBytes
            current = ByteBuffer()
        }
        finished.append(piece)
        finishedBytes += piece.byteCount
    }

    // MARK: Tagged fields

    /// Writes a tagged section (KIP-482). The closure adds fields in ascending order of tag.
    public mutating func writeTaggedFields(
        _ body: (inout TaggedFieldsWriter) throws(WireError) -> Void = { _ in }
    ) throws(WireError) {
        var fields = TaggedFieldsWriter()
        try body(&fields)
        writeUnsignedVarint(UInt32(fields.fields.count))
        for field in fields.fields {
            writeUnsignedVarint(field.tag)
            writeUnsignedVarint(UInt32(field.bytes.byteCount))
            append(contentsOf: field.bytes)
        }
    }

    /// Ends a struct of a flexible version that has no tagged fields to write.
    public mutating func writeNoTaggedFields() { writeUnsignedVarint(0) }

    private mutating func append(contentsOf other: WireWriter) {
        for piece in other.finish() {
            write(unframed: RecordsPayload(pieces: [piece]))
        }
    }
}

/// Collects the tagged fields of one section.
public struct TaggedFieldsWriter: Sendable {
    fileprivate var fields: [(tag: UInt32, bytes: WireWriter)] = []

    /// Adds one field; tags must ascend.
    public mutating func add(
        tag: UInt32, _ body: (inout WireWriter) throws(WireError) -> Void
    ) throws(WireError) {
        if let last = fields.last?.tag, tag <= last { throw .invalidTag(tag) }
        var writer = WireWriter(capacity: 32)
        try body(&writer)
        fields.append((tag, writer))
    }
}
