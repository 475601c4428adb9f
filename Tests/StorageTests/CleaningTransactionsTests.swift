import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage
import Testing

@testable import Storage

@Suite("Cleaning a log with transactions")
struct CleaningTransactionsTests {
    private func append(
        _ values: [String], of producer: ProducerID, from sequence: Int32, _ cleaner: CleanerHarness,
        to log: PartitionLog
    ) throws {
        for (number, value) in values.enumerated() {
            let sender = TestProducer(id: producer, sequence: sequence + Int32(number))
            try log.append(cleaner.record("k", value, producer: sender, isTransactional: true))
        }
    }

    private func end(_ producer: ProducerID, commit: Bool, in log: PartitionLog) throws {
        let marker = TransactionMarker(
            producerID: producer, producerEpoch: 0, isCommit: commit, coordinatorEpoch: 1)
        _ = try log.appendMarker(marker, leaderEpoch: 7, now: 1000)
    }

    private func fill(_ cleaner: CleanerHarness, _ log: PartitionLog, _ rounds: Range<Int>) throws {
        for round in rounds { try cleaner.append([("filler", "\(round)")], to: log) }
    }

    private func reopenWithoutSnapshots(_ cleaner: CleanerHarness) throws -> PartitionLog {
        for name in try cleaner.log.files.list(cleaner.log.folder) where name.hasSuffix(".snapshot") {
            try cleaner.log.files.remove(cleaner.log.folder.appending(name))
        }
        return try cleaner.log.open()
    }

    @Test("an aborted record neither stays nor takes the place of a committed one")
    func aborted() throws {
        let cleaner = CleanerHarness()
        let log = try cleaner.log.open()
        try append(["committed"], of: 1, from: 0, cleaner, to: log)
        try end(1, commit: true, in: log)
        try append(["aborted", "aborted"], of: 2, from: 0, cleaner, to: log)
        try end(2, commit: false, in: log)
        try fill(cleaner, log, 0..<20)
        try cleaner.clean(log)
        #expect(try log.readPairs().filter { $0.hasPrefix("k=") } == ["k=committed"])
        // A reader that has the old records still hears that they were aborted.
        #expect(try log.abortedTransactions(from: 0, upTo: log.logEnd).map(\.producerID) == [2])
    }

    @Test("nothing from the first open transaction on is cleaned")
    func open() throws {
        let cleaner = CleanerHarness()
        let log = try cleaner.log.open()
        try fill(cleaner, log, 0..<20)
        try append(["undecided"], of: 1, from: 0, cleaner, to: log)
        try fill(cleaner, log, 20..<40)
        let unstable = try #require(log.firstUnstableOffset)
        let result = try #require(try cleaner.clean(log, below: unstable))
        #expect(result.end <= unstable)
        #expect(try log.readPairs().contains("k=undecided"))
    }

    @Test("markers go once their records are gone and delete.retention.ms is over; no transaction is left open")
    func markers() throws {
        var cleaner = CleanerHarness()
        cleaner.log.configuration.deleteRetentionMilliseconds = 100
        var log = try cleaner.log.open()
        var sequence: Int32 = 0
        for transaction in 0..<4 {
            try append(["\(transaction)", "\(transaction)"], of: 1, from: sequence, cleaner, to: log)
            sequence += 2
            try end(1, commit: transaction % 2 == 0, in: log)
        }
        var checkpoint: Offset?
        for round in 0..<6 {
            try fill(cleaner, log, (round * 20)..<(round * 20 + 20))
            checkpoint = try #require(try cleaner.clean(log, since: checkpoint, now: Int64(round) * 100)).end
            log = try reopenWithoutSnapshots(cleaner)
            #expect(log.firstUnstableOffset == nil, "after cleaning \(round)")
            #expect(log.recovery.reason == nil && log.recovery.removedSegments.isEmpty)
        }
        let left = try log.readHeaders().filter { $0.producerID == 1 }
        // The newest value, the batch with the last sequence, and the markers that these two need.
        #expect(left.filter(\.isControl).count <= 2)
        #expect(try log.readPairs().filter { $0.hasPrefix("k=") } == ["k=2"])
        let last = TestProducer(id: 1, sequence: sequence - 1)
        #expect(try log.append(cleaner.record("k", "3", producer: last, isTransactional: true)).isDuplicate)
    }

    @Test("what every seed's transactions committed is there after any number of cleanings", arguments: 0..<20)
    func seeds(seed: Int) throws {
        var generator = SplitMix64(seed: UInt64(seed))
        let cleaner = CleanerHarness()
        let log = try cleaner.log.open()
        var expected: [String: String] = [:]
        var open: [ProducerID: [String: String]] = [:]
        var sequences: [ProducerID: Int32] = [:]
        var checkpoint: Offset?
        for step in 0..<300 {
            let producer = ProducerID(Int64(generator.next(upTo: 3)))
            switch generator.next(upTo: 6) {
            case 0 where open[producer] != nil:
                let isCommit = generator.next(upTo: 2) == 0
                try end(producer, commit: isCommit, in: log)
                let written = open.removeValue(forKey: producer) ?? [:]
                if isCommit { expected.merge(written) { $1 } }
            case 1 where generator.next(upTo: 10) == 0:
                let bound = min(log.firstUnstableOffset ?? log.logEnd, log.logEnd)
                if let result = try cleaner.clean(log, since: checkpoint, below: bound) { checkpoint = result.end }
            default:
                // A key of its own for each producer, so that the order of commits does not matter.
                let key = "p\(producer)-\(generator.next(upTo: 4))"
                let sender = TestProducer(id: producer, sequence: sequences[producer, default: 0])
                try log.append(cleaner.record(key, "\(step)", producer: sender, isTransactional: true))
                sequences[producer, default: 0] += 1
                open[producer, default: [:]][key] = "\(step)"
            }
        }
        for producer in open.keys { try end(producer, commit: false, in: log) }
        let aborted = try log.abortedTransactions(from: 0, upTo: log.logEnd)
        var seen: [String: String] = [:]
        var next = log.logStart
        while next < log.logEnd {
            let read = try log.read(from: next, maxBytes: 500, below: log.logEnd)
            var batches = RecordBatchSequence(try read.payload.contiguous(), trailing: .error)
            while let batch = try batches.next() {
                let isAborted = aborted.contains {
                    $0.producerID == batch.header.producerID
                        && ($0.firstOffset...$0.lastOffset).contains(batch.header.baseOffset)
                }
                if batch.header.isControl || isAborted { continue }
                var reader = try RecordBatchReader(batch, maximumDecompressedBytes: 1 << 20)
                for record in try reader.readAll() {
                    seen[record.key.map { String(buffer: $0) } ?? ""] = record.text
                }
            }
            next = read.nextOffset
        }
        #expect(seen == expected)
        #expect(try reopenWithoutSnapshots(cleaner).firstUnstableOffset == nil)
    }
}
