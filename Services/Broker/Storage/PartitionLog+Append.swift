import KafkaRecords
import KafkaWire
import NIOCore

extension PartitionLog {
    /// Appends whole batches; all of them or none.
    ///
    /// The cost is per batch: header and checksum are looked at, records only where the topic's configuration needs
    /// that, and the received bytes are neither copied nor changed. After a disk error the file is cut back to where
    /// it was; where that fails too the log goes offline.
    /// - Parameters:
    ///   - frame: one or more batches as a producer sent them, base offsets 0.
    ///   - now: the broker's time.
    public func append(
        _ frame: ByteBuffer, leaderEpoch: LeaderEpoch, now: Int64, origin: AppendOrigin = .client
    ) throws(AppendError) -> AppendResult {
        do { try checkOnline() } catch { throw .storage(error) }
        let rules = AppendRules(configuration: configuration, origin: origin)
        let plan = try rules.plan(frame, producers: producers, now: now)
        let appendTime = configuration.messageTimestampType == .logAppendTime ? now : nil
        if let duplicate = plan.duplicate {
            return AppendResult(
                firstOffset: duplicate.first, lastOffset: duplicate.last, logAppendTime: appendTime ?? -1,
                logStart: logStart, isDuplicate: true, appendedBytes: 0)
        }
        do {
            try rollIfNeeded(for: plan, appendTime: appendTime, now: now)
            try active.prepareAppend()
            try prepareEpoch(leaderEpoch)
            if aborted.wantsFlush { try flushAborted() }
        } catch {
            throw .storage(error)
        }
        let image = AppendImage(plan, from: logEnd, leaderEpoch: leaderEpoch, appendTime: appendTime)
        do { try write(image) } catch { throw .storage(error) }
        return commit(image, plan, appendTime: appendTime, now: now)
    }

    private func rollIfNeeded(for plan: AppendPlan, appendTime: Int64?, now: Int64) throws(StorageError) {
        guard active.byteCount > 0 else { return }
        let times = try active.times()
        let rules = RollRules(configuration: configuration)
        let segment = SegmentInfo(
            baseOffset: active.baseOffset, byteCount: active.byteCount, largestTimestamp: times.largest)
        let needed =
            rules.isFull(segment, adding: plan.byteCount, upTo: logEnd + (plan.offsetCount - 1))
            || rules.isIndexFull(offsetEntries: active.offsetIndex.count, timeEntries: active.timeIndex.count)
            || rules.isOld(
                firstTimestamp: times.first, createdAt: active.createdAt,
                newTimestamp: appendTime ?? plan.largestTimestamp, now: now, jitter: rollJitter)
        if needed { try roll(now: now) }
    }

    /// Differs between partitions and from segment to segment.
    private var rollJitter: UInt64 {
        if configuration.segmentJitterMilliseconds == 0 { return 0 }
        var hasher = Hasher()
        hasher.combine(topicPartition)
        hasher.combine(active.baseOffset)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    private func write(_ image: AppendImage) throws(StorageError) {
        let position = active.byteCount
        do {
            try active.write(image)
        } catch {
            do { try active.cutTail() } catch { throw goOffline(error) }
            throw error
        }
        if let first = image.headers.first {
            positions.lastAppend = BatchPosition(
                offset: first.baseOffset, segment: active.baseOffset, position: position)
        }
    }

    private func commit(_ image: AppendImage, _ plan: AppendPlan, appendTime: Int64?, now: Int64) -> AppendResult {
        let first = logEnd
        for (number, header) in image.headers.enumerated() {
            let transaction = producers.record(
                header, marker: plan.markers[number], firstOffset: header.baseOffset, now: now)
            if let transaction { aborted.append(transaction, segment: active.baseOffset) }
        }
        noteEpoch(image.headers.last?.partitionLeaderEpoch ?? .none, at: first)
        logEnd = first + plan.offsetCount
        lastLeaderEpoch = image.headers.last?.partitionLeaderEpoch ?? lastLeaderEpoch
        isDirty = true
        if unflushedSince == nil { unflushedSince = now }
        return AppendResult(
            firstOffset: first, lastOffset: logEnd - 1, logAppendTime: appendTime ?? -1, logStart: logStart,
            isDuplicate: false, appendedBytes: plan.byteCount, stored: image.isOnePlainBatch ? image.pieces : [])
    }
}
