import KafkaRecords
import KafkaWire
import SystemPackage

/// Goes through batches that are in a log already, to know its producers, their transactions and
/// the leaders' epochs again.
struct ProducerReplay {
    /// Batches below it are in the producers' states already.
    let start: Offset
    let now: Int64
    var producers = ProducerStateTable()
    var lastLeaderEpoch = LeaderEpoch.none
    /// The epochs of the batches gone through.
    private(set) var epochs = LeaderEpochTable()

    /// - Parameter now: taken for the time of every append, which is not in the log.
    init(from start: Offset, now: Int64) {
        self.start = start
        self.now = now
    }

    /// Takes note of a segment's batches; returns the transactions that were aborted in it.
    mutating func walk(_ segment: OpenSegment) throws(StorageError) -> [AbortedTransaction] {
        var aborted: [AbortedTransaction] = []
        var batches = try segment.cursor(from: 0)
        while let found = try batches.next() {
            if found.header.baseOffset < start { continue }
            let marker = found.header.isControl ? try Self.marker(found, &batches, segment) : nil
            let transaction = producers.record(
                found.header, marker: marker, firstOffset: found.header.baseOffset, now: now)
            if let transaction { aborted.append(transaction) }
            lastLeaderEpoch = found.header.partitionLeaderEpoch
            epochs.assign(lastLeaderEpoch, at: found.header.baseOffset)
        }
        return aborted
    }

    private static func marker(
        _ found: BatchCursor.Found, _ batches: inout BatchCursor, _ segment: OpenSegment
    ) throws(StorageError) -> TransactionMarker? {
        let batch = RecordBatch(header: found.header, bytes: try batches.bytes(of: found))
        do {
            return try TransactionMarker(batch)
        } catch {
            throw .corrupt(
                path: segment.folder.file(.log, segment.baseOffset).string, position: found.position,
                reason: error.description)
        }
    }
}
