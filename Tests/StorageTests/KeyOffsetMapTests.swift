import KafkaWire
import NIOCore
import Testing

@testable import Storage

@Suite("The cleaner's key map")
struct KeyOffsetMapTests {
    private static let seed = KeyHash.Seed(first: 3, second: 4)

    private func record(_ map: KeyOffsetMap, _ number: Int, at offset: Int) -> Bool {
        withUnsafeBytes(of: number) { map.record($0, at: Offset(Int64(offset))) }
    }

    private func offset(_ map: KeyOffsetMap, _ number: Int) -> Offset? {
        withUnsafeBytes(of: number) { map.offset(of: $0) }
    }

    @Test("hashes are those of the reference")
    func reference() {
        let seed = KeyHash.Seed(first: 0x0706_0504_0302_0100, second: 0x0f0e_0d0c_0b0a_0908)
        let empty = KeyHash(UnsafeRawBufferPointer(start: nil, count: 0), seed: seed)
        #expect(empty.low == 0xe6a8_25ba_047f_81a3 && empty.high == 0x9302_55c7_1472_f66d)
        [UInt8(0)].withUnsafeBytes { bytes in
            let one = KeyHash(bytes, seed: seed)
            #expect(one.low == 0x44af_996b_d8c1_87da && one.high == 0x45fc_229b_1159_7634)
        }
    }

    @Test("it holds the newest offset of every key, while it grows from small to full", arguments: [50, 5000, 100_000])
    func contents(capacity: Int) {
        let map = KeyOffsetMap(
            byteCount: KeyOffsetMap.slotBytes * capacity * 10 / 9 + 48, loadFactor: 0.9, seed: Self.seed)
        for number in 0..<capacity { #expect(record(map, number, at: number)) }
        for number in 0..<capacity where number % 3 == 0 { #expect(record(map, number, at: capacity + number)) }
        #expect(map.count == capacity)
        for number in 0..<capacity {
            #expect(offset(map, number) == Offset(Int64(number % 3 == 0 ? capacity + number : number)))
        }
        #expect(offset(map, capacity) == nil)
    }

    @Test("when it is full a new key is refused, and a known one still gets its offset")
    func full() {
        let map = KeyOffsetMap(byteCount: 100 * KeyOffsetMap.slotBytes, loadFactor: 0.9, seed: Self.seed)
        #expect(map.capacity == 90)
        for number in 0..<90 { #expect(record(map, number, at: number)) }
        #expect(!record(map, 90, at: 90) && map.count == 90 && map.utilization == 1)
        #expect(record(map, 5, at: 91))
        #expect(offset(map, 5) == 91 && offset(map, 90) == nil && offset(map, 89) == 89)
    }

    @Test("memory that the keys do not need is not used")
    func grows() {
        let map = KeyOffsetMap(byteCount: 128 << 20, loadFactor: 0.9, seed: Self.seed)
        for number in 0..<100_000 { _ = record(map, number, at: number) }
        #expect(map.usedBytes < 8 << 20)
    }
}
