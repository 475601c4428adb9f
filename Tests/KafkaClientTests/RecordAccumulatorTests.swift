import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@testable import KafkaClient

@Suite("RecordAccumulator")
struct RecordAccumulatorTests {
    typealias Accumulator = RecordAccumulator<Int>

    static func make(
        linger: TimeAmount = .zero, memory: Int = 1 << 20, idempotent: Bool = true, batchSize: Int = 1024
    ) -> Accumulator {
        var accumulator = Accumulator(
            configuration: Accumulator.Configuration(
                batchSizeBytes: batchSize, linger: linger, bufferMemoryBytes: memory, deliveryTimeout: .seconds(120),
                isIdempotent: idempotent, maximumInFlightPerPartition: 5,
                backoff: BackoffRules(initial: .milliseconds(100), maximum: .seconds(1), jitter: 1...1)))
        accumulator.producerID = 7
        return accumulator
    }

    private let partition = TopicPartition(topic: "t", partition: 0)
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func append(_ accumulator: inout Accumulator, _ token: Int, bytes: Int = 10, at: NIODeadline? = nil)
        -> Accumulator.AppendOutcome
    {
        let value = ByteBuffer(repeating: 0, count: bytes)
        return accumulator.append(
            to: partition, timestamp: 0, key: nil, value: value, headers: [],
            recordBytes: RecordBatchBuilder.maximumRecordBytes(key: nil, value: value), token: token,
            now: at ?? start)
    }

    private func drain(_ accumulator: inout Accumulator, at: NIODeadline? = nil) -> [DrainedBatch] {
        accumulator.drain(maximumBytes: 1 << 20, now: at ?? start) { _ in true }.batches
    }

    @Test("a batch lingers until its time or until it is full")
    func linger() {
        var accumulator = Self.make(linger: .milliseconds(5))
        #expect(append(&accumulator, 1) == .appended(wakes: true))
        #expect(append(&accumulator, 2) == .appended(wakes: false))
        let waiting = accumulator.drain(maximumBytes: 1 << 20, now: start) { _ in true }
        #expect(waiting.batches.isEmpty)
        #expect(waiting.nextCheck == start + .milliseconds(5))
        #expect(drain(&accumulator, at: start + .milliseconds(5)).count == 1)
        for token in 3..<100 { _ = append(&accumulator, token, bytes: 100) }
        #expect(drain(&accumulator).count == 1, "a full batch waits for nothing")
    }

    @Test("a flush ends all lingering, and is done when what it found is")
    func flush() throws {
        var accumulator = Self.make(linger: .seconds(60))
        _ = append(&accumulator, 1)
        let target = accumulator.flushTarget
        accumulator.flushes = 1
        let batch = try #require(drain(&accumulator).first)
        #expect(!accumulator.isFlushed(upTo: target))
        #expect(accumulator.acknowledge(batch.id, of: partition, BatchAcknowledgement()) != nil)
        #expect(accumulator.isFlushed(upTo: target))
    }

    @Test("over the memory bound nothing is accepted until results give some back")
    func memory() throws {
        var accumulator = Self.make(memory: 2048)
        var accepted = 0
        while append(&accumulator, accepted) != .full { accepted += 1 }
        #expect(accepted > 5)
        #expect(accumulator.usedBytes <= 2048)
        for batch in drain(&accumulator) {
            _ = accumulator.acknowledge(batch.id, of: partition, BatchAcknowledgement())
        }
        #expect(append(&accumulator, accepted) == .appended(wakes: true))
    }

