import KafkaRecords
import KafkaWire

/// The idempotent producers of one partition and their open transactions: a value, changed only by batches and time.
struct ProducerStateTable: Hashable, Sendable {
    /// Producers remembered per partition. A producer beyond it pushes out those that have been silent longest; a
    /// producer that was pushed out is taken for a new one, as after its expiration. One with an open transaction is
    /// never pushed out and not counted: the coordinator ends every transaction in time.
    static let maximumProducers = 16_384

    /// A transaction without an end so far.
    struct OpenTransaction: Hashable, Sendable {
        var firstOffset: Offset
        var producerID: ProducerID
    }

    private(set) var states: [ProducerID: ProducerState] = [:]
    /// Ascending by first offset.
    private(set) var openTransactions: [OpenTransaction] = []

    var count: Int { states.count }

    subscript(producer: ProducerID) -> ProducerState? { states[producer] }

    /// Where the oldest open transaction begins; everything below is decided.
    var firstOpenOffset: Offset? { openTransactions.first?.firstOffset }

    /// Takes note of a batch that is in the log now. Batches without a producer id change nothing.
    /// - Parameter marker: what a control batch says.
    /// - Returns: the transaction that the batch aborts.
    @discardableResult
    mutating func record(
        _ header: RecordBatchHeader, marker: TransactionMarker? = nil, firstOffset: Offset, now: Int64
    ) -> AbortedTransaction? {
        guard header.hasProducerID else { return nil }
        if header.isControl {
            guard let marker else { return nil }
            return end(marker, at: firstOffset, timestamp: header.maxTimestamp, now: now)
        }
        let producer = header.producerID
        if states[producer] == nil { makeRoom() }
        let wasOpen = states[producer]?.transactionStart != nil
        states[producer, default: ProducerState(epoch: header.producerEpoch, lastAppend: now)]
            .add(header, firstOffset: firstOffset, now: now)
        if header.isTransactional, !wasOpen {
            openTransactions.append(OpenTransaction(firstOffset: firstOffset, producerID: producer))
        }
        return nil
    }

    private mutating func end(
        _ marker: TransactionMarker, at offset: Offset, timestamp: Int64, now: Int64
    ) -> AbortedTransaction? {
        let producer = marker.producerID
        if states[producer] == nil { makeRoom() }
        let start = states[producer]?.transactionStart
        states[producer, default: ProducerState(epoch: marker.producerEpoch, lastAppend: now)]
            .end(marker, timestamp: timestamp, now: now)
        guard let start else { return nil }
        openTransactions.removeAll { $0.firstOffset == start }
        if marker.isCommit { return nil }
        return AbortedTransaction(
            producerID: producer, firstOffset: start, lastOffset: offset,
            lastStableOffset: firstOpenOffset ?? offset + 1)
    }

    /// Restores a producer from a snapshot.
    mutating func restore(_ state: ProducerState, of producer: ProducerID) {
        states[producer] = state
        guard let start = state.transactionStart else { return }
        let place = openTransactions.firstIndex { $0.firstOffset > start } ?? openTransactions.count
        openTransactions.insert(OpenTransaction(firstOffset: start, producerID: producer), at: place)
    }

    /// Forgets producers that appended nothing for `expiration` milliseconds and have no transaction open; returns how
    /// many.
    mutating func expire(now: Int64, expiration: Int64) -> Int {
        let before = states.count
        states = states.filter { $0.value.transactionStart != nil || now - $0.value.lastAppend < expiration }
        return before - states.count
    }

    private mutating func makeRoom() {
        if states.count - openTransactions.count >= Self.maximumProducers { evictOldest() }
    }

    /// Makes room by an eighth, so that the cost of finding the oldest is spread over many appends.
    private mutating func evictOldest() {
        let idle = states.filter { $0.value.transactionStart == nil }
        let oldest = idle.sorted { $0.value.lastAppend < $1.value.lastAppend }
        for (producer, _) in oldest.prefix(Self.maximumProducers / 8) { states[producer] = nil }
    }
}
