import KafkaRecords
import KafkaWire

/// Idempotence and transactions: what the producers' epochs, sequences and open transactions allow.
extension AppendRules {
    func checkProducers(_ plan: inout AppendPlan, _ producers: ProducerStateTable) throws(AppendError) {
        // States as they are after the earlier batches of the same append; an append of one batch needs none.
        var ahead: [ProducerID: ProducerState] = [:]
        var duplicates: [ProducerState.Batch] = []
        for (number, batch) in plan.batches.enumerated() where batch.header.hasProducerID {
            let header = batch.header
            let state = ahead[header.producerID] ?? producers[header.producerID]
            if let marker = plan.markers[number] {
                try Self.check(marker, state)
            } else if !header.isControl, let repeated = try duplicate(header, state) {
                duplicates.append(repeated)
            }
            if plan.batches.count > 1, duplicates.isEmpty {
                ahead[header.producerID] = Self.state(state, after: header, plan.markers[number])
            }
        }
        guard let first = duplicates.first, let last = duplicates.last else { return }
        guard duplicates.count == plan.batches.count else {
            throw .partlyDuplicate(plan.batches[0].header.producerID)
        }
        plan.duplicate = (first.firstOffset, last.lastOffset)
    }

    /// The earlier batch that this one repeats; `nil` where it may be appended.
    private func duplicate(
        _ header: RecordBatchHeader, _ state: ProducerState?
    ) throws(AppendError) -> ProducerState.Batch? {
        switch ProducerState.judge(header, against: state, origin: origin) {
        case .next: return nil
        case .duplicate(let earlier): return earlier
        case .gap(let expected):
            throw .outOfOrderSequence(header.producerID, expected: expected, found: header.baseSequence)
        case .fenced(let current):
            throw .fencedProducer(header.producerID, currentEpoch: current, found: header.producerEpoch)
        case .outsideTransaction(let start):
            throw .outsideTransaction(header.producerID, since: start)
        }
    }

    /// Whether a transaction may be ended by this marker.
    static func check(_ marker: TransactionMarker, _ state: ProducerState?) throws(AppendError) {
        switch ProducerState.judge(marker, against: state) {
        case .accepted: break
        case .fenced(let current):
            throw .fencedProducer(marker.producerID, currentEpoch: current, found: marker.producerEpoch)
        case .coordinatorFenced(let current):
            throw .fencedCoordinator(marker.producerID, currentEpoch: current, found: marker.coordinatorEpoch)
        }
    }

    private static func state(
        _ state: ProducerState?, after header: RecordBatchHeader, _ marker: TransactionMarker?
    ) -> ProducerState {
        var next = state ?? ProducerState(epoch: header.producerEpoch, lastAppend: 0)
        if let marker {
            next.end(marker, timestamp: header.maxTimestamp, now: 0)
        } else if !header.isControl {
            next.add(header, firstOffset: 0, now: 0)
        }
        return next
    }
}
