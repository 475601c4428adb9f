import NIOCore

/// Reads the protocol's primitives from the front of a buffer.
///
/// Nothing is allocated for a length before the bytes are known to be there, so a hostile length costs nothing.
/// Byte fields come back as slices that share the buffer's memory. Source: protocol guide, "Protocol Primitive Types".
public struct WireReader: Sendable {
    @usableFromInline var bytes: ByteBuffer
    /// How many elements the arrays that follow may still have in all.
    @usableFromInline var elementsLeft: Int
    @usableFromInline var elementLimit: Int

    /// Reads from the front of `buffer`.
    @inlinable
    public init(_ buffer: ByteBuffer) {
        bytes = buffer
        elementsLeft = .max
        elementLimit = .max
    }

    /// What has not been read yet.
    @inlinable
    public var buffer: ByteBuffer { bytes }

    /// Bytes not read yet.
    @inlinable
    public var remaining: Int { bytes.readableBytes }

    /// Bounds the elements of all arrays that follow together. An element of one byte may take a hundred in memory, so
    /// a bound on a message's bytes alone bounds little.
    public mutating func limitElements(to count: Int) {
        elementsLeft = count
        elementLimit = count
    }

    /// Throws when bytes are left: a message that is longer than its fields is not the message it says it is.
    public func finish() throws(WireError) {
        if remaining != 0 { throw .trailingBytes(remaining) }
    }

    // MARK: Fixed width

    /// A big-endian integer of the type's own width.
    @inlinable
    public mutating func readInteger<Value: FixedWidthInteger>(as type: Value.Type = Value.self) throws(WireError)
        -> Value
    {
        guard let value = bytes.readInteger(endianness: .big, as: type) else {
            throw .truncated(needed: MemoryLayout<Value>.size, remaining: remaining)
        }
        return value
    }

    /// One byte.
    @inlinable
    public mutating func readInt8() throws(WireError) -> Int8 { try readInteger() }
    /// Two bytes, big-endian.
    @inlinable
    public mutating func readInt16() throws(WireError) -> Int16 { try readInteger() }
    /// Four bytes, big-endian.
    @inlinable
    public mutating func readInt32() throws(WireError) -> Int32 { try readInteger() }
    /// Eight bytes, big-endian.
    @inlinable
    public mutating func readInt64() throws(WireError) -> Int64 { try readInteger() }
    /// Two bytes, big-endian, without sign.
    @inlinable
    public mutating func readUInt16() throws(WireError) -> UInt16 { try readInteger() }
    /// Four bytes, big-endian, without sign.
    @inlinable
    public mutating func readUInt32() throws(WireError) -> UInt32 { try readInteger() }

    /// Any byte but zero is true.
    @inlinable
    public mutating func readBool() throws(WireError) -> Bool { try readInt8() != 0 }

    /// Eight bytes, IEEE 754.
    @inlinable
    public mutating func readFloat64() throws(WireError) -> Double {
        Double(bitPattern: try readInteger(as: UInt64.self))
    }

    /// Sixteen bytes.
    @inlinable
    public mutating func readUUID() throws(WireError) -> KafkaUUID {
        let high: UInt64 = try readInteger()
        return KafkaUUID(high: high, low: try readInteger())
    }

    // MARK: Varints

    /// At most five bytes, least significant group first.
    public mutating func readUnsignedVarint() throws(WireError) -> UInt32 {
        let value = try readVarintBits(maximumBytes: 5)
        guard let narrow = UInt32(exactly: value) else { throw .varintOverflow }
        return narrow
    }

    /// Zigzag, 32 bits: lengths and offset deltas inside a record.
    public mutating func readVarint() throws(WireError) -> Int32 {
        let value = try readUnsignedVarint()
        return Int32(bitPattern: value >> 1) ^ -Int32(bitPattern: value & 1)
    }

