import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@testable import Storage

/// A log as simple as can be, to compare the real one with: a list of batches.
struct LogModel {
    struct Batch {
        var base: Offset
        var values: [String]
        var producer: TestProducer?
        var bytes: ByteBuffer
        var next: Offset { base + Int64(values.count) }
    }

    var batches: [Batch] = []
    var start: Offset = 0
    /// Below it nothing may be lost.
    var durable: Offset = 0
    var nextValue = 0

    var end: Offset { batches.last?.next ?? start }

    /// What a reader from the log start sees.
    var values: [String] {
        batches.flatMap { batch in
            batch.values.enumerated().filter { batch.base + Int64($0.offset) >= start }.map(\.element)
        }
    }

    /// A batch to append: sometimes of an idempotent producer, with the sequence that is its next.
    mutating func makeNextBatch(_ generator: inout SplitMix64) throws -> Batch {
        let count = 1 + generator.next(upTo: 5)
        let values = (0..<count).map { _ in
            nextValue += 1
            return String(nextValue)
        }
        var producer: TestProducer?
        if generator.next(upTo: 2) == 0 {
            let id = ProducerID(Int64(generator.next(upTo: 3)))
            let sent = batches.filter { $0.producer?.id == id }
            producer = TestProducer(id: id, sequence: Int32(sent.reduce(0) { $0 + $1.values.count }))
        }
        let bytes = try makeBatch(
            valueBytes: generator.next(upTo: 60), timestamp: Int64(generator.next(upTo: 100_000)), values: values,
            compression: generator.next(upTo: 4) == 0 ? .lz4 : .none, producer: producer)
        return Batch(base: end, values: values, producer: producer, bytes: bytes)
    }

    /// A batch that the log must recognise as its own: one of a producer's last five.
    func makeRepeat(_ generator: inout SplitMix64) -> Batch? {
        let id = ProducerID(Int64(generator.next(upTo: 3)))
        return batches.filter { $0.producer?.id == id }.suffix(ProducerState.rememberedBatches)
            .randomElement(using: &generator)
    }

    /// After a crash: where nothing was ever flushed, the names of the first segments may be gone and those of later
    /// ones not.
    mutating func loseFirstSegments(upTo newStart: Offset) throws {
        if newStart == start { return }
        try #require(newStart > start, "records that were deleted do not come back")
        try #require(durable <= start, "durable records are there after a crash")
        start = newStart
        durable = newStart
    }

    /// After a crash: takes over where the log ends now, which must be at a batch's end and not below what is durable.
    mutating func loseTail(upTo end: Offset) throws {
        try #require(end >= durable, "durable records are there after a crash")
        try #require(end <= self.end, "records that were never appended are not there")
        batches.removeAll { $0.base >= end }
        try #require(end == self.end, "the log ends with a whole batch")
    }
}
