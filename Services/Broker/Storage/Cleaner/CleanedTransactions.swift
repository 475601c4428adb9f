import KafkaRecords
import KafkaWire

/// A transaction that was aborted, as far as the cleaner needs to know.
struct AbortedRange: Hashable, Sendable {
    var producerID: ProducerID
    var firstOffset: Offset
    /// The marker's.
    var lastOffset: Offset
}

/// Follows the transactions while the cleaner goes through a log in the order of offsets: which records were aborted,
/// and which markers no record needs any more.
struct CleanedTransactions {
    private var aborted: [AbortedRange]
    /// How many of ``aborted`` have begun.
    private var begun = 0
    /// Aborted transactions that the cleaner is inside of, and whether it met records of them.
    private var ongoingAborted: [ProducerID: Bool] = [:]
    private var ongoingCommitted: Set<ProducerID> = []

    /// - Parameter aborted: all that have records or markers in what will be read.
    init(_ aborted: [AbortedRange] = []) {
        self.aborted = aborted.sorted { $0.firstOffset < $1.firstOffset }
    }

    /// Takes note of a batch of records; returns whether they were aborted.
    mutating func meetRecords(_ header: RecordBatchHeader) -> Bool {
        guard header.isTransactional else { return false }
        begin(upTo: header.lastOffset)
        if ongoingAborted.updateValue(true, forKey: header.producerID) != nil { return true }
        ongoingAborted[header.producerID] = nil
        ongoingCommitted.insert(header.producerID)
        return false
    }

    /// Takes note of a control batch; returns whether no record that was met needs it.
    mutating func meetMarker(_ header: RecordBatchHeader, _ marker: ControlRecord?) -> Bool {
        begin(upTo: header.lastOffset)
        switch marker {
        case .abort: return ongoingAborted.removeValue(forKey: header.producerID) != true
        case .commit: return ongoingCommitted.remove(header.producerID) == nil
        case .other: return false
        // A batch that was emptied before.
        case nil: return true
        }
    }

    private mutating func begin(upTo offset: Offset) {
        while begun < aborted.count, aborted[begun].firstOffset <= offset {
            let producer = aborted[begun].producerID
            if ongoingAborted[producer] == nil { ongoingAborted[producer] = false }
            begun += 1
        }
    }
}
