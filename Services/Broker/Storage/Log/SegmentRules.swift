import KafkaWire

/// What the rules need to know of a segment.
public struct SegmentInfo: Hashable, Sendable {
    public var baseOffset: Offset
    public var byteCount: Int64
    /// The largest timestamp of its records in milliseconds since 1970; -1 for none.
    public var largestTimestamp: Int64

    public init(baseOffset: Offset, byteCount: Int64, largestTimestamp: Int64) {
        self.baseOffset = baseOffset
        self.byteCount = byteCount
        self.largestTimestamp = largestTimestamp
    }
}

/// When a segment is closed. Source: Kafka's topic configurations `segment.*`.
struct RollRules {
    var configuration: LogConfiguration

    /// Entries that an index file of either kind may have.
    func isIndexFull(offsetEntries: Int, timeEntries: Int) -> Bool {
        // The time index keeps a place for the entry that closing the segment adds.
        offsetEntries >= max(1, configuration.segmentIndexBytes / OffsetIndexEntry.byteCount)
            || timeEntries >= max(1, configuration.segmentIndexBytes / TimeIndexEntry.byteCount - 1)
    }

    /// Whether an append of `byteCount` more bytes, up to `lastOffset`, needs a new segment.
    func isFull(_ segment: SegmentInfo, adding byteCount: Int, upTo lastOffset: Offset) -> Bool {
        if segment.byteCount == 0 { return false }
        return segment.byteCount + Int64(byteCount) > Int64(configuration.segmentBytes)
            || lastOffset - segment.baseOffset > Int64(Int32.max)
    }

    /// Whether the segment has been written to for `segment.ms` less some of `segment.jitter.ms`, or on a compacted
    /// topic for `max.compaction.lag.ms`: by the records' own time where they have one, from its first batch, and by
    /// the clock since it was made where they have not.
    ///
    /// - Parameter jitter: a number that differs from segment to segment.
    func isOld(
        firstTimestamp: Int64, createdAt: Int64, newTimestamp: Int64, now: Int64, jitter: UInt64 = 0
    ) -> Bool {
        let age = firstTimestamp >= 0 && newTimestamp >= 0 ? newTimestamp - firstTimestamp : now - createdAt
        let most = min(configuration.segmentJitterMilliseconds, configuration.segmentMilliseconds)
        let limit = configuration.segmentMilliseconds - (most > 0 ? Int64(jitter % UInt64(most)) : 0)
        let isCompacted = configuration.cleanupPolicy.contains(.compact)
        return age > (isCompacted ? min(limit, configuration.maximumCompactionLagMilliseconds) : limit)
    }
}

/// Which segments may go. Source: Kafka's topic configurations `retention.ms` and `retention.bytes`.
struct RetentionRules {
    var configuration: LogConfiguration

    /// How many of the oldest segments to delete.
    ///
    /// - Parameters:
    ///   - segments: all, oldest first; the last is the one being written.
    ///   - logStart: segments that end at or below it hold nothing that can be read.
    ///   - bound: the high watermark; a segment that reaches past it stays.
    ///   - logEnd: where the last segment ends.
    func expiredCount(
        _ segments: [SegmentInfo], logStart: Offset, logEnd: Offset, bound: Offset, now: Int64
    ) -> Int {
        var excess = segments.reduce(0) { $0 + $1.byteCount } - configuration.retentionBytes
        var count = 0
        for (index, segment) in segments.enumerated() {
            let end = index + 1 < segments.count ? segments[index + 1].baseOffset : logEnd
            guard segment.byteCount > 0 || index + 1 < segments.count, end <= bound else { break }
            guard end <= logStart || isTooOld(segment, now) || isTooMuch(segment, excess) else { break }
            excess -= segment.byteCount
            count += 1
        }
        return count
    }

    private func isTooOld(_ segment: SegmentInfo, _ now: Int64) -> Bool {
        configuration.cleanupPolicy.contains(.delete) && configuration.retentionMilliseconds >= 0
            && segment.largestTimestamp >= 0
            && now - segment.largestTimestamp > configuration.retentionMilliseconds
    }

    private func isTooMuch(_ segment: SegmentInfo, _ excess: Int64) -> Bool {
        configuration.cleanupPolicy.contains(.delete) && configuration.retentionBytes >= 0
            && excess >= segment.byteCount
    }
}
