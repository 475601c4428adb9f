import KafkaWire
import SystemPackage

extension PartitionLog {
    /// This broker leads the partition from here on: the epoch begins at the log's end, before it has any record.
    ///
    /// Reads nothing: where the table of epochs is not known yet, the epoch is put into it when it is read.
    public func beginLeading(_ epoch: LeaderEpoch) {
        leadingEpoch = epoch
        guard var table = knownEpochs else { return }
        assignLeadingEpoch(&table)
        knownEpochs = table
    }

    /// Where the records of a leader epoch end, for followers and consumers that compare logs.
    ///
    /// Reads the `leader-epoch-checkpoint` the first time.
    public func endOffset(forLeaderEpoch epoch: LeaderEpoch) throws(StorageError) -> EpochEnd {
        try leaderEpochs().end(of: epoch, logEnd: logEnd)
    }

    /// The leader epoch of the record at an offset; ``LeaderEpoch/none`` where it is not known.
    public func leaderEpoch(at offset: Offset) throws(StorageError) -> LeaderEpoch {
        try leaderEpochs().epoch(at: offset)
    }

    /// The epochs of the log's records, from the log start on.
    func leaderEpochs() throws(StorageError) -> LeaderEpochTable {
        try checkOnline()
        var table: LeaderEpochTable
        if let knownEpochs { table = knownEpochs } else { table = try loadEpochs() }
        table.advance(to: logStart)
        knownEpochs = table
        return table
    }

    /// Where the checkpoint is missing or damaged, the epoch of the newest batch is taken for that of all.
    private func loadEpochs() throws(StorageError) -> LeaderEpochTable {
        var table = try readEpochs()
        table.truncate(to: logEnd)
        if logStart < logEnd, table.assign(lastLeaderEpoch, at: logStart) { hasUnsavedEpochs = true }
        assignLeadingEpoch(&table)
        return table
    }

    /// Records of the epoch would have put it into the table, so without it the log ends where it began to lead.
    private func assignLeadingEpoch(_ table: inout LeaderEpochTable) {
        if leadingEpoch > table.latest, table.assign(leadingEpoch, at: logEnd) { hasUnsavedEpochs = true }
    }

    private func readEpochs() throws(StorageError) -> LeaderEpochTable {
        let bytes = try files.contents(of: folder.appending(LogFileName.leaderEpochCheckpoint))
        return bytes.flatMap(LeaderEpochTable.init(decoding:)) ?? LeaderEpochTable()
    }

    /// To be called before batches of an epoch are written at the log's end: reads what is needed to take note of it.
    func prepareEpoch(_ epoch: LeaderEpoch) throws(StorageError) {
        if epoch != lastLeaderEpoch || logStart == logEnd { _ = try leaderEpochs() }
    }

    /// Takes note of batches' epochs once they are in the log.
    func noteEpoch(_ epoch: LeaderEpoch, at offset: Offset) {
        // Without the table the batch is of the epoch that the checkpoint ends with.
        if knownEpochs?.assign(epoch, at: offset) ?? false { hasUnsavedEpochs = true }
    }

    /// Takes over what a walk through the log after a crash has found.
    func restoreEpochs(_ found: LogFolder.Contents) throws(StorageError) {
        guard let start = found.replayedFrom else { return }
        var table = start > 0 ? try readEpochs() : LeaderEpochTable()
        table.truncate(to: start)
        if logStart < start { table.assign(found.epochBeforeReplay, at: logStart) }
        for entry in found.replayedEpochs { table.assign(entry.epoch, at: entry.startOffset) }
        table.advance(to: logStart)
        knownEpochs = table
        hasUnsavedEpochs = true
    }

    /// Writes the checkpoint where it has changed, durably: it must be there before a snapshot vouches for the batches
    /// it speaks of. Until then a scan of them finds the epochs again.
    func saveEpochs() throws(StorageError) {
        guard hasUnsavedEpochs, let knownEpochs else { return }
        try files.replace(folder.appending(LogFileName.leaderEpochCheckpoint), with: knownEpochs.encoded())
        hasUnsavedEpochs = false
    }
}
