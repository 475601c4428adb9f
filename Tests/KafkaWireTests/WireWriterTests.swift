import KafkaWire
import NIOCore
import Testing

@Suite("Writing the wire's primitives")
struct WireWriterTests {
    private func bytes(_ body: (inout WireWriter) throws -> Void) rethrows -> [UInt8] {
        var writer = WireWriter()
        try body(&writer)
        return Array(writer.finishBytes().readableBytesView)
    }

    @Test(
        "unsigned varints take as few bytes as they can and read back",
        arguments: [
            (0, 1), (127, 1), (128, 2), (16383, 2), (16384, 3), (1 << 21, 4), (1 << 28, 5), (UInt32.max, 5),
        ] as [(UInt32, Int)])
    func unsignedVarints(value: UInt32, count: Int) throws {
        let written = bytes { $0.writeUnsignedVarint(value) }
        #expect(written.count == count)
        var reader = WireReader(ByteBuffer(bytes: written))
        #expect(try reader.readUnsignedVarint() == value)
        try reader.finish()
    }

    @Test("zigzag varints of 32 bits read back", arguments: [0, -1, 1, 63, -64, 64, -65, .max, .min] as [Int32])
    func varints(value: Int32) throws {
        let written = bytes { $0.writeVarint(value) }
        #expect((written.count == 1) == (-64...63).contains(value))
        var reader = WireReader(ByteBuffer(bytes: written))
        #expect(try reader.readVarint() == value)
    }

    @Test("zigzag varints of 64 bits read back", arguments: [0, -1, 1, 1 << 40, -1 << 40, .max, .min] as [Int64])
    func varlongs(value: Int64) throws {
        var reader = WireReader(ByteBuffer(bytes: bytes { $0.writeVarlong(value) }))
        #expect(try reader.readVarlong() == value)
    }

    @Test("null, empty and filled in both forms of length")
    func lengths() throws {
        #expect(try bytes { try $0.write(nil as String?, flexible: false) } == [0xFF, 0xFF])
        #expect(try bytes { try $0.write("", flexible: false) } == [0, 0])
        #expect(try bytes { try $0.write("é", flexible: false) } == [0, 2, 0xC3, 0xA9])
        #expect(try bytes { try $0.write(nil as String?, flexible: true) } == [0])
        #expect(try bytes { try $0.write("", flexible: true) } == [1])
        #expect(bytes { $0.write(nil as ByteBuffer?, flexible: false) } == [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(bytes { $0.write(ByteBuffer(bytes: [9]), flexible: true) } == [2, 9])
        #expect(bytes { $0.writeCount(nil, flexible: true) } == [0])
        #expect(bytes { $0.writeCount(0, flexible: false) } == [0, 0, 0, 0])
        #expect(bytes { $0.write(RecordsPayload.empty, flexible: true) } == [1])
    }

    @Test("text of more than 32,767 bytes is refused")
    func longText() throws {
        let longest = String(repeating: "x", count: 32767)
        #expect(try bytes { try $0.write(longest, flexible: false) }.count == 32769)
        var writer = WireWriter()
        #expect(throws: WireError.invalidLength(32768)) { try writer.write(longest + "x", flexible: false) }
    }

    @Test("tagged fields carry their size; a tag out of order is refused")
    func taggedFields() throws {
        let written = try bytes { writer in
            try writer.writeTaggedFields { fields throws(WireError) in
                try fields.add(tag: 1) { field in field.write(7 as Int16) }
                try fields.add(tag: 300) { _ in }
            }
        }
        #expect(written == [2, 1, 2, 0, 7, 0xAC, 0x02, 0])
        #expect(bytes { $0.writeNoTaggedFields() } == [0])
        var writer = WireWriter()
        #expect(throws: WireError.invalidTag(1)) {
            try writer.writeTaggedFields { fields throws(WireError) in
                try fields.add(tag: 1) { _ in }
                try fields.add(tag: 1) { _ in }
            }
        }
    }

    @Test("a large payload is a piece of its own, a small one is copied, the order stays")
    func pieces() throws {
        let large = ByteBuffer(repeating: 1, count: WireWriter.inlinePayloadBytes)
        let small = ByteBuffer(repeating: 2, count: WireWriter.inlinePayloadBytes - 1)
        var writer = WireWriter()
        writer.write(1 as Int8)
        writer.write(RecordsPayload(large), flexible: true)
        writer.write(RecordsPayload(small), flexible: true)
        writer.write(2 as Int8)
        let count = writer.byteCount
        let copy = writer
        let pieces = copy.finish()
        #expect(pieces.map(\.byteCount) == [3, 1024, 2 + 1023 + 1])
        #expect(count == pieces.reduce(0) { $0 + $1.byteCount })
        var joined = ByteBuffer()
        for piece in pieces { joined.writeImmutableBuffer(try piece.readBytes()) }
        #expect(try writer.finishContiguous() == joined)
    }

    @Test("a payload with a large piece inside a tagged field keeps its place")
    func piecesInTaggedFields() throws {
        let large = ByteBuffer(repeating: 1, count: 2000)
        var writer = WireWriter()
        try writer.writeTaggedFields { fields throws(WireError) in
            try fields.add(tag: 0) { field in field.write(unframed: large) }
            try fields.add(tag: 1) { field in field.write(unframed: RecordsPayload(large)) }
        }
        var reader = WireReader(writer.finishBytes())
        var sizes: [Int] = []
        try reader.readTaggedFields { (_, field) throws(WireError) in
            sizes.append(try field.readSlice(length: field.remaining).readableBytes)
            return true
        }
        #expect(sizes == [2000, 2000])
        try reader.finish()
    }
}
