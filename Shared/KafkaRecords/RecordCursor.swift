/// Reads the integers and lengths of records from raw memory; never past `end`.
struct RecordCursor {
    let bytes: UnsafeRawBufferPointer
    private(set) var position: Int
    private(set) var end: Int

    init(_ bytes: UnsafeRawBufferPointer, position: Int) {
        self.bytes = bytes
        self.position = position
        end = bytes.count
    }

    var remaining: Int { end - position }

    /// Narrows the cursor to the next `length` bytes.
    mutating func enter(length: Int) {
        end = position + length
    }

    mutating func readByte(_ name: StaticString) throws(RecordError) -> UInt8 {
        guard position < end else { throw Self.malformed(name) }
        defer { position += 1 }
        return bytes[position]
    }

    /// A zigzag varint of at most 32 bits.
    @inline(__always)
    mutating func readVarint(_ name: StaticString) throws(RecordError) -> Int {
        let bits = try readBits(name, maximumBytes: 5)
        guard bits <= UInt64(UInt32.max) else { throw Self.malformed(name) }
        return Int(truncatingIfNeeded: bits >> 1) ^ -Int(truncatingIfNeeded: bits & 1)
    }

    /// A zigzag varint of at most 64 bits.
    @inline(__always)
    mutating func readVarlong(_ name: StaticString) throws(RecordError) -> Int64 {
        let bits = try readBits(name, maximumBytes: 10)
        return Int64(bitPattern: bits >> 1) ^ -Int64(bitPattern: bits & 1)
    }

    @inline(__always)
    private mutating func readBits(_ name: StaticString, maximumBytes: Int) throws(RecordError) -> UInt64 {
        if position < end, bytes[position] < 0x80 {
            position += 1
            return UInt64(bytes[position - 1])
        }
        return try readLongBits(name, maximumBytes: maximumBytes)
    }

    private mutating func readLongBits(_ name: StaticString, maximumBytes: Int) throws(RecordError) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<maximumBytes {
            let byte = try readByte(name)
            let group = UInt64(byte & 0x7F)
            if index == 9, group > 1 { throw Self.malformed(name) }
            value |= group << UInt64(index * 7)
            if byte & 0x80 == 0 { return value }
        }
        throw Self.malformed(name)
    }

    /// A length and that many bytes, which are skipped; `nil` for a length of -1.
    @inline(__always)
    mutating func readNullableRange(_ name: StaticString) throws(RecordError) -> Range<Int>? {
        let length = try readVarint(name)
        if length == -1 { return nil }
        guard length >= 0, length <= remaining else { throw Self.malformed(name) }
        defer { position += length }
        return position..<(position + length)
    }

    static func malformed(_ name: StaticString) -> RecordError {
        .malformedRecord(name.description)
    }
}

/// Where the parts of one record are, as offsets into the records' bytes.
struct RecordLayout {
    var timestampDelta: Int64
    var offsetDelta: Int
    var key: Range<Int>?
    /// Not set by ``RecordCursor/readRecordStart()``.
    var value: Range<Int>?
    var headersCount = 0
    /// The byte after the record.
    var end: Int
}

extension RecordCursor {
    /// Length, attributes, timestamp, offset and key; leaves the cursor narrowed to the rest of the record.
    mutating func readRecordStart() throws(RecordError) -> RecordLayout {
        let length = try readVarint("the length")
        guard length >= 0, length <= remaining else { throw Self.malformed("the length") }
        enter(length: length)
        // The attributes have no bits in use; what is there is ignored, as Kafka does.
        _ = try readByte("the attributes")
        let timestampDelta = try readVarlong("the timestamp")
        let offsetDelta = try readVarint("the offset")
        let key = try readNullableRange("the key's length")
        return RecordLayout(timestampDelta: timestampDelta, offsetDelta: offsetDelta, key: key, end: end)
    }

    /// Everything up to the headers, whose number has been checked against the bytes that remain.
    mutating func readRecord() throws(RecordError) -> RecordLayout {
        var layout = try readRecordUpToValue()
        let count = try readVarint("the number of headers")
        // A header takes at least two bytes, the lengths of its name and value.
        guard count >= 0, count <= remaining / 2 else { throw Self.malformed("the number of headers") }
        layout.headersCount = count
        if count == 0 { try finishRecord() }
        return layout
    }

    /// One header's name and the place of its value.
    mutating func readHeader() throws(RecordError) -> (name: String, value: Range<Int>?) {
        guard let name = try readNullableRange("a header name's length") else {
            throw Self.malformed("a header name's length")
        }
        let value = try readNullableRange("a header value's length")
        return (String(decoding: UnsafeRawBufferPointer(rebasing: bytes[name]), as: UTF8.self), value)
    }

    /// As ``readHeader()`` without making anything of it.
    mutating func skipHeader() throws(RecordError) {
        guard try readNullableRange("a header name's length") != nil else {
            throw Self.malformed("a header name's length")
        }
        _ = try readNullableRange("a header value's length")
    }

    /// Everything up to the value; leaves the cursor narrowed to the headers, which are not looked at.
    mutating func readRecordUpToValue() throws(RecordError) -> RecordLayout {
        var layout = try readRecordStart()
        layout.value = try readNullableRange("the value's length")
        return layout
    }

    /// Throws where the record's length says more than its fields used.
    func finishRecord() throws(RecordError) {
        guard remaining == 0 else { throw Self.malformed("the length") }
    }
}
