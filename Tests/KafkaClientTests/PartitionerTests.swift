import NIOCore
import Testing

@testable import KafkaClient

@Suite("Partitioner")
struct PartitionerTests {
    @Test(
        "murmur2 is that of Java's client",
        arguments: [
            ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
        ] as [(String, Int32)])
    func murmur2(text: String, hash: Int32) {
        #expect(Murmur2.hash(ByteBuffer(string: text)) == hash)
    }

    @Test("a key's partition is its positive hash modulo the number of partitions")
    func keyed() {
        #expect(PartitionerRules.partition(forKey: ByteBuffer(string: "abc"), count: 6) == 479_470_107 % 6)
        let positive = Int32(bitPattern: UInt32(bitPattern: -973_932_308) & 0x7fff_ffff)
        #expect(PartitionerRules.partition(forKey: ByteBuffer(string: "21"), count: 7) == positive % 7)
    }

    @Test("without a key a partition is kept for a batch's worth of bytes, then another one chosen")
    func sticky() {
        var random = SeededGenerator(seed: 1)
        var rules = PartitionerRules(stickyBytes: 100)
        func next() -> Int32 {
            rules.partitionWithoutKey(count: 4, bytes: 50, isAvailable: { _ in true }, using: &random)
        }
        for _ in 0..<20 {
            let first = next()
            #expect(next() == first)
            let other = next()
            #expect(other != first)
            #expect(next() == other)
        }
    }

    @Test("partitions without a leader are avoided while there are others")
    func availability() {
        var random = SeededGenerator(seed: 2)
        var rules = PartitionerRules(stickyBytes: 1)
        for _ in 0..<50 {
            let partition = rules.partitionWithoutKey(
                count: 4, bytes: 1, isAvailable: { $0 != 2 }, using: &random)
            #expect(partition != 2)
        }
    }
}
