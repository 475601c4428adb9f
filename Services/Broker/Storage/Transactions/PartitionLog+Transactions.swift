import KafkaRecords
import KafkaWire
import NIOCore

extension PartitionLog {
    /// Where the oldest open transaction begins: nothing from there on is decided. `nil` where none is open.
    ///
    /// Readers of committed records stop there or at the high watermark, whichever comes first. After records were
    /// deleted it is not below the log start.
    public var firstUnstableOffset: Offset? { producers.firstOpenOffset.map { max($0, logStart) } }

    /// Ends a producer's transaction in this partition with a control batch.
    ///
    /// Without an open transaction it is written all the same, and fences the older epochs. Cost as that of an append;
    /// the aborted transaction goes to the segment's `.txnindex`.
    /// - Throws: `fencedProducer` and `fencedCoordinator` for a marker that comes too late.
    public func appendMarker(
        _ marker: TransactionMarker, leaderEpoch: LeaderEpoch, now: Int64
    ) throws(AppendError) -> AppendResult {
        try AppendRules.check(marker, producers[marker.producerID])
        let batch: ByteBuffer
        do { batch = try marker.batch(timestamp: now) } catch { throw .invalidBatch(error) }
        return try append(batch, leaderEpoch: leaderEpoch, now: now, origin: .coordinator)
    }

    /// Whether anything is remembered of a producer.
    public func knows(_ producer: ProducerID) -> Bool { producers[producer] != nil }

    /// Whether a producer has a transaction open in this partition, under exactly this epoch.
    public func hasOngoingTransaction(of producer: ProducerID, epoch: Int16) -> Bool {
        guard let state = producers[producer], state.transactionStart != nil else { return false }
        return state.epoch == epoch
    }

    /// The aborted transactions with records in `start..<end`, ascending by first offset: what a reader of committed
    /// records needs to know to leave them out.
    ///
    /// Costs nothing where no transaction was ever aborted, and else a search in the index of the segment of `start`. A
    /// damaged index is made anew from the log.
    public func abortedTransactions(
        from start: Offset, upTo end: Offset
    ) throws(StorageError) -> [AbortedTransaction] {
        try checkOnline()
        guard start < end, !aborted.baseOffsets.isEmpty else { return [] }
        let base = segmentBase(of: start)
        do {
            return try aborted.transactions(from: start, upTo: end, segment: base)
        } catch .corrupt {
            try rebuildAborted(from: base)
        }
        return try aborted.transactions(from: start, upTo: end, segment: base)
    }

    private func segmentBase(of offset: Offset) -> Offset {
        let index = segmentIndex(of: offset)
        return index == closed.count ? active.baseOffset : closed[index].baseOffset
    }

    /// Finds the aborted transactions again, from the segment with that base offset on.
    ///
    /// Walks the log from the newest snapshot before the segment, or from its start, since a transaction may begin
    /// long before its end.
    func rebuildAborted(from base: Offset) throws(StorageError) {
        for segment in aborted.baseOffsets where segment >= base { try aborted.remove(segment: segment) }
        var replay = ProducerReplay(from: 0, now: 0)
        for offset in snapshots.reversed() where offset <= base {
            guard let bytes = try files.contents(of: folder.file(.snapshot, offset)),
                let snapshot = LogSnapshot(decoding: bytes)
            else { continue }
            replay = ProducerReplay(from: offset, now: 0)
            replay.producers = snapshot.producers
            break
        }
        for index in 0...closed.count where endOffset(ofSegment: index) > replay.start {
            let segment = try openSegment(index)
            let found = try replay.walk(segment)
            if segment.baseOffset >= base { try aborted.replace(segment: segment.baseOffset, with: found) }
        }
        folderChanges += 1
        isDirty = true
    }

    /// Brings the files of aborted transactions in line with what opening found.
    func restoreAborted(_ contents: LogFolder.Contents) throws(StorageError) {
        if let damaged = try aborted.trustFiles().min() {
            return try rebuildAborted(from: min(damaged, contents.replayedFrom.map(segmentBase) ?? damaged))
        }
        guard let start = contents.replayedFrom else { return }
        try aborted.truncate(to: start)
        for (segment, transactions) in contents.replayedAborted {
            for transaction in transactions { aborted.append(transaction, segment: segment) }
            try flushAborted()
            try aborted.file(ofSegment: segment)?.sync()
        }
        aborted.releaseFiles()
    }

    /// Writes the aborted transactions in memory to their files.
    func flushAborted() throws(StorageError) {
        if try aborted.flush() { folderChanges += 1 }
    }
}
