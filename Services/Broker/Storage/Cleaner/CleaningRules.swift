import KafkaWire

/// What the cleaner's rules need to know of a closed segment.
public struct CleanableSegment: Hashable, Sendable {
    public var baseOffset: Offset
    /// The offset after its last batch, which is the next segment's base offset.
    public var endOffset: Offset
    public var byteCount: Int64
    /// The largest timestamp of its records in milliseconds since 1970; -1 for none.
    public var largestTimestamp: Int64
    /// The largest timestamp of its first batch; -1 for none, or where nobody asks.
    public var firstTimestamp: Int64 = -1
}

/// What of a log can be cleaned, and how much it needs that.
public struct LogDirtiness: Hashable, Sendable {
    /// Records below it were cleaned before.
    public var firstDirtyOffset: Offset
    /// The base offset of the first segment that must not be cleaned.
    public var firstUncleanableOffset: Offset
    public var cleanBytes: Int64
    public var cleanableBytes: Int64
    /// Milliseconds since a record went past `max.compaction.lag.ms` without being cleaned; 0 for none.
    public var overdueMilliseconds: Int64
    /// `min.cleanable.dirty.ratio` at the time.
    var minimumRatio: Double

    /// Whether the log is to be cleaned now.
    public var needsCleaning: Bool {
        cleanableBytes > 0 && (overdueMilliseconds > 0 || ratio > minimumRatio)
    }

    /// The part of the cleaned and cleanable bytes that is cleanable.
    public var ratio: Double {
        cleanableBytes == 0 ? 0 : Double(cleanableBytes) / Double(cleanBytes + cleanableBytes)
    }
}

/// Which logs are cleaned, and which of their segments. Source: Kafka's topic configurations
/// `min.cleanable.dirty.ratio`, `min.compaction.lag.ms` and `max.compaction.lag.ms`.
struct CleaningRules {
    var configuration: LogConfiguration

    /// - Parameters:
    ///   - segments: the closed ones, oldest first; the active one is never cleaned.
    ///   - checkpoint: where the last cleaning ended. One that is outside the log is not believed.
    ///   - bound: the high watermark, the first offset of an open transaction or the first that is not durable:
    ///     nothing from there on is cleaned.
    func dirtiness(
        _ segments: [CleanableSegment], logStart: Offset, logEnd: Offset, checkpoint: Offset?, bound: Offset,
        now: Int64
    ) -> LogDirtiness {
        var firstDirty = checkpoint ?? logStart
        if firstDirty < logStart || firstDirty > logEnd { firstDirty = logStart }
        let cleanable = segments.prefix { segment in
            segment.endOffset <= bound && (segment.endOffset <= firstDirty || !isTooYoung(segment, now))
        }
        let end = max(firstDirty, cleanable.last?.endOffset ?? firstDirty)
        let dirty = cleanable.drop { $0.endOffset <= firstDirty }
        let total = cleanable.reduce(0) { $0 + $1.byteCount }
        let dirtyBytes = dirty.reduce(0) { $0 + $1.byteCount }
        return LogDirtiness(
            firstDirtyOffset: firstDirty, firstUncleanableOffset: end, cleanBytes: total - dirtyBytes,
            cleanableBytes: dirtyBytes, overdueMilliseconds: overdue(dirty, now),
            minimumRatio: configuration.minimumCleanableDirtyRatio)
    }

    private func isTooYoung(_ segment: CleanableSegment, _ now: Int64) -> Bool {
        configuration.minimumCompactionLagMilliseconds > 0
            && segment.largestTimestamp > now - configuration.minimumCompactionLagMilliseconds
    }

    private func overdue(_ dirty: ArraySlice<CleanableSegment>, _ now: Int64) -> Int64 {
        guard let oldest = dirty.map(\.firstTimestamp).filter({ $0 > 0 }).min() else { return 0 }
        let (limit, overflow) = now.subtractingReportingOverflow(configuration.maximumCompactionLagMilliseconds)
        return overflow ? 0 : max(0, limit - oldest)
    }

    /// Puts neighbours together that fit into one segment, so that cleaned segments do not get ever smaller.
    func groups(_ segments: [CleanableSegment]) -> [[CleanableSegment]] {
        var groups: [[CleanableSegment]] = []
        var byteCount: Int64 = 0
        for segment in segments {
            if let first = groups.last?.first, byteCount + segment.byteCount <= largestGroupBytes,
                segment.endOffset - first.baseOffset <= Int64(Int32.max)
            {
                groups[groups.count - 1].append(segment)
                byteCount += segment.byteCount
            } else {
                groups.append([segment])
                byteCount = segment.byteCount
            }
        }
        return groups
    }

    /// By `segment.bytes`, and by what fits into an index of `segment.index.bytes`.
    private var largestGroupBytes: Int64 {
        let entries = Int64(max(1, configuration.segmentIndexBytes / TimeIndexEntry.byteCount))
        let interval = Int64(max(1, configuration.indexIntervalBytes))
        let (indexed, overflow) = entries.multipliedReportingOverflow(by: interval)
        return overflow ? Int64(configuration.segmentBytes) : min(Int64(configuration.segmentBytes), indexed)
    }
}
