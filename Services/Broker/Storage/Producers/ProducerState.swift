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
    /// The last batches of this epoch, oldest first, at most ``rememberedBatches``. Empty after a marker that raised
    /// the epoch, and for what a coordinator writes in a producer's name, which has no sequence.
    var batches: [Batch] = []
    /// When the broker last appended a batch of this producer, in milliseconds since 1970.
    var lastAppend: Int64
    /// The timestamp of the producer's newest batch or marker, in milliseconds since 1970; -1 for none.
    var lastTimestamp: Int64 = -1
    /// Of the coordinator that wrote the producer's last marker; -1 before the first.
    var coordinatorEpoch: Int32 = -1
    /// The first offset of the transaction that is open; `nil` where none is.
    var transactionStart: Offset?

    /// The sequence number that must come next.
    var nextSequence: Int32 {
        batches.last.map { RecordBatchHeader.sequence(after: $0.lastSequence, by: 1) } ?? 0
    }

    /// The state after one more batch of records.
    mutating func add(_ header: RecordBatchHeader, firstOffset: Offset, now: Int64) {
        raise(to: header.producerEpoch)
        if header.baseSequence >= 0 {
            if batches.count >= Self.rememberedBatches { batches.removeFirst() }
            batches.append(
                Batch(
                    baseSequence: header.baseSequence, offsetDelta: header.lastOffsetDelta, firstOffset: firstOffset))
        }
        if header.isTransactional, transactionStart == nil { transactionStart = firstOffset }
        lastAppend = max(lastAppend, now)
        lastTimestamp = header.maxTimestamp
    }

    /// The state after the end of its transaction, whether or not one was open.
    mutating func end(_ marker: TransactionMarker, timestamp: Int64, now: Int64) {
        raise(to: marker.producerEpoch)
        transactionStart = nil
        coordinatorEpoch = marker.coordinatorEpoch
        lastAppend = max(lastAppend, now)
        lastTimestamp = timestamp
    }

    private mutating func raise(to newEpoch: Int16) {
        if newEpoch == epoch { return }
        epoch = newEpoch
        batches.removeAll(keepingCapacity: true)
    }
}

/// What a batch's producer epoch and sequence number say about it.
enum SequenceVerdict: Hashable, Sendable {
    /// The next in order, the first of a new epoch, or of a producer that is not known here.
    case next
    /// A repeat of a batch that is in the log.
    case duplicate(ProducerState.Batch)
    /// Records before it are missing.
    case gap(expected: Int32)
    /// Another producer took over its id.
    case fenced(currentEpoch: Int16)
    /// Not part of the transaction that the producer has open.
    case outsideTransaction(since: Offset)
}

extension ProducerState {
    /// Judges a batch against the producer's state; `nil` is a producer that is not known.
    ///
    /// Rules of Kafka's brokers: an unknown producer may start anywhere, since its state may have expired; a new epoch
    /// starts at sequence 0; an exact repeat of one of the last five batches is a duplicate; while a transaction is
    /// open every batch is part of it. What a coordinator writes in a producer's name has no sequence to judge.
    static func judge(
        _ header: RecordBatchHeader, against state: ProducerState?, origin: AppendOrigin = .client
    ) -> SequenceVerdict {
        guard let state else { return .next }
        if header.producerEpoch < state.epoch { return .fenced(currentEpoch: state.epoch) }
        switch origin {
        case .client:
            let verdict = state.judgeSequence(header)
            if verdict != .next { return verdict }
        case .coordinator: break
        }
        if let start = state.transactionStart, !header.isTransactional { return .outsideTransaction(since: start) }
        return .next
    }

    private func judgeSequence(_ header: RecordBatchHeader) -> SequenceVerdict {
        if header.producerEpoch > epoch {
            return header.baseSequence == 0 ? .next : .gap(expected: 0)
        }
        let repeated = batches.first {
            $0.baseSequence == header.baseSequence && $0.offsetDelta == header.lastOffsetDelta
        }
        if let repeated { return .duplicate(repeated) }
        return header.baseSequence == nextSequence ? .next : .gap(expected: nextSequence)
    }
}

/// What a marker's epochs say about it.
enum MarkerVerdict: Hashable, Sendable {
    case accepted
    /// Another producer took over the id since.
    case fenced(currentEpoch: Int16)
    /// A newer coordinator has written a marker of this producer.
    case coordinatorFenced(currentEpoch: Int32)
}

extension ProducerState {
    /// Judges the end of a transaction against the producer's state; `nil` is a producer that is not known.
    ///
    /// Without an open transaction the marker is accepted too: the coordinator repeats one whose answer was lost. From
    /// transaction version 2 on it has to carry a newer epoch than the transaction it ends, or a late marker of the
    /// last transaction would end the next (KIP-890).
    static func judge(_ marker: TransactionMarker, against state: ProducerState?) -> MarkerVerdict {
        guard let state else { return .accepted }
        if marker.producerEpoch < state.epoch { return .fenced(currentEpoch: state.epoch) }
        if marker.coordinatorEpoch < state.coordinatorEpoch {
            return .coordinatorFenced(currentEpoch: state.coordinatorEpoch)
        }
        let isBumped = marker.transactionVersion >= TransactionMarker.epochBumpingVersion
        if isBumped, marker.producerEpoch == state.epoch, state.transactionStart != nil {
            return .fenced(currentEpoch: state.epoch)
        }
        return .accepted
    }
}
