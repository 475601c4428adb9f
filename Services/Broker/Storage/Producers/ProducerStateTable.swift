import KafkaRecords
import KafkaWire

/// The idempotent producers of one partition: a value, changed only by batches and time.
struct ProducerStateTable: Hashable, Sendable {
    /// Producers remembered per partition. A producer beyond it pushes out those that have been silent longest; a
    /// producer that was pushed out is taken for a new one, as after its expiration.
    static let maximumProducers = 16_384

    private(set) var states: [ProducerID: ProducerState] = [:]

    var count: Int { states.count }

    subscript(producer: ProducerID) -> ProducerState? { states[producer] }

    /// Takes note of a batch that is in the log now. Batches without a producer id change nothing.
    mutating func record(_ header: RecordBatchHeader, firstOffset: Offset, now: Int64) {
        guard header.hasProducerID, !header.isControl else { return }
        let batch = ProducerState.Batch(
            baseSequence: header.baseSequence, offsetDelta: header.lastOffsetDelta, firstOffset: firstOffset)
        if states[header.producerID]?.add(batch, epoch: header.producerEpoch, now: now) != nil { return }
        if states.count >= Self.maximumProducers { evictOldest() }
        states[header.producerID] = ProducerState(epoch: header.producerEpoch, batches: [batch], lastAppend: now)
    }

    /// Restores a producer from a snapshot.
    mutating func restore(_ state: ProducerState, of producer: ProducerID) {
        states[producer] = state
    }

    /// Forgets producers that appended nothing for `expiration` milliseconds; returns how many.
    mutating func expire(now: Int64, expiration: Int64) -> Int {
        let before = states.count
        states = states.filter { now - $0.value.lastAppend < expiration }
        return before - states.count
    }

    /// Makes room by an eighth, so that the cost of finding the oldest is spread over many appends.
    private mutating func evictOldest() {
        let oldest = states.sorted { $0.value.lastAppend < $1.value.lastAppend }
        for (producer, _) in oldest.prefix(Self.maximumProducers / 8) { states[producer] = nil }
    }
}
