import KafkaRecords
import KafkaWire

/// What a partition remembers of one idempotent producer.
struct ProducerState: Hashable, Sendable {
    /// A producer may have this many batches under way, so a repeat can be of any of the last five. Source: KIP-98.
    static let rememberedBatches = 5

    /// One batch that was appended.
    struct Batch: Hashable, Sendable {
        var baseSequence: Int32
        /// The number of records less one.
        var offsetDelta: Int32
        var firstOffset: Offset

        var lastSequence: Int32 { RecordBatchHeader.sequence(after: baseSequence, by: offsetDelta) }
        var lastOffset: Offset { firstOffset + Int64(offsetDelta) }
    }

    var epoch: Int16
    /// The last batches of this epoch, oldest first; at least one, at most ``rememberedBatches``.
    var batches: [Batch]
    /// When the broker last appended a batch of this producer, in milliseconds since 1970.
    var lastAppend: Int64

    /// The state after one more batch.
    mutating func add(_ batch: Batch, epoch newEpoch: Int16, now: Int64) {
        if newEpoch != epoch {
            epoch = newEpoch
            batches.removeAll(keepingCapacity: true)
        }
        if batches.count >= Self.rememberedBatches { batches.removeFirst() }
        batches.append(batch)
        lastAppend = max(lastAppend, now)
    }
}

/// What a batch's sequence number says about it.
enum SequenceVerdict: Hashable, Sendable {
    /// The next in order, the first of a new epoch, or of a producer that is not known here.
    case next
    /// A repeat of a batch that is in the log.
    case duplicate(ProducerState.Batch)
    /// Records before it are missing.
    case gap(expected: Int32)
    /// Another producer took over its id.
    case fenced(currentEpoch: Int16)
}

extension ProducerState {
    /// Judges a batch against the producer's state; `nil` is a producer that is not known.
    ///
    /// Rules of Kafka's brokers: an unknown producer may start anywhere, since its state may have expired; a new epoch
    /// starts at sequence 0; an exact repeat of one of the last five batches is a duplicate.
    static func judge(_ header: RecordBatchHeader, against state: ProducerState?) -> SequenceVerdict {
        guard let state else { return .next }
        if header.producerEpoch < state.epoch { return .fenced(currentEpoch: state.epoch) }
        if header.producerEpoch > state.epoch {
            return header.baseSequence == 0 ? .next : .gap(expected: 0)
        }
        let repeated = state.batches.first {
            $0.baseSequence == header.baseSequence && $0.offsetDelta == header.lastOffsetDelta
        }
        if let repeated { return .duplicate(repeated) }
        guard let last = state.batches.last else { return .next }
        let expected = RecordBatchHeader.sequence(after: last.lastSequence, by: 1)
        return header.baseSequence == expected ? .next : .gap(expected: expected)
    }
}
