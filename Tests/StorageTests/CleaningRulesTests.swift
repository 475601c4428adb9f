import KafkaRecords
import KafkaWire
import Testing

@testable import Storage

@Suite("Cleaning rules")
struct CleaningRulesTests {
    private func rules(_ change: (inout LogConfiguration) -> Void = { _ in }) -> CleaningRules {
        var configuration = LogConfiguration()
        configuration.cleanupPolicy = .compact
        change(&configuration)
        return CleaningRules(configuration: configuration)
    }

    /// Segments of ten offsets and a hundred bytes each.
    private func segments(_ count: Int, times: [Int64] = []) -> [CleanableSegment] {
        (0..<count).map { number in
            let time = number < times.count ? times[number] : 0
            return CleanableSegment(
                baseOffset: Offset(Int64(number) * 10), endOffset: Offset(Int64(number) * 10 + 10), byteCount: 100,
                largestTimestamp: time, firstTimestamp: time)
        }
    }

    private func dirtiness(
        _ rules: CleaningRules, _ segments: [CleanableSegment], checkpoint: Offset? = nil, bound: Offset = 1000,
        logStart: Offset = 0, now: Int64 = 0
    ) -> LogDirtiness {
        rules.dirtiness(
            segments, logStart: logStart, logEnd: 100, checkpoint: checkpoint, bound: bound, now: now)
    }

    @Test("what lies after the checkpoint is dirty; a checkpoint outside the log is not believed")
    func checkpoint() {
        let all = segments(4)
        #expect(dirtiness(rules(), all).ratio == 1)
        let half = dirtiness(rules(), all, checkpoint: 20)
        #expect(half.cleanBytes == 200 && half.cleanableBytes == 200 && half.firstUncleanableOffset == 40)
        let eager = rules { $0.minimumCleanableDirtyRatio = 0.4 }
        #expect(!half.needsCleaning && dirtiness(eager, all, checkpoint: 20).needsCleaning)
        #expect(dirtiness(rules(), all, checkpoint: 101).firstDirtyOffset == 0)
        #expect(dirtiness(rules(), all, checkpoint: 5, logStart: 10).firstDirtyOffset == 10)
        #expect(!dirtiness(rules(), all, checkpoint: 40).needsCleaning)
        // A map that was full ends a cleaning inside a segment.
        #expect(dirtiness(rules(), all, checkpoint: 25).cleanableBytes == 200)
    }

    @Test("nothing from the bound on is cleaned, nor the rest of its segment")
    func bound() {
        let found = dirtiness(rules(), segments(4), bound: 29)
        #expect(found.firstUncleanableOffset == 20 && found.cleanableBytes == 200)
    }

    @Test("records younger than min.compaction.lag.ms stay, and all after them")
    func minimumLag() {
        let rules = rules { $0.minimumCompactionLagMilliseconds = 100 }
        let found = dirtiness(rules, segments(4, times: [0, 950, 0, 0]), now: 1000)
        #expect(found.firstUncleanableOffset == 10)
        #expect(dirtiness(rules, segments(4, times: [0, 900, 0, 0]), now: 1000).firstUncleanableOffset == 40)
    }

    @Test("records past max.compaction.lag.ms make a log clean whatever the ratio")
    func maximumLag() {
        let rules = rules {
            $0.maximumCompactionLagMilliseconds = 100
            $0.minimumCleanableDirtyRatio = 1
        }
        let all = segments(4, times: [1, 1, 500, 600])
        let young = dirtiness(rules, all, checkpoint: 20, now: 600)
        #expect(young.overdueMilliseconds == 0 && !young.needsCleaning)
        let old = dirtiness(rules, all, checkpoint: 20, now: 601)
        #expect(old.overdueMilliseconds == 1 && old.needsCleaning)
    }

