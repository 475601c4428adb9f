import KafkaWire
import Testing

@testable import Storage

@Suite("Roll and retention rules")
struct SegmentRulesTests {
    private func segment(_ base: Offset, bytes: Int64 = 100, time: Int64 = 0) -> SegmentInfo {
        SegmentInfo(baseOffset: base, byteCount: bytes, largestTimestamp: time)
    }

    private func rules(_ change: (inout LogConfiguration) -> Void) -> RetentionRules {
        var configuration = LogConfiguration()
        configuration.retentionMilliseconds = -1
        change(&configuration)
        return RetentionRules(configuration: configuration)
    }

    @Test("a segment is full by bytes or by the distance of offsets, an empty one never")
    func full() {
        var configuration = LogConfiguration()
        configuration.segmentBytes = 1000
        let rules = RollRules(configuration: configuration)
        #expect(!rules.isFull(segment(0, bytes: 900), adding: 100, upTo: 10))
        #expect(rules.isFull(segment(0, bytes: 900), adding: 101, upTo: 10))
        #expect(!rules.isFull(segment(0, bytes: 0), adding: 1000, upTo: 10))
        #expect(!rules.isFull(segment(5), adding: 1, upTo: Offset(5 + Int64(Int32.max))))
        #expect(rules.isFull(segment(5), adding: 1, upTo: Offset(6 + Int64(Int32.max))))
    }

    @Test("a segment is old by its records' time, or by the clock where they have none")
    func old() {
        var configuration = LogConfiguration()
        configuration.segmentMilliseconds = 100
        let rules = RollRules(configuration: configuration)
        #expect(!rules.isOld(firstTimestamp: 1000, createdAt: 0, newTimestamp: 1100, now: 999_999))
        #expect(rules.isOld(firstTimestamp: 1000, createdAt: 0, newTimestamp: 1101, now: 0))
        #expect(!rules.isOld(firstTimestamp: -1, createdAt: 50, newTimestamp: 1101, now: 150))
        #expect(rules.isOld(firstTimestamp: -1, createdAt: 50, newTimestamp: 1101, now: 151))
    }

    @Test("an index is full when the next entry would not fit, with room for the closing time entry")
    func indexFull() {
        var configuration = LogConfiguration()
        configuration.segmentIndexBytes = 120
        let rules = RollRules(configuration: configuration)
        #expect(!rules.isIndexFull(offsetEntries: 14, timeEntries: 8))
        #expect(rules.isIndexFull(offsetEntries: 15, timeEntries: 0))
        #expect(rules.isIndexFull(offsetEntries: 0, timeEntries: 9))
    }

    @Test("segments whose newest record is past retention.ms go, up to the first that is not")
    func byTime() {
        let rules = rules { $0.retentionMilliseconds = 50 }
        let all = [segment(0, time: 100), segment(10, time: 149), segment(20, time: 300), segment(30, time: 100)]
        #expect(rules.expiredCount(all, logStart: 0, logEnd: 40, bound: 40, now: 150) == 0)
        #expect(rules.expiredCount(all, logStart: 0, logEnd: 40, bound: 40, now: 151) == 1)
        #expect(rules.expiredCount(all, logStart: 0, logEnd: 40, bound: 40, now: 340) == 2)
        #expect(rules.expiredCount(all, logStart: 0, logEnd: 40, bound: 40, now: 9999) == 4)
        #expect(rules.expiredCount(all, logStart: 0, logEnd: 40, bound: 25, now: 9999) == 2, "the high watermark")
        let untimed = [segment(0, time: -1), segment(10)]
        #expect(rules.expiredCount(untimed, logStart: 0, logEnd: 20, bound: 20, now: 9999) == 0)
    }

    @Test("the oldest segments go while the rest keeps retention.bytes")
    func byBytes() {
        let all = [segment(0), segment(10), segment(20)]
        for (bytes, count) in [(-1, 0), (300, 0), (201, 0), (200, 1), (101, 1), (100, 2), (0, 3)] {
            let rules = rules { $0.retentionBytes = Int64(bytes) }
            #expect(rules.expiredCount(all, logStart: 0, logEnd: 30, bound: 30, now: 0) == count)
        }
    }

    @Test("segments below the log start go whatever the retention is")
    func belowStart() {
        let rules = rules { $0.cleanupPolicy = .compact }
        let all = [segment(0), segment(10), segment(20)]
        #expect(rules.expiredCount(all, logStart: 19, logEnd: 30, bound: 30, now: 0) == 1)
        #expect(rules.expiredCount(all, logStart: 20, logEnd: 30, bound: 30, now: 0) == 2)
    }

    @Test("a topic that is only compacted deletes no segment by age or size; an empty segment is never deleted")
    func exceptions() {
        let compacted = rules {
            $0.cleanupPolicy = .compact
            $0.retentionBytes = 0
            $0.retentionMilliseconds = 0
        }
        #expect(compacted.expiredCount([segment(0)], logStart: 0, logEnd: 9, bound: 9, now: 9999) == 0)
        let empty = rules { $0.retentionBytes = 0 }
        #expect(empty.expiredCount([segment(0, bytes: 0)], logStart: 0, logEnd: 0, bound: 9, now: 0) == 0)
    }
}
