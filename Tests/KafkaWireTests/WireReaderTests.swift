import KafkaWire
import NIOCore
import Testing

@Suite("Reading the wire's primitives")
struct WireReaderTests {
    private func reader(_ bytes: UInt8...) -> WireReader { WireReader(ByteBuffer(bytes: bytes)) }

    @Test("integers are big-endian and signed where their type is")
    func integers() throws {
        var reader = reader(0xFF, 0x01, 0x02, 0x80, 0, 0, 0, 0xFF, 0xFF, 2)
        #expect(try reader.readInt8() == -1)
        #expect(try reader.readInt16() == 0x0102)
        #expect(try reader.readInt32() == .min)
        #expect(try reader.readUInt16() == .max)
        #expect(try reader.readBool())
        try reader.finish()
    }

    @Test("each fixed width needs all of its bytes")
    func truncatedIntegers() {
        var reader = reader(1, 2, 3)
        #expect(throws: WireError.truncated(needed: 4, remaining: 3)) { try reader.readInt32() }
        #expect(throws: WireError.truncated(needed: 8, remaining: 3)) { try reader.readInt64() }
        #expect(throws: WireError.truncated(needed: 8, remaining: 3)) { try reader.readUUID() }
        #expect(throws: WireError.trailingBytes(3)) { try reader.finish() }
    }

    @Test("varints of five bytes reach 2^32 - 1 and no further")
    func unsignedVarintEdges() throws {
        var largest = reader(0xFF, 0xFF, 0xFF, 0xFF, 0x0F)
        #expect(try largest.readUnsignedVarint() == .max)
        var over = reader(0xFF, 0xFF, 0xFF, 0xFF, 0x1F)
        #expect(throws: WireError.varintOverflow) { try over.readUnsignedVarint() }
        var endless = reader(0x80, 0x80, 0x80, 0x80, 0x80, 0x00)
        #expect(throws: WireError.varintOverflow) { try endless.readUnsignedVarint() }
        var cut = reader(0x80)
        #expect(throws: WireError.truncated(needed: 1, remaining: 0)) { try cut.readUnsignedVarint() }
        var padded = reader(0x81, 0x00)
        #expect(try padded.readUnsignedVarint() == 1)
    }

    @Test("varlongs of ten bytes reach both ends of 64 bits and no further")
    func varlongEdges() throws {
        var over = reader(0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02)
        #expect(throws: WireError.varintOverflow) { try over.readVarlong() }
        var smallest = reader(0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01)
        #expect(try smallest.readVarlong() == .min)
        var eleven = reader(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00)
        #expect(throws: WireError.varintOverflow) { try eleven.readVarlong() }
    }

    @Test("null and empty are not the same, in both forms of length")
    func nullAndEmpty() throws {
        var fixed = reader(0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0)
        #expect(try fixed.readNullableString(flexible: false) == nil)
        #expect(try fixed.readNullableString(flexible: false) == "")
        #expect(try fixed.readNullableBytes(flexible: false) == nil)
        #expect(try fixed.readNullableCount(flexible: false) == 0)
        var compact = reader(0, 1, 0, 1)
        #expect(try compact.readNullableString(flexible: true) == nil)
        #expect(try compact.readNullableString(flexible: true) == "")
        #expect(try compact.readNullableRecords(flexible: true) == nil)
        #expect(try compact.readNullableRecords(flexible: true) == .empty)
    }

    @Test("null where a value is required")
    func unexpectedNull() {
        var compact = reader(0)
        #expect(throws: WireError.unexpectedNull) { try compact.readString(flexible: true) }
        var fixed = reader(0xFF, 0xFF, 0xFF, 0xFF)
        #expect(throws: WireError.unexpectedNull) { try fixed.readCount(flexible: false) }
    }

    @Test("a length below -1 is no length")
    func negativeLengths() {
        var short = reader(0xFF, 0xFE)
        #expect(throws: WireError.invalidLength(-2)) { try short.readNullableString(flexible: false) }
        var long = reader(0x80, 0, 0, 0)
        #expect(throws: WireError.invalidLength(Int(Int32.min))) { try long.readNullableBytes(flexible: false) }
        var slice = reader(1)
        #expect(throws: WireError.invalidLength(-1)) { try slice.readSlice(length: -1) }
    }

    @Test("lengths up to 2^32 are refused when the bytes are not there", arguments: [true, false])
    func hugeLengths(flexible: Bool) {
        let huge: [UInt8] = flexible ? [0xFF, 0xFF, 0xFF, 0xFF, 0x0F] : [0x7F, 0xFF, 0xFF, 0xFF]
        let length = flexible ? Int(UInt32.max) - 1 : Int(Int32.max)
        let bytes = ByteBuffer(bytes: huge + [1, 2, 3])
        #expect(throws: WireError.truncated(needed: length, remaining: 3)) {
            var reader = WireReader(bytes)
            _ = try reader.readBytes(flexible: flexible)
        }
        #expect(throws: WireError.invalidLength(length)) {
            var reader = WireReader(bytes)
            _ = try reader.readCount(flexible: flexible)
        }
    }

    @Test("a count is refused when its elements at their smallest do not fit")
    func countsAgainstElements() throws {
        var reader = WireReader(ByteBuffer(bytes: [0, 0, 0, 3] + [UInt8](repeating: 0, count: 12)))
        #expect(throws: WireError.invalidLength(3)) {
            var copy = reader
            _ = try copy.readCount(flexible: false, minimumElementBytes: 5)
        }
        #expect(try reader.readCount(flexible: false, minimumElementBytes: 4) == 3)
    }

    @Test("text must be UTF-8")
    func invalidText() {
        var reader = reader(0, 2, 0xC3, 0x28)
        #expect(throws: WireError.invalidUTF8) { try reader.readString(flexible: false) }
    }

    @Test("tagged fields ascend; unknown ones are skipped, known ones must be used up")
    func taggedFields() throws {
        var unknown = reader(2, 5, 2, 0xAA, 0xBB, 7, 0, 0x11)
        try unknown.readTaggedFields()
        #expect(try unknown.readInt8() == 0x11)
        var repeated = reader(2, 5, 0, 5, 0)
        #expect(throws: WireError.invalidTag(5)) { try repeated.readTaggedFields() }
        var long = reader(1, 0, 2, 1, 2)
        #expect(throws: WireError.trailingBytes(1)) {
            try long.readTaggedFields { (_, field) throws(WireError) in
                _ = try field.readInt8()
                return true
            }
        }
        var short = reader(1, 0, 1, 1, 2, 3, 4)
        #expect(throws: WireError.truncated(needed: 4, remaining: 1)) {
            try short.readTaggedFields { (_, field) throws(WireError) in
                _ = try field.readInt32()
                return true
            }
        }
        var many = reader(0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1, 0)
        #expect(throws: WireError.self) { try many.readTaggedFields() }
    }
}
