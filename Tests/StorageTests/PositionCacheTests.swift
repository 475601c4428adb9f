import KafkaWire
import Testing

@testable import Storage

@Suite("Positions of readers")
struct PositionCacheTests {
    @Test("what was remembered of a segment goes with it, and when it is written anew")
    func forgetting() {
        var cache = PositionCache()
        let last = BatchPosition(offset: 15, segment: 10, position: 300)
        let reader = BatchPosition(offset: 12, segment: 10, position: 100)
        let other = BatchPosition(offset: 3, segment: 0, position: 50)
        func fill() {
            cache.lastAppend = last
            cache.remember(reader, replacing: nil)
            cache.remember(other, replacing: nil)
        }
        fill()
        #expect(cache[15, 10] == last && cache[12, 10] == reader && cache[3, 0] == other)
        cache.forget(segments: [10])
        #expect(cache[15, 10] == nil && cache[12, 10] == nil && cache[3, 0] == other)
        fill()
        cache.forget(below: 20)
        #expect(cache[15, 10] == nil && cache[12, 10] == nil && cache[3, 0] == nil)
    }
}
