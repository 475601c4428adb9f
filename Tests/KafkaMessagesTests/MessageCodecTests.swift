import KafkaMessages
import KafkaWire
import NIOCore
import Testing

@Suite("Every message at every version")
struct MessageCodecTests {
    @Test("default values read back and write the same bytes", arguments: MessageCase.all)
    func defaults(message: MessageCase) throws {
        for version in message.versions {
            let bytes = try message.defaultBytes(version)
            #expect(try message.rewrite(bytes, version) == bytes, "version \(version)")
        }
    }

    @Test("filled values read back equal and write the same bytes", arguments: MessageCase.all)
    func filled(message: MessageCase) throws {
        for version in message.versions {
            for seed in 0..<16 as Range<UInt64> {
                var source = SampleSource(seed: seed)
                let bytes = try message.sampleBytes(version, &source)
                #expect(try message.rewrite(bytes, version) == bytes, "version \(version), seed \(seed)")
            }
        }
    }

    @Test("cut off at any byte, reading throws", arguments: MessageCase.all)
    func truncated(message: MessageCase) throws {
        for version in message.versions {
            for seed in 0..<3 as Range<UInt64> {
                var source = SampleSource(seed: seed)
                let bytes = try message.sampleBytes(version, &source)
                for length in 0..<min(bytes.readableBytes, 600) {
                    let part = try #require(bytes.getSlice(at: 0, length: length))
                    if let left = try? message.read(part, version) {
                        Issue.record("version \(version), seed \(seed): read \(length) bytes, \(left) left")
                    }
                }
            }
        }
    }

    @Test("bytes changed at random never stop the process, and what reads writes again", arguments: MessageCase.all)
    func mutated(message: MessageCase) throws {
        for version in message.versions {
            var source = SampleSource(seed: 0xBAD ^ UInt64(version))
            for _ in 0..<40 {
                var bytes = try message.sampleBytes(version, &source)
                guard bytes.readableBytes > 0 else { continue }
                for _ in 0...source.next() % 4 {
                    let index = Int(source.next() % UInt64(bytes.readableBytes))
                    bytes.setInteger(UInt8(truncatingIfNeeded: source.next()), at: index)
                }
                guard let again = try? message.rewrite(bytes, version) else { continue }
                #expect(try message.rewrite(again, version) == again, "version \(version)")
            }
        }
    }

    @Test("a huge length anywhere is refused or was no length", arguments: MessageCase.all)
    func hugeLengths(message: MessageCase) throws {
        let huge: [[UInt8]] = [
            [0x7F, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0x80, 0x80, 0x80, 0x80, 0x08],
        ]
        for version in message.versions {
            var source = SampleSource(seed: 7)
            let bytes = try message.sampleBytes(version, &source)
            for index in 0..<min(bytes.readableBytes, 200) {
                for length in huge {
                    var changed = bytes
                    changed.setBytes(length, at: index)
                    _ = try? message.read(changed, version)
                }
            }
        }
    }

    @Test("a version outside the range is refused by reading and writing", arguments: MessageCase.all)
    func outsideRange(message: MessageCase) {
        for version in [message.versions.lowerBound - 1, message.versions.upperBound + 1, .max, .min] {
            #expect(throws: WireError.unsupportedVersion(version)) { try message.defaultBytes(version) }
            #expect(throws: WireError.unsupportedVersion(version)) { try message.read(ByteBuffer(), version) }
        }
    }

    @Test("a flexible message skips tagged fields it does not know", arguments: MessageCase.all)
    func unknownTags(message: MessageCase) throws {
        for version in message.versions where message.isFlexible(version) {
            let bytes = try message.defaultBytes(version)
            let end = bytes.readableBytes - 1
            #expect(bytes.getInteger(at: end, as: UInt8.self) == 0, "version \(version): no tags")
            var tagged = try #require(bytes.getSlice(at: 0, length: end))
            tagged.writeBytes([2, 100, 1, 0xAA, 0x80, 0x01, 0])
            #expect(try message.rewrite(tagged, version) == bytes, "version \(version)")
        }
    }
}
