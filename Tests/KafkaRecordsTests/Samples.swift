import KafkaRecords
import KafkaWire
import NIOCore
import Testing

/// Batches that kafka-python 3.0 made, so that they are not our own idea of the format.
enum Samples {
    /// Three records: key, value and two headers, one null; no key; a key without a value and an earlier timestamp.
    static let plain = bytes(
        "0000000000000000000000770000000002272100710000000000020000018bcfe568000000018bcfe568faffffffffff",
        "ffffffffffffffffff00000003500000000c747269702d370e6172726976656404167472616365706172656e740a3030",
        "2d6162026e011e00f403020110646570617274656400180013040c747269702d390100")

    /// The same records from producer 4711 in epoch 3 with sequence numbers from 2^31 - 2.
    static let idempotent = bytes(
        "0000000000000000000000770000000002b7bc45c70000000000020000018bcfe568000000018bcfe568fa0000000000",
        "00126700037ffffffe00000003500000000c747269702d370e6172726976656404167472616365706172656e740a3030",
        "2d6162026e011e00f403020110646570617274656400180013040c747269702d390100")

    /// Twelve records with the value "platform change", a millisecond apart, with each codec.
    static func repeated(_ compression: Compression) throws -> ByteBuffer {
        try #require(repeatedByCodec[compression])
    }

    private static let repeatedByCodec: [Compression: ByteBuffer] = [
        .gzip: bytes(
            "00000000000000000000008a0000000002a402061100010000000b0000018bcfe568000000018bcfe5680bffffffffff",
            "ffffffffffffffffff0000000c1f8b08001a50016b02ffd362606060942bc8492c49cb2fca5548ce48cc4b4f65d06260",
            "62c226cac2824d948d0d9b28070736512e2e6ca23c3cd844f9f8b0890a0860131512c2262a22824d544c0c531400f1a4",
            "609908010000"),
        .snappy: bytes(
            "0000000000000000000000a100000000027a75ab2f00020000000b0000018bcfe568000000018bcfe5680bffffffffff",
            "ffffffffffffffffff0000000c82534e415050590000000001000000010000005c8802642a000000011e706c6174666f",
            "726d206368616e6765002a0002024e16000404044e16000406064e16000408084e1600040a0a4e1600040c0c4e160004",
            "0e0e4e16000410104e16000412124e16000414144e1600041616461600"),
        .lz4: bytes(
            "0000000000000000000000a80000000002233e0b6600030000000b0000018bcfe568000000018bcfe5680bffffffffff",
            "ffffffffffffffffff0000000c04224d18684008010000000000001160000000ff0b2a000000011e706c6174666f726d",
            "206368616e6765002a0002021600012f04041600012f06061600012f08081600012f0a0a1600012f0c0c1600012f0e0e",
            "1600012f10101600012f12121600012f1414160001291616160050616e67650000000000"),
        .zstd: bytes(
            "0000000000000000000000840000000002426b26b500040000000b0000018bcfe568000000018bcfe5680bffffffffff",
            "ffffffffffffffffff0000000c28b52ffd6008004d0200e4022a000000011e706c6174666f726d206368616e6765002a",
            "0002020404060608080a0a0c0c0e0e10101212141416160b00c0c380c680c680c680c680c680c680c680c680c6263dc7"),
    ]

    /// What ``plain`` holds, from offset 0.
    static let plainRecords = [
        Record(
            offset: 0, timestamp: 1_700_000_000_000, key: ByteBuffer(string: "trip-7"),
            value: ByteBuffer(string: "arrived"),
            headers: [
                RecordHeader(name: "traceparent", value: ByteBuffer(string: "00-ab")),
                RecordHeader(name: "n", value: nil),
            ]),
        Record(offset: 1, timestamp: 1_700_000_000_250, value: ByteBuffer(string: "departed")),
        Record(offset: 2, timestamp: 1_699_999_999_990, key: ByteBuffer(string: "trip-9"), value: nil),
    ]

    /// The bytes of hexadecimal digits.
    static func bytes(_ hexadecimal: String...) -> ByteBuffer {
        let digits = hexadecimal.joined().compactMap(\.hexDigitValue)
        let pairs = stride(from: 0, to: digits.count - 1, by: 2)
        return ByteBuffer(bytes: pairs.map { UInt8(digits[$0] * 16 + digits[$0 + 1]) })
    }

    /// Records of every shape: none, empty and some for keys, values and headers; timestamps in any order.
    static func records(count: Int, using random: inout SeededGenerator) -> [Record] {
        (0..<count).map { index in
            let headers = (0..<(Int.random(in: 0...5, using: &random) / 4 * 2)).map { number in
                RecordHeader(name: "header-\(number)", value: optionalBytes(upTo: 40, using: &random))
            }
            return Record(
                offset: Offset(Int64(index)), timestamp: Int64.random(in: -1...1_800_000_000_000, using: &random),
                key: optionalBytes(upTo: 20, using: &random), value: optionalBytes(upTo: 300, using: &random),
                headers: headers)
        }
    }

    private static func optionalBytes(upTo count: Int, using random: inout SeededGenerator) -> ByteBuffer? {
        if Int.random(in: 0..<6, using: &random) == 0 { return nil }
        let count = Int.random(in: 0...count, using: &random)
        return ByteBuffer(bytes: (0..<count).map { _ in UInt8.random(in: 97...104, using: &random) })
    }

    /// A batch of the records as a producer sends it.
    static func batch(_ records: [Record], compression: Compression = .none) throws -> ByteBuffer {
        var builder = RecordBatchBuilder(capacity: 1024)
        for record in records {
            builder.append(
                timestamp: record.timestamp, key: record.key, value: record.value, headers: record.headers)
        }
        return try builder.finish(compression: compression)
    }

    /// All records of a batch.
    static func read(_ batch: ByteBuffer, limit: Int = 1 << 20) throws(RecordError) -> [Record] {
        var reader = try RecordBatchReader(batch, maximumDecompressedBytes: limit)
        return try reader.readAll()
    }

    /// The batch with `length` fewer bytes at its end and a batch length that says so.
    static func shortened(_ batch: ByteBuffer, by length: Int) throws -> ByteBuffer {
        var cut = try #require(batch.getSlice(at: batch.readerIndex, length: batch.readableBytes - length))
        cut.setInteger(Int32(cut.readableBytes - 12), at: cut.readerIndex + 8)
        return cut
    }

    /// The batch with the checksum that its bytes have now.
    static func resealed(_ batch: ByteBuffer) throws -> ByteBuffer {
        var batch = batch
        let covered = try #require(batch.getSlice(at: batch.readerIndex + 21, length: batch.readableBytes - 21))
        batch.setInteger(CRC32C.checksum(covered), at: batch.readerIndex + 17)
        return batch
    }
}