    @Test("up to five batches are in flight, with sequences that follow each other")
    func pipelining() throws {
        var accumulator = Self.make(batchSize: 200)
        for token in 0..<20 { _ = append(&accumulator, token, bytes: 100) }
        var sequences: [Int32] = []
        while let batch = drain(&accumulator).first { sequences.append(try #require(batch.identity).baseSequence) }
        #expect(sequences.count == 5)
        #expect(sequences == sequences.sorted())
        #expect(sequences.first == 0)
    }

    @Test("nothing goes behind a batch that is sent again, since a broker knows only the last five again")
    func repeating() throws {
        var accumulator = Self.make(batchSize: 200)
        for token in 0..<20 { _ = append(&accumulator, token, bytes: 100) }
        var sent: [DrainedBatch] = []
        while let batch = drain(&accumulator).first { sent.append(batch) }
        let bytes = try sent[0].encode(.none)
        let lost = KafkaError(.connection, "lost after the broker")
        #expect(accumulator.fail(sent[0].id, of: partition, error: lost, encoded: bytes, now: start) == nil)
        for batch in sent.dropFirst() {
            #expect(accumulator.acknowledge(batch.id, of: partition, BatchAcknowledgement()) != nil)
        }
        let later = start + .seconds(1)
        let again = try #require(drain(&accumulator, at: later).first)
        #expect(again.id == sent[0].id)
        #expect(drain(&accumulator, at: later).isEmpty)
        #expect(accumulator.acknowledge(again.id, of: partition, BatchAcknowledgement()) != nil)
        #expect(drain(&accumulator, at: later).first?.identity?.baseSequence == 5)
    }

    @Test("without idempotence one batch of a partition is in flight, so that retries cannot overtake")
    func withoutIdempotence() throws {
        var accumulator = Self.make(idempotent: false, batchSize: 200)
        for token in 0..<10 { _ = append(&accumulator, token, bytes: 100) }
        let batch = try #require(drain(&accumulator).first)
        #expect(batch.identity == nil)
        #expect(drain(&accumulator).isEmpty)
        _ = accumulator.fail(
            batch.id, of: partition, error: KafkaError(.connection, ""), encoded: ByteBuffer(), now: start)
        #expect(drain(&accumulator, at: start + .seconds(2)).first?.id == batch.id)
    }

    @Test("a batch that is too large is sent again in halves with the same sequences")
    func split() throws {
        var accumulator = Self.make()
        for token in 0..<5 { _ = append(&accumulator, token) }
        var batch = try #require(drain(&accumulator).first)
        let bytes = try batch.encode(.none)
        let used = accumulator.usedBytes
        let error = KafkaError.broker(.messageTooLarge, "")
        #expect(accumulator.fail(batch.id, of: partition, error: error, encoded: bytes, now: start) == nil)
        #expect(accumulator.usedBytes == used)
        var first = try #require(drain(&accumulator).first)
        #expect(first.identity?.baseSequence == 0)
        #expect(try RecordBatchHeader(peeking: first.encode(.none)).recordsCount == 2)
        #expect(drain(&accumulator).isEmpty, "after a retry the next one waits")
        #expect(
            accumulator.acknowledge(first.id, of: partition, BatchAcknowledgement())?.reports.map(\.token) == [0, 1])
        let second = try #require(drain(&accumulator).first)
        #expect(second.identity?.baseSequence == 2)
        #expect(
            accumulator.acknowledge(second.id, of: partition, BatchAcknowledgement())?.reports.map(\.token)
                == [2, 3, 4])
        #expect(accumulator.isEmpty)
        #expect(accumulator.usedBytes == 0)
    }

    @Test("records handed over together share one report per batch, also after a split")
    func sharedReports() throws {
        var accumulator = Self.make()
        let queue = accumulator.queueIndex(partition)
        for number in 0..<7 {
            _ = accumulator.append(
                toQueue: queue, timestamp: 0, key: nil, value: ByteBuffer(integer: number), headers: [],
                recordBytes: 64, token: number == 2 ? nil : number, continues: number > 3, now: start)
        }
        var batch = try #require(drain(&accumulator).first)
        let bytes = try batch.encode(.none)
        let tooLarge = KafkaError.broker(.messageTooLarge, "")
        #expect(accumulator.fail(batch.id, of: partition, error: tooLarge, encoded: bytes, now: start) == nil)
        var reports: [[Int]] = []
        var counts: [Int] = []
        while let half = drain(&accumulator).first {
            let completion = accumulator.acknowledge(half.id, of: partition, BatchAcknowledgement())
            let done = try #require(completion)
            reports += done.reports.map { [$0.token, $0.skipped, $0.first, $0.count] }
            counts.append(done.recordsCount)
        }
        #expect(counts == [3, 4])
        #expect(reports == [[0, 0, 0, 1], [1, 0, 1, 1], [3, 0, 0, 4]])
        #expect(accumulator.usedBytes == 0)
    }

    @Test("a report that a split cuts says how many of its records are in the first half")
    func cutReport() {
        var batch = ProducerBatch<Int>(
            id: 1, firstRecord: 0, topicPartition: partition, created: start, builder: RecordBatchBuilder())
        batch.reports = [.init(token: 9, first: 1, count: 4, timestamp: 0)]
        let halves = [batch.reports(of: 0..<2), batch.reports(of: 2..<5)]
        let parts = halves.map { reports in reports.map { [$0.token, $0.skipped, $0.first, $0.count] } }
        #expect(parts == [[[9, 0, 1, 1]], [[9, 1, 0, 3]]])
    }

    @Test("what is not acknowledged within the delivery timeout fails, and the next epoch begins")
    func expiry() throws {
        var accumulator = Self.make()
        _ = append(&accumulator, 1)
        let batch = try #require(drain(&accumulator).first)
        _ = accumulator.fail(
            batch.id, of: partition, error: KafkaError(.connection, ""), encoded: ByteBuffer(), now: start)
        #expect(accumulator.nextExpiry == start + .seconds(120))
        let expired = accumulator.expire(now: start + .seconds(120))
        #expect(expired.count == 1)
        #expect(expired.first?.reports.map(\.token) == [1])
        _ = append(&accumulator, 2, at: start + .seconds(121))
        let next = try #require(drain(&accumulator, at: start + .seconds(121)).first)
        #expect(next.identity == BatchIdentity(producerID: 7, epoch: 1, baseSequence: 0))
    }

    @Test("sequences wrap from 2^31-1 to 0")
    func sequenceWrap() {
        #expect(PartitionQueue<Int>.sequence(.max, advancedBy: 1) == 0)
        #expect(PartitionQueue<Int>.sequence(.max - 1, advancedBy: 5) == 3)
    }
}
