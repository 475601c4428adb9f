import KafkaTransport
import NIOCore
import Testing

@Suite("Frame assembler")
struct FrameAssemblerTests {
    private static let frames = ["", "a", "station", String(repeating: "x", count: 300)].map { ByteBuffer(string: $0) }

    private static var stream: ByteBuffer {
        var bytes = ByteBuffer()
        for frame in frames {
            bytes.writeInteger(Int32(frame.readableBytes))
            bytes.writeImmutableBuffer(frame)
        }
        return bytes
    }

    private func cut(_ reads: [ByteBuffer], limit: Int = 1000) throws -> [ByteBuffer] {
        var assembler = FrameAssembler(maximumFrameBytes: limit)
        var result: [ByteBuffer] = []
        for read in reads {
            assembler.receive(read)
            while let frame = try assembler.next() { result.append(frame) }
        }
        #expect(assembler.bufferedBytes == 0 && !assembler.isCollecting)
        return result
    }

    @Test("gives the same frames wherever one cut falls")
    func everySplit() throws {
        let stream = Self.stream
        for index in 0...stream.readableBytes {
            let head = try #require(stream.getSlice(at: 0, length: index))
            let tail = try #require(stream.getSlice(at: index, length: stream.readableBytes - index))
            #expect(try cut([head, tail]) == Self.frames, "cut at \(index)")
        }
    }

    @Test("gives the same frames from reads of any size", arguments: 1...20)
    func smallReads(size: Int) throws {
        var stream = Self.stream
        var reads: [ByteBuffer] = []
        while stream.readableBytes > 0, let read = stream.readSlice(length: min(size, stream.readableBytes)) {
            reads.append(read)
        }
        #expect(try cut(reads) == Self.frames)
    }

    @Test("a frame of exactly the limit passes, one byte more is refused before a byte of it is held")
    func limit() throws {
        let full = ByteBuffer(repeating: 7, count: 100)
        var bytes = ByteBuffer(integer: Int32(100))
        bytes.writeImmutableBuffer(full)
        #expect(try cut([bytes], limit: 100) == [full])

        var assembler = FrameAssembler(maximumFrameBytes: 100)
        assembler.receive(ByteBuffer(integer: Int32(101)))
        #expect(throws: FrameError.tooLarge(length: 101, limit: 100)) { try assembler.next() }
        #expect(assembler.bufferedBytes == 0)
    }

    @Test("lengths that cannot be are refused", arguments: [Int32.min, -1, .max])
    func impossible(length: Int32) {
        var assembler = FrameAssembler(maximumFrameBytes: 100)
        assembler.receive(ByteBuffer(integer: length))
        #expect(throws: FrameError.self) { try assembler.next() }
        #expect("\(FrameError.negativeLength(-1))" == "frame length -1 is negative")
        #expect("\(FrameError.tooLarge(length: 9, limit: 8))" == "frame of 9 bytes is over the limit of 8")
    }

    @Test("holds what has come of a frame, not what its prefix claims")
    func claimedLength() throws {
        var assembler = FrameAssembler(maximumFrameBytes: Int(Int32.max))
        var bytes = ByteBuffer(integer: Int32.max)
        bytes.writeRepeatingByte(1, count: 10)
        assembler.receive(bytes)
        #expect(try assembler.next() == nil)
        #expect(assembler.bufferedBytes == 10 && assembler.isCollecting)
    }
}
