import KafkaRecords
import NIOCore
import Testing

@Suite("Compression")
struct CompressionTests {
    static let codecs = Compression.allCases.filter { $0 != .none }

    @Test("names are Kafka's", arguments: zip(Compression.allCases, ["none", "gzip", "snappy", "lz4", "zstd"]))
    func names(compression: Compression, name: String) {
        #expect(compression.name == name)
        #expect(Compression(name: name) == compression)
        #expect(Compression(name: name.uppercased()) == nil)
    }

    @Test(
        "bytes of every size come back",
        arguments: codecs, [0, 1, 2, 100, 32_767, 32_768, 32_769, 65_536, 100_000, 1_000_000])
    func roundTrip(compression: Compression, size: Int) throws {
        var random = SeededGenerator(seed: UInt64(size))
        let repetitive = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 / 7 % 50) })
        let noise = ByteBuffer(bytes: (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) })
        for original in [repetitive, noise] {
            let compressed = try compression.compress(original)
            #expect(try compression.decompress(compressed, limit: size) == original)
        }
    }

    @Test("every level can be read; one outside the codec's scale is moved into it", arguments: codecs)
    func levels(compression: Compression) throws {
        let original = ByteBuffer(repeating: 3, count: 10_000)
        for level in [Int.min, -7, 0, 1, 9, 12, 22, Int.max] {
            let compressed = try compression.compress(original, level: level)
            #expect(try compression.decompress(compressed, limit: 10_000) == original)
        }
    }

    /// What the Python libraries python-snappy, lz4, zstandard and gzip made of ``CompressionTests/text``.
    static let foreign: [(String, Compression, ByteBuffer)] = [
        (
            "lz4: linked blocks, block and content checksums, content size", .lz4,
            Samples.bytes(
                "04224d187c40a802000000000000c01e000000ff02747261696e203720646570617274733b201100ffff81507274733b",
                "20ac44551b00000000a7dc5a9c")
        ),
        (
            "lz4: two frames", .lz4,
            Samples.bytes(
                "04224d186040821d000000ff02747261696e203720646570617274733b201100ff2c507274733b200000000004224d18",
                "6040821d000000ff02747261696e203720646570617274733b201100ff2c507274733b2000000000")
        ),
        (
            "zstd: two frames with checksums, without sizes", .zstd,
            Samples.bytes(
                "28b52ffd0400c5000088747261696e203720646570617274733b20010081489d4bd611a23628b52ffd0400c500008874",
                "7261696e203720646570617274733b20010081489d4bd611a236")
        ),
        (
            "gzip: two members", .gzip,
            Samples.bytes(
                "1f8b08000000000002032b294acccc53305748492d482c2a29b656281915a0540000836bff89540100001f8b08000000",
                "000002032b294acccc53305748492d482c2a29b656281915a0540000836bff8954010000")
        ),
        (
            "snappy: raw", .snappy,
            Samples.bytes(
                "a80540747261696e203720646570617274733b20fe1100fe1100fe1100fe1100fe1100fe1100fe1100fe1100fe1100fe",
                "11005a1100")
        ),
        (
            "snappy: two xerial streams of one and two blocks", .snappy,
            Samples.bytes(
                "82534e4150505900000000010000000100000025d40240747261696e203720646570617274733b20fe1100fe1100fe11",
                "00fe1100ee11000d1182534e4150505900000000010000000100000020840240747261696e203720646570617274733b",
                "20fe1100fe1100fe1100ca1100000000165040203720646570617274733b20747261696efa1100")
        ),
    ]

    static let text = ByteBuffer(string: String(repeating: "train 7 departs; ", count: 40))

    @Test("what other libraries write is read", arguments: foreign)
    func foreignBytes(name: String, compression: Compression, bytes: ByteBuffer) throws {
        #expect(try compression.decompress(bytes, limit: 680) == Self.text)
        #expect(throws: RecordError.decompressedTooLarge(limit: 679)) { try compression.decompress(bytes, limit: 679) }
    }

    @Test("snappy is written with xerial's header and blocks of 32 KiB")
    func xerial() throws {
        var bytes = try Compression.snappy.compress(ByteBuffer(repeating: 1, count: 70_000))
        #expect(bytes.readBytes(length: 8) == [0x82] + Array("SNAPPY".utf8) + [0])
        #expect(bytes.readInteger(as: Int32.self) == 1)
        #expect(bytes.readInteger(as: Int32.self) == 1)
        var blocks = 0
        while let length = bytes.readInteger(as: Int32.self) {
            #expect(bytes.readSlice(length: Int(length)) != nil)
            blocks += 1
        }
        #expect(blocks == 3)
        #expect(bytes.readableBytes == 0)
    }

    @Test("lz4 is written as Kafka's Java client reads it: independent blocks of 64 KiB, no checksum of the content")
    func lz4Frame() throws {
        let bytes = try Compression.lz4.compress(ByteBuffer(repeating: 1, count: 200_000))
        #expect(bytes.getBytes(at: 0, length: 6) == [0x04, 0x22, 0x4D, 0x18, 0x60, 0x40])
    }

    @Test("compressed bytes cut anywhere throw", arguments: codecs)
    func truncated(compression: Compression) throws {
        var random = SeededGenerator(seed: 3)
        let original = ByteBuffer(bytes: (0..<600).map { _ in UInt8.random(in: 60...70, using: &random) })
        let whole = try compression.compress(original)
        // A xerial header alone is a stream without blocks.
        let complete = compression == .snappy ? 16 : -1
        for length in 0..<whole.readableBytes where length != complete {
            let cut = try #require(whole.getSlice(at: 0, length: length))
            #expect(throws: RecordError.self, "\(length) bytes") { try compression.decompress(cut, limit: 10_000) }
        }
    }

    @Test("bytes after the end throw", arguments: codecs)
    func trailing(compression: Compression) throws {
        var bytes = try compression.compress(Self.text)
        bytes.writeBytes([1, 2, 3, 4, 5])
        #expect(throws: RecordError.self) { try compression.decompress(bytes, limit: 10_000) }
    }
}
