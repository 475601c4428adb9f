import KafkaWire
import NIOCore
import Testing

@testable import BrokerServer

@Suite("The tail cache")
struct TailCacheTests {
    private func batch(_ first: Int64, count: Int64 = 1, bytes: Int = 100) -> TailBatch {
        TailBatch(
            first: Offset(first), end: Offset(first + count),
            stored: [ByteBuffer(repeating: UInt8(first), count: bytes)])
    }

    private func progress() -> PartitionProgress {
        PartitionProgress(.init(logStart: 0, highWatermark: 0, logEnd: 0))
    }

    private func read(_ progress: PartitionProgress, _ position: Int64, to bound: Int64, bytes: Int = 1000) -> Int? {
        progress.readTail(
            from: Offset(position), to: Offset(bound), maximumBytes: bytes, atLeastOneBatch: true)?.byteCount
    }

    @Test("a batch is found by every offset in it, and goes out whole with those behind it")
    func wholeBatches() {
        var tail = PartitionTail()
        for first in [Int64(10), 15, 20] { tail.keep(batch(first, count: 5)) }
        for position in 10...14 {
            let found = tail.read(from: Offset(Int64(position)), to: 25, maximumBytes: 1000, atLeastOneBatch: true)
            #expect(found?.byteCount == 300)
        }
        #expect(tail.read(from: 9, to: 25, maximumBytes: 1000, atLeastOneBatch: true) == nil)
        #expect(tail.read(from: 25, to: 25, maximumBytes: 1000, atLeastOneBatch: true) == nil)
    }

    @Test("the reader's bound and byte limit cut between batches; only the first may be larger")
    func bounds() {
        var tail = PartitionTail()
        for first in [Int64(0), 1, 2] { tail.keep(batch(first)) }
        #expect(tail.read(from: 0, to: 2, maximumBytes: 1000, atLeastOneBatch: true)?.byteCount == 200)
        #expect(tail.read(from: 0, to: 3, maximumBytes: 250, atLeastOneBatch: true)?.byteCount == 200)
        #expect(tail.read(from: 0, to: 3, maximumBytes: 50, atLeastOneBatch: true)?.byteCount == 100)
        #expect(tail.read(from: 0, to: 3, maximumBytes: 50, atLeastOneBatch: false)?.byteCount == 0)
        #expect(tail.read(from: 2, to: 2, maximumBytes: 1000, atLeastOneBatch: true) == nil)
    }

    @Test("a gap ends what is handed out, so that no record is passed over")
    func gaps() {
        var tail = PartitionTail()
        for first in [Int64(0), 1, 3] { tail.keep(batch(first)) }
        #expect(tail.read(from: 0, to: 4, maximumBytes: 1000, atLeastOneBatch: true)?.byteCount == 200)
        #expect(tail.read(from: 2, to: 4, maximumBytes: 1000, atLeastOneBatch: true) == nil)
    }

    @Test("nothing is kept where nobody reads along, or has not for a while")
    func onlyForReaders() {
        var tail = PartitionTail()
        #expect(!tail.isWanted)
        tail.noteReader()
        for first in 0..<Int64(PartitionTail.patience) {
            #expect(tail.isWanted)
            tail.keep(batch(first))
        }
        #expect(!tail.isWanted)
        _ = tail.read(from: 5, to: 100, maximumBytes: 1000, atLeastOneBatch: true)
        #expect(tail.isWanted)
    }

    @Test("all partitions share one bound; the oldest batch of all makes room")
    func bound() {
        let cache = TailCache(limitBytes: 8 * 1024)
        let one = progress()
        let other = progress()
        cache.keep(batch(0, bytes: 1000), of: one)
        for first in 0..<Int64(7) { cache.keep(batch(first, bytes: 1000), of: other) }
        #expect(read(one, 0, to: 1) == 1000)
        #expect(cache.usedBytes == 8 * 1024)
        cache.keep(batch(7, bytes: 1000), of: other)
        #expect(read(one, 0, to: 1) == nil)
        #expect(read(other, 0, to: 8, bytes: 100_000) == 8000)
        #expect(cache.usedBytes == 8 * 1024)
    }

    @Test("a batch that takes more than a quarter of the bound is not kept, with a bound of 0 none")
    func tooLarge() {
        let progress = progress()
        TailCache(limitBytes: 4096).keep(batch(0, bytes: 2000), of: progress)
        TailCache(limitBytes: 0).keep(batch(0, bytes: 1), of: progress)
        #expect(read(progress, 0, to: 1) == nil)
    }

    @Test("a batch that is a small part of what was received does not hold the rest")
    func slices() {
        let received = ByteBuffer(repeating: 1, count: 256 * 1024)
        let small = TailBatch(first: 0, end: 1, stored: [received.getSlice(at: 7, length: 40_000) ?? received])
        #expect(small.byteCount == 40_000)
        #expect(small.memoryBytes <= 65_536)
        let large = TailBatch(first: 0, end: 1, stored: [received.getSlice(at: 7, length: 200_000) ?? received])
        #expect(large.memoryBytes == received.storageCapacity)
    }

    @Test("a partition that is gone keeps nothing")
    func gone() {
        let progress = progress()
        progress.noteTailReader()
        TailCache(limitBytes: 1 << 20).keep(batch(0), of: progress)
        progress.end()
        #expect(!progress.isTailWanted)
        #expect(read(progress, 0, to: 1) == nil)
    }
}
