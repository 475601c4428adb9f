import KafkaWire

extension PartitionLog {
    /// How dirty the log is; `nil` where it is not compacted.
    ///
    /// - Parameters:
    ///   - checkpoint: where the last cleaning ended.
    ///   - bound: the high watermark or the last stable offset: nothing from there on may be cleaned.
    public func dirtiness(
        since checkpoint: Offset?, below bound: Offset, now: Int64
    ) throws(StorageError) -> LogDirtiness? {
        guard configuration.cleanupPolicy.contains(.compact) else { return nil }
        return CleaningRules(configuration: configuration).dirtiness(
            try cleanableSegments(since: checkpoint), logStart: logStart, logEnd: logEnd, checkpoint: checkpoint,
            bound: min(bound, durableClosedEnd), now: now)
    }

    /// What cleaning the log now would do; `nil` where it needs none.
    public func planCleaning(
        since checkpoint: Offset?, below bound: Offset, now: Int64
    ) throws(StorageError) -> CleaningPlan? {
        guard let dirtiness = try dirtiness(since: checkpoint, below: bound, now: now),
            dirtiness.needsCleaning
        else { return nil }
        let segments = try cleanableSegments(since: nil).filter {
            $0.endOffset <= dirtiness.firstUncleanableOffset && $0.byteCount > 0
        }
        let aborted = try abortedTransactions(
            from: segments.first?.baseOffset ?? 0, upTo: dirtiness.firstUncleanableOffset)
        return CleaningPlan(
            topicPartition: topicPartition, dirtiness: dirtiness, segments: segments, now: now,
            configuration: configuration, aborted: aborted,
            producers: producers.tails, folder: folder, files: files)
    }

    /// Opens a segment for the cleaner; `nil` where it is not as it was any more.
    public func cleaningSource(_ segment: CleanableSegment) throws(StorageError) -> CleaningSource? {
        try checkOnline()
        guard place(of: [segment]) != nil else { return nil }
        return CleaningSource(segment: segment, file: try files.open(folder.file(.log, segment.baseOffset)))
    }

    /// Puts a cleaned segment in the place of those it was made of, with a few renames and no wait for the disk; call
    /// ``CleanedSegment/finish()`` afterwards, anywhere. Reads that were handed out stay valid.
    ///
    /// - Returns: `false` where the log has changed meanwhile; then ``CleanedSegment/discard()``. After an error the
    ///   old segments are there as before, or the log is offline.
    public func replaceSegments(with cleaned: CleanedSegment) throws(StorageError) -> Bool {
        try checkOnline()
        guard let range = place(of: cleaned.replaced) else { return false }
        try cleaned.swap.renameLog()
        let bases = Set(cleaned.replaced.map(\.baseOffset))
        do {
            try cleaned.swap.renameIndexes()
            for base in bases { try aborted.remove(segment: base) }
            if !cleaned.aborted.isEmpty { try aborted.replace(segment: cleaned.swap.base, with: cleaned.aborted) }
        } catch {
            throw goOffline(error)
        }
        openClosed.removeAll { bases.contains($0.baseOffset) }
        positions.forget(segments: bases)
        closed.replaceSubrange(
            range,
            with: [
                ClosedSegment(
                    baseOffset: cleaned.swap.base, byteCount: cleaned.byteCount,
                    largestTimestamp: cleaned.largestTimestamp)
            ])
        return true
    }

    /// Where these segments are among the closed ones, if they are all there, unchanged and neighbours.
    private func place(of segments: [CleanableSegment]) -> Range<Int>? {
        guard let base = segments.first?.baseOffset,
            let first = closed.firstIndex(where: { $0.baseOffset == base }), first + segments.count <= closed.count
        else { return nil }
        for (number, segment) in segments.enumerated() {
            let known = closed[first + number]
            guard known.baseOffset == segment.baseOffset, known.byteCount == segment.byteCount else { return nil }
        }
        return first..<(first + segments.count)
    }

    /// The closed segments. Reads index files the first time, and a header of each segment after the checkpoint where
    /// `max.compaction.lag.ms` is set.
    private func cleanableSegments(since checkpoint: Offset?) throws(StorageError) -> [CleanableSegment] {
        let asksForAge = configuration.maximumCompactionLagMilliseconds < .max
        var all: [CleanableSegment] = []
        for (index, info) in try segments().dropLast().enumerated() {
            let end = endOffset(ofSegment: index)
            let isDirty = end > checkpoint ?? logStart
            all.append(
                CleanableSegment(
                    baseOffset: info.baseOffset, endOffset: end, byteCount: info.byteCount,
                    largestTimestamp: info.largestTimestamp,
                    firstTimestamp: asksForAge && isDirty ? try openSegment(index).times().first : -1))
        }
        return all
    }

    /// Where the closed segments end that are durable: what a crash could take must not replace what it could not.
    private var durableClosedEnd: Offset {
        let waiting = Set(unflushedSegments.map(\.end))
        let first = closed.indices.first { waiting.contains(endOffset(ofSegment: $0)) }
        return first.map { closed[$0].baseOffset } ?? active.baseOffset
    }
}

extension CleaningPlan {
    /// The time from which on tombstones that are met now may go.
    var deleteHorizon: Int64 {
        let (horizon, overflow) = now.addingReportingOverflow(configuration.deleteRetentionMilliseconds)
        return overflow ? .max : horizon
    }
}

extension ProducerStateTable {
    /// The newest batch of every producer.
    var tails: [ProducerID: CleaningPlan.ProducerTail] {
        states.mapValues { CleaningPlan.ProducerTail(lastDataOffset: $0.batches.last?.lastOffset, epoch: $0.epoch) }
    }
}
