import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@Suite("Bound of decompression")
struct CompressionBoundTests {
    @Test("the bound is exact to the byte", arguments: CompressionTests.codecs, [1, 1000, 65_536, 65_537, 300_000])
    func exact(compression: Compression, size: Int) throws {
        let original = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 % 251) })
        let compressed = try compression.compress(original)
        #expect(try compression.decompress(compressed, limit: size) == original)
        for limit in [size - 1, size / 2, 0, -1] {
            #expect(throws: RecordError.decompressedTooLarge(limit: limit)) {
                try compression.decompress(compressed, limit: limit)
            }
        }
        let most = try compression.decompress(compressed, limit: .max)
        #expect(most == original)
    }

    @Test("64 MiB from a few KiB stop at the bound", arguments: CompressionTests.codecs)
    func bomb(compression: Compression) throws {
        let bomb = try compression.compress(ByteBuffer(repeating: 0, count: 64 << 20))
        #expect(bomb.readableBytes < 4 << 20)
        let error = #expect(throws: RecordError.self) { try compression.decompress(bomb, limit: 1 << 20) }
        #expect(error == .decompressedTooLarge(limit: 1 << 20))
        #expect(error?.errorCode == .messageTooLarge)
    }

    @Test("a bomb inside a batch is the reader's error", arguments: CompressionTests.codecs)
    func bombInBatch(compression: Compression) throws {
        var builder = RecordBatchBuilder()
        builder.append(timestamp: 0, key: nil, value: ByteBuffer(repeating: 0, count: 4 << 20))
        let batch = try builder.finish(compression: compression)
        #expect(throws: RecordError.decompressedTooLarge(limit: 1 << 20)) { try Samples.read(batch, limit: 1 << 20) }
    }

    @Test("a result without its own compression is not larger than the bound either")
    func plain() throws {
        let bytes = ByteBuffer(repeating: 0, count: 10)
        #expect(try Compression.none.decompress(bytes, limit: 10) == bytes)
        #expect(throws: RecordError.decompressedTooLarge(limit: 9)) {
            try Compression.none.decompress(bytes, limit: 9)
        }
    }

    @Test("a length that the bytes cannot fill reserves nothing")
    func snappyLie() {
        // A raw block that says 4 GiB - 1, and one that says 1 MiB, of which there are four bytes.
        let lies = [[0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0], [0x80, 0x80, 0x40, 0xFE, 1, 0]] as [[UInt8]]
        for lie in lies {
            #expect(throws: RecordError.self) {
                try Compression.snappy.decompress(ByteBuffer(bytes: lie), limit: .max)
            }
        }
    }

    @Test("a zstd frame whose window is larger than the bound allows is refused")
    func zstdWindow() throws {
        // 680 bytes of text with a window of 128 MiB.
        let frame = Samples.bytes("28b52ffd0088c5000088747261696e203720646570617274733b20010029513597")
        #expect(throws: RecordError.self) { try Compression.zstd.decompress(frame, limit: 1 << 20) }
        #expect(try Compression.zstd.decompress(frame, limit: 1 << 27) == CompressionTests.text)
    }
}
