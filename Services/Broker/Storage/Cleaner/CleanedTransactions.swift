import KafkaRecords
import KafkaWire

/// Follows the transactions while the cleaner goes through a log in the order of offsets: which records were aborted,
/// and which markers no record needs any more.
struct CleanedTransactions {
    private var aborted: [AbortedTransaction]
    /// How many of ``aborted`` have begun.
    private var begun = 0
    /// Aborted transactions that the cleaner is inside of.
    private var ongoingAborted: [ProducerID: (transaction: AbortedTransaction, hasRecords: Bool)] = [:]
    /// Producers of which records were met that were not aborted, or of whose aborted ones only empty batches are left.
    private var ongoingCommitted: Set<ProducerID> = []
    /// Aborted transactions that ended and of which records were met, since they were last taken.
    private var retained: [AbortedTransaction] = []

    /// - Parameter aborted: all that have records or markers in what will be read.
    init(_ aborted: [AbortedTransaction] = []) {
        self.aborted = aborted.sorted { $0.firstOffset < $1.firstOffset }
    }

    /// Takes note of a batch of records; returns whether they were aborted.
    mutating func meetRecords(_ header: RecordBatchHeader) -> Bool {
        guard header.isTransactional else { return false }
        begin(upTo: header.lastOffset)
        if ongoingAborted[header.producerID] != nil {
            ongoingAborted[header.producerID]?.hasRecords = true
            return true
        }
        ongoingCommitted.insert(header.producerID)
        return false
    }

    /// Takes note of a control batch; returns whether no record that was met needs it.
    mutating func meetMarker(_ header: RecordBatchHeader, _ marker: ControlRecord?) -> Bool {
        begin(upTo: header.lastOffset)
        switch marker {
        case .abort:
            let ended = ongoingAborted.removeValue(forKey: header.producerID)
            // An empty batch that stayed for its producer's sake would begin a transaction without an end.
            let hasEmptied = ongoingCommitted.remove(header.producerID) != nil
            guard let ended, ended.hasRecords else { return !hasEmptied }
            retained.append(ended.transaction)
            return false
        case .commit: return ongoingCommitted.remove(header.producerID) == nil
        case .other: return false
        // A batch that was emptied before.
        case nil: return true
        }
    }

    /// The aborted transactions that ended since the last call: readers that began before may still see their records.
    mutating func takeRetained() -> [AbortedTransaction] {
        defer { retained = [] }
        return retained
    }

    private mutating func begin(upTo offset: Offset) {
        while begun < aborted.count, aborted[begun].firstOffset <= offset {
            let producer = aborted[begun].producerID
            if ongoingAborted[producer] == nil { ongoingAborted[producer] = (aborted[begun], false) }
            begun += 1
        }
    }
}