    /// Zigzag, 64 bits: timestamp deltas inside a record.
    public mutating func readVarlong() throws(WireError) -> Int64 {
        let value = try readVarintBits(maximumBytes: 10)
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    private mutating func readVarintBits(maximumBytes: Int) throws(WireError) -> UInt64 {
        let first: UInt8 = try readInteger()
        return first < 0x80 ? UInt64(first) : try readVarintBits(after: first, maximumBytes: maximumBytes)
    }

    private mutating func readVarintBits(after first: UInt8, maximumBytes: Int) throws(WireError) -> UInt64 {
        var value = UInt64(first & 0x7F)
        for index in 1..<maximumBytes {
            let byte: UInt8 = try readInteger()
            let group = UInt64(byte & 0x7F)
            let shift = UInt64(index * 7)
            if shift == 63, group > 1 { throw .varintOverflow }
            value |= group << shift
            if byte & 0x80 == 0 { return value }
        }
        throw .varintOverflow
    }

    // MARK: Lengths

    /// The length in front of a string, byte field or array; `nil` for null.
    private mutating func readLength(flexible: Bool, short: Bool) throws(WireError) -> Int? {
        if flexible {
            let length = try readUnsignedVarint()
            return length == 0 ? nil : Int(length) - 1
        }
        let length = short ? Int(try readInt16()) : Int(try readInt32())
        if length < -1 { throw .invalidLength(length) }
        return length == -1 ? nil : length
    }

    /// The number of elements that follow, or `nil` for a null array.
    ///
    /// - Parameter minimumElementBytes: the fewest bytes one element takes on the wire, at least 1; a count that cannot
    ///   fit into what remains is refused here, before the caller reserves anything.
    public mutating func readNullableCount(flexible: Bool, minimumElementBytes: Int = 1) throws(WireError) -> Int? {
        guard let count = try readLength(flexible: flexible, short: false) else { return nil }
        guard count <= remaining / max(1, minimumElementBytes) else { throw .invalidLength(count) }
        guard count <= elementsLeft else { throw .tooManyElements(count, limit: elementLimit) }
        elementsLeft -= count
        return count
    }

    /// As ``readNullableCount(flexible:minimumElementBytes:)``, where null is an error.
    public mutating func readCount(flexible: Bool, minimumElementBytes: Int = 1) throws(WireError) -> Int {
        guard let count = try readNullableCount(flexible: flexible, minimumElementBytes: minimumElementBytes) else {
            throw .unexpectedNull
        }
        return count
    }

    // MARK: Strings and bytes

    /// UTF-8 text, or `nil` for null.
    public mutating func readNullableString(flexible: Bool) throws(WireError) -> String? {
        guard let length = try readLength(flexible: flexible, short: true) else { return nil }
        guard length <= remaining else { throw .truncated(needed: length, remaining: remaining) }
        guard let text = try? bytes.readUTF8ValidatedString(length: length) else { throw .invalidUTF8 }
        return text
    }

    /// UTF-8 text, where null is an error.
    public mutating func readString(flexible: Bool) throws(WireError) -> String {
        guard let text = try readNullableString(flexible: flexible) else { throw .unexpectedNull }
        return text
    }

    /// A slice of the same memory.
    public mutating func readNullableBytes(flexible: Bool) throws(WireError) -> ByteBuffer? {
        guard let length = try readLength(flexible: flexible, short: false) else { return nil }
        return try readSlice(length: length)
    }

    /// A slice of the same memory, where null is an error.
    public mutating func readBytes(flexible: Bool) throws(WireError) -> ByteBuffer {
        guard let bytes = try readNullableBytes(flexible: flexible) else { throw .unexpectedNull }
        return bytes
    }

    /// Exactly `length` bytes as a slice of the same memory.
    public mutating func readSlice(length: Int) throws(WireError) -> ByteBuffer {
        guard length >= 0 else { throw .invalidLength(length) }
        guard let slice = bytes.readSlice(length: length) else {
            throw .truncated(needed: length, remaining: remaining)
        }
        return slice
    }

    // MARK: Tagged fields

    /// Reads a tagged section (KIP-482); tags the closure does not know are skipped.
    ///
    /// - Parameter field: called with each tag and a reader over exactly that field's bytes; returns whether it knew
    ///   the tag. A known field must use up its bytes.
    public mutating func readTaggedFields(
        _ field: (_ tag: UInt32, _ reader: inout WireReader) throws(WireError) -> Bool = { _, _ in false }
    ) throws(WireError) {
        let count = try readUnsignedVarint()
        var previous: UInt32?
        for _ in 0..<count {
            let tag = try readUnsignedVarint()
            if let previous, tag <= previous { throw .invalidTag(tag) }
            previous = tag
            let length = Int(try readUnsignedVarint())
            var reader = WireReader(try readSlice(length: length))
            reader.elementsLeft = elementsLeft
            reader.elementLimit = elementLimit
            if try field(tag, &reader) { try reader.finish() }
            elementsLeft = reader.elementsLeft
        }
    }

    /// Reads over a tagged section of which no tag is known.
    public mutating func skipTaggedFields() throws(WireError) { try readTaggedFields() }
}
