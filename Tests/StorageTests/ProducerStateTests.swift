import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@testable import Storage

@Suite("Producer states")
struct ProducerStateTests {
    private func header(
        _ sequence: Int32, count: Int32 = 1, epoch: Int16 = 0, id: ProducerID = 9
    ) -> RecordBatchHeader {
        RecordBatchHeader(
            batchLength: 100, checksum: 0, attributes: RecordBatchAttributes(compression: .none),
            lastOffsetDelta: count - 1, baseTimestamp: 0, maxTimestamp: 0, producerID: id, producerEpoch: epoch,
            baseSequence: sequence, recordsCount: count)
    }

    private func table(_ headers: [RecordBatchHeader], now: Int64 = 0) -> ProducerStateTable {
        var table = ProducerStateTable()
        var offset: Offset = 0
        for header in headers {
            table.record(header, firstOffset: offset, now: now)
            offset = offset + Int64(header.recordsCount)
        }
        return table
    }

    private func judge(_ header: RecordBatchHeader, _ table: ProducerStateTable) -> SequenceVerdict {
        ProducerState.judge(header, against: table[header.producerID])
    }

    @Test("an unknown producer may start at any sequence", arguments: [0, 1, 500, Int32.max])
    func unknown(sequence: Int32) {
        #expect(judge(header(sequence), ProducerStateTable()) == .next)
    }

    @Test("the next sequence is accepted, a later one is a gap")
    func order() {
        let table = table([header(0, count: 3), header(3, count: 2)])
        #expect(judge(header(5), table) == .next)
        #expect(judge(header(6), table) == .gap(expected: 5))
        #expect(judge(header(4), table) == .gap(expected: 5), "a part of an earlier batch is no repeat of it")
    }

    @Test("sequences start over at 0 after 2^31 - 1")
    func wrap() {
        #expect(judge(header(0), table([header(Int32.max)])) == .next)
        #expect(judge(header(2), table([header(Int32.max - 1, count: 4)])) == .next)
        #expect(judge(header(1), table([header(Int32.max)])) == .gap(expected: 0))
    }

    @Test("each of the last five batches is recognised when it is repeated, the sixth is not")
    func duplicates() {
        let table = table((0..<7).map { header(Int32($0 * 2), count: 2) })
        for number in 2..<7 {
            guard case .duplicate(let batch) = judge(header(Int32(number * 2), count: 2), table) else {
                Issue.record("batch \(number) is not recognised")
                continue
            }
            #expect(batch.firstOffset == Offset(Int64(number * 2)))
            #expect(batch.lastOffset == Offset(Int64(number * 2 + 1)))
        }
        #expect(judge(header(2, count: 2), table) == .gap(expected: 14))
        #expect(judge(header(12, count: 1), table) == .gap(expected: 14), "same start, other length")
    }

    @Test("an older epoch is fenced, a newer one starts at 0")
    func epochs() {
        let table = table([header(0, epoch: 3)])
        #expect(judge(header(1, epoch: 2), table) == .fenced(currentEpoch: 3))
        #expect(judge(header(0, epoch: 4), table) == .next)
        #expect(judge(header(1, epoch: 4), table) == .gap(expected: 0))
        let next = self.table([header(0, epoch: 3), header(0, epoch: 4)])
        #expect(next[9]?.batches.count == 1, "a new epoch forgets the batches of the old")
    }

    @Test("producers that were silent for the expiration are forgotten")
    func expiry() {
        var table = table([header(0, id: 1)], now: 1000)
        table.record(header(0, id: 2), firstOffset: 1, now: 2000)
        #expect(table.expire(now: 2999, expiration: 2000) == 0)
        #expect(table.expire(now: 3000, expiration: 2000) == 1)
        #expect(table[1] == nil)
        #expect(table[2] != nil)
    }

    @Test("the number of producers is bounded; those that were silent longest go")
    func bound() {
        var table = ProducerStateTable()
        for number in 0...ProducerStateTable.maximumProducers {
            table.record(header(0, id: ProducerID(Int64(number))), firstOffset: 0, now: Int64(number))
        }
        #expect(table.count <= ProducerStateTable.maximumProducers)
        #expect(table[0] == nil)
        #expect(table[ProducerID(Int64(ProducerStateTable.maximumProducers))] != nil)
    }

    @Test("batches without a producer id and control batches leave no trace")
    func withoutProducer() {
        #expect(table([header(-1, id: .none)]).count == 0)
    }

    @Test("a snapshot reads back as it was")
    func snapshot() {
        var producers = table((0..<7).map { header(Int32($0)) }, now: 5)
        producers.record(header(3, epoch: 2, id: 44), firstOffset: 100, now: 6)
        let snapshot = LogSnapshot(producers: producers, segmentBytes: 1234, lastLeaderEpoch: 3)
        #expect(LogSnapshot(decoding: snapshot.encoded()) == snapshot)
        #expect(LogSnapshot(decoding: LogSnapshot().encoded()) == LogSnapshot())
    }

    @Test("a snapshot with any byte changed or missing is refused")
    func damagedSnapshot() {
        let bytes = LogSnapshot(producers: table([header(0), header(1)]), segmentBytes: 9).encoded()
        for index in 0..<bytes.readableBytes {
            var damaged = bytes
            damaged.setInteger((bytes.getInteger(at: index, as: UInt8.self) ?? 0) ^ 0x10, at: index)
            #expect(LogSnapshot(decoding: damaged) == nil)
            #expect(LogSnapshot(decoding: bytes.getSlice(at: 0, length: index) ?? ByteBuffer()) == nil)
        }
    }
}