    @Test("neighbours are put together up to segment.bytes and to what an index can hold")
    func groups() {
        #expect(rules { $0.segmentBytes = 250 }.groups(segments(5)).map(\.count) == [2, 2, 1])
        #expect(rules { $0.segmentBytes = 50 }.groups(segments(2)).map(\.count) == [1, 1])
        let indexed = rules {
            $0.indexIntervalBytes = 100
            $0.segmentIndexBytes = 36
        }
        #expect(indexed.groups(segments(5)).map(\.count) == [3, 2])
        var far = segments(3)
        far[2].endOffset = Offset(Int64(Int32.max) + 1)
        #expect(rules().groups(far).map(\.count) == [2, 1])
    }

    @Test("a compacted topic's segment is closed after max.compaction.lag.ms, and jitter closes earlier")
    func roll() {
        var configuration = LogConfiguration()
        configuration.segmentMilliseconds = 1000
        configuration.maximumCompactionLagMilliseconds = 100
        func isOld(_ age: Int64, jitter: UInt64 = 0) -> Bool {
            RollRules(configuration: configuration).isOld(
                firstTimestamp: 1, createdAt: 0, newTimestamp: 1 + age, now: 0, jitter: jitter)
        }
        #expect(!isOld(1000) && isOld(1001))
        configuration.cleanupPolicy = .compact
        #expect(!isOld(100) && isOld(101))
        configuration.cleanupPolicy = .delete
        configuration.segmentJitterMilliseconds = 300
        #expect(!isOld(701, jitter: 299) && isOld(702, jitter: 299) && !isOld(1000, jitter: 300))
    }
}

@Suite("Transactions in a cleaning")
struct CleanedTransactionsTests {
    private let aborted = AbortedTransaction(producerID: 7, firstOffset: 3, lastOffset: 9, lastStableOffset: 10)

    private func header(
        _ offset: Offset, producer: ProducerID, isTransactional: Bool = true
    ) -> RecordBatchHeader {
        RecordBatchHeader(
            baseOffset: offset, batchLength: 49, checksum: 0,
            attributes: RecordBatchAttributes(compression: .none, isTransactional: isTransactional), lastOffsetDelta: 0,
            baseTimestamp: 0, maxTimestamp: 0, producerID: producer, producerEpoch: 0, baseSequence: 0, recordsCount: 1)
    }

    @Test("records of an aborted transaction go; its marker stays while records were met")
    func abort() {
        var rules = CleanedTransactions([aborted])
        let dropped = [
            rules.meetRecords(header(2, producer: 8)), rules.meetRecords(header(3, producer: 7)),
            rules.meetRecords(header(4, producer: 8)),
            rules.meetRecords(header(5, producer: 7, isTransactional: false)),
        ]
        #expect(dropped == [false, true, false, false])
        let isUnneeded = rules.meetMarker(header(9, producer: 7), .abort)
        #expect(!isUnneeded)
        let retained = rules.takeRetained()
        #expect(retained == [aborted])
        // The same producer's next transaction is another.
        let isAborted = rules.meetRecords(header(10, producer: 7))
        let isCommitUnneeded = rules.meetMarker(header(11, producer: 7), .commit)
        #expect(!isAborted && !isCommitUnneeded)
    }

    @Test("a marker whose records are gone is not needed; other control records always are")
    func markers() {
        var rules = CleanedTransactions([aborted])
        let unneeded = [
            rules.meetMarker(header(9, producer: 7), .abort), rules.meetMarker(header(10, producer: 8), .commit),
            rules.meetMarker(header(11, producer: 8), nil), rules.meetMarker(header(12, producer: 8), .other(2)),
        ]
        #expect(unneeded == [true, true, true, false])
        // Of an aborted transaction an empty batch stayed for the sake of its producer's sequence.
        _ = rules.meetRecords(header(13, producer: 9))
        let isUnneeded = rules.meetMarker(header(14, producer: 9), .abort)
        #expect(!isUnneeded)
    }
}
