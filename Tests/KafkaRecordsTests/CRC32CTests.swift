import CChecksums
import KafkaWire
import NIOCore
import Testing

@Suite("CRC-32C")
struct CRC32CTests {
    @Test("known vectors of RFC 3720 come out")
    func knownVectors() {
        #expect(CRC32C.checksum(ByteBuffer()) == 0)
        #expect(CRC32C.checksum(ByteBuffer(string: "123456789")) == 0xE306_9283)
        #expect(CRC32C.checksum(ByteBuffer(repeating: 0x00, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum(ByteBuffer(repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(CRC32C.checksum(ByteBuffer(bytes: 0..<32 as Range<UInt8>)) == 0x46DD_794E)
        #expect(CRC32C.checksum(ByteBuffer(bytes: (0..<32 as Range<UInt8>).reversed())) == 0x113F_DB5C)
    }

    @Test("tables give the known vector too")
    func software() {
        let sum = Array("123456789".utf8).withUnsafeBytes { signalbox_crc32c_software(0, $0.baseAddress, $0.count) }
        #expect(sum == 0xE306_9283)
    }

    @Test("hardware and tables agree on every length and alignment", arguments: 0..<8 as Range<UInt64>)
    func hardwareEqualsSoftware(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let bytes = (0..<20_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        let lengths = Array(0..<800) + (0..<200).map { _ in Int.random(in: 800...19_900, using: &random) }
        bytes.withUnsafeBytes { all in
            for length in lengths {
                let start = Int.random(in: 0..<64, using: &random)
                let part = UnsafeRawBufferPointer(rebasing: all[start..<(start + length)])
                let initial = UInt32.random(in: 0...UInt32.max, using: &random)
                let expected = signalbox_crc32c_software(initial, part.baseAddress, part.count)
                #expect(signalbox_crc32c(initial, part.baseAddress, part.count) == expected)
                if signalbox_crc32c_has_hardware() {
                    #expect(signalbox_crc32c_hardware(initial, part.baseAddress, part.count) == expected)
                }
            }
        }
    }

    @Test("a checksum can be made in parts", arguments: [0, 1, 7, 8, 383, 384, 3072, 4999, 5000])
    func extending(split: Int) {
        let bytes = ByteBuffer(bytes: (0..<5000).map { UInt8(truncatingIfNeeded: $0 * 31) })
        var rest = bytes
        let first = rest.readSlice(length: split) ?? ByteBuffer()
        #expect(CRC32C.extend(CRC32C.checksum(first), with: rest) == CRC32C.checksum(bytes))
    }
}
