import KafkaMessages
import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@testable import KafkaClient

@Suite("Reading committed records")
struct AbortedTransactionFilterTests {
    private let partition = TopicPartition(topic: "t", partition: 0)

    /// A log that several producers write to, with and without transactions, and what became of each record.
    private struct Model {
        struct Transaction {
            var first: Int64?
            var records: [Int64] = []
        }

        var batches: [ByteBuffer] = []
        var bases: [Int64] = []
        var open: [Int64: Transaction] = [:]
        var aborted: [(producer: Int64, first: Int64, marker: Int64)] = []
        /// Offsets that are delivered once everything before the last stable offset is.
        var committed: Set<Int64> = []
        var next: Int64 = 0

        mutating func write(_ producer: Int64, count: Int, isTransactional: Bool) throws {
            var builder = RecordBatchBuilder()
            for _ in 0..<count { builder.append(timestamp: 0, key: nil, value: ByteBuffer(integer: next), headers: []) }
            try store(
                builder.finish(
                    baseOffset: Offset(next), producerID: ProducerID(producer), producerEpoch: 0, baseSequence: 0,
                    isTransactional: isTransactional))
            let offsets = next..<(next + Int64(count))
            if isTransactional {
                if open[producer]?.first == nil { open[producer] = Transaction(first: next) }
                open[producer]?.records += offsets
            } else {
                committed.formUnion(offsets)
            }
            next += Int64(count)
        }

        mutating func end(_ producer: Int64, commit: Bool) throws {
            guard let transaction = open.removeValue(forKey: producer) else { return }
            var builder = RecordBatchBuilder()
            builder.append(
                timestamp: 0, key: (commit ? ControlRecord.commit : .abort).key,
                value: ControlRecord.endTransactionValue(coordinatorEpoch: 0), headers: [])
            try store(
                builder.finish(
                    baseOffset: Offset(next), producerID: ProducerID(producer), producerEpoch: 0,
                    isTransactional: true, isControl: true))
            if commit {
                committed.formUnion(transaction.records)
            } else if let first = transaction.first {
                aborted.append((producer, first, next))
            }
            next += 1
        }

        private mutating func store(_ batch: ByteBuffer) {
            batches.append(batch)
            bases.append(next)
        }

        var lastStable: Int64 { min(next, open.values.compactMap(\.first).min() ?? next) }

        /// What a broker answers to a read_committed fetch of at most `limit` batches.
        func fetch(_ offset: Int64, limit: Int) -> FetchResponse.PartitionData {
            let first = bases.lastIndex { $0 <= offset } ?? 0
            let chosen = zip(batches, bases).dropFirst(first).prefix(limit).filter { $0.1 < lastStable }
            var bytes = ByteBuffer()
            for (batch, _) in chosen { bytes.writeImmutableBuffer(batch) }
            let end = first + limit < bases.count ? bases[first + limit] : next
            let listed = aborted.filter { $0.marker >= offset && $0.first < end }.sorted { $0.first < $1.first }
            return FetchResponse.PartitionData(
                highWatermark: next, lastStableOffset: lastStable,
                abortedTransactions: listed.map {
                    FetchResponse.AbortedTransaction(producerId: $0.producer, firstOffset: $0.first)
                }, records: RecordsPayload(bytes))
        }
    }

    @Test("exactly the committed records come, in order, whatever is interleaved", arguments: 0..<100 as Range<UInt64>)
    func interleaved(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var model = Model()
        for _ in 0..<80 {
            let producer = Int64.random(in: 0..<5, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0, 1: try model.end(producer, commit: true)
            case 2, 3: try model.end(producer, commit: false)
            case 4: try model.write(100, count: 1, isTransactional: false)
            default:
                try model.write(producer, count: Int.random(in: 1...4, using: &random), isTransactional: true)
            }
        }
        let start = Int64.random(in: 0...3, using: &random)
        var delivered: [Int64] = []
        var position = start
        while position < model.lastStable {
            let data = model.fetch(position, limit: Int.random(in: 1...9, using: &random))
            let (batch, _) = try FetchDecoder.decode(
                data, topicPartition: partition, from: Offset(position), isolation: .readCommitted)
            #expect(batch.nextOffset.rawValue > position, "the position moves past records that are not delivered")
            #expect(batch.highWatermark.rawValue == model.lastStable)
            delivered += batch.records.map(\.offset.rawValue)
            position = batch.nextOffset.rawValue
        }
        #expect(delivered == model.committed.filter { $0 >= start && $0 < model.lastStable }.sorted())
    }

    @Test("with read_uncommitted everything comes but the markers")
    func uncommitted() throws {
        var model = Model()
        try model.write(1, count: 2, isTransactional: true)
        try model.end(1, commit: false)
        try model.write(2, count: 1, isTransactional: false)
        let (batch, _) = try FetchDecoder.decode(model.fetch(0, limit: 9), topicPartition: partition, from: 0)
        #expect(batch.records.map(\.offset) == [0, 1, 3])
    }
}
