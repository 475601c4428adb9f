import KafkaWire
import Storage

/// A partition's word that a producer's transaction may begin here, as long as no marker comes in between.
struct TransactionVerification: Hashable, Sendable {
    let producer: ProducerID
    let epoch: Int16
    /// Set where the batch must be the first of its epoch, as far as this partition knows, and is not: its sequence
    /// number.
    let strayedSequence: Int32?
    /// 0: the transaction was open here already, so there was nothing to verify.
    fileprivate let number: UInt64

    /// Whether the coordinator has to be asked.
    var isPending: Bool { number != 0 }
}

/// The producers that wait for the coordinator's word before the first batch of a transaction in a partition.
///
/// A marker that is appended meanwhile and ends the batch's transaction takes the word back: the batch is late, and
/// would open a transaction that nobody ends (KIP-890).
struct TransactionVerifications: Sendable {
    private struct Pending {
        let number: UInt64
        let epoch: Int16
        var count: Int
    }

    private var pending: [ProducerID: Pending] = [:]
    private var lastNumber: UInt64 = 0

    /// Producers that wait.
    var count: Int { pending.count }

    /// - Parameter strayedSequence: the batch's sequence number where it cannot be the first of its transaction.
    mutating func begin(
        of producer: ProducerID, epoch: Int16, isOpen: Bool, strayedSequence: Int32? = nil
    ) -> TransactionVerification {
        if isOpen {
            return TransactionVerification(producer: producer, epoch: epoch, strayedSequence: nil, number: 0)
        }
        if let present = pending[producer], present.epoch > epoch {
            // A zombie's: it never holds, and the one of its successor does.
            lastNumber += 1
            return TransactionVerification(
                producer: producer, epoch: epoch, strayedSequence: strayedSequence, number: lastNumber)
        }
        if pending[producer]?.epoch != epoch {
            lastNumber += 1
            pending[producer] = Pending(number: lastNumber, epoch: epoch, count: 0)
        }
        pending[producer]?.count += 1
        return TransactionVerification(
            producer: producer, epoch: epoch, strayedSequence: strayedSequence,
            number: pending[producer]?.number ?? lastNumber)
    }

    /// Ends a verification; returns whether it still holds.
    mutating func end(_ verification: TransactionVerification) -> Bool {
        guard verification.isPending, let present = pending[verification.producer],
            present.number == verification.number
        else { return false }
        if present.count == 1 {
            pending[verification.producer] = nil
        } else {
            pending[verification.producer]?.count -= 1
        }
        return true
    }

    /// A marker was appended.
    ///
    /// From transaction version 2 on it carries the epoch of the producer's next transaction, whose first batch may
    /// wait here already: that one has not ended.
    mutating func marked(_ marker: TransactionMarker) {
        guard let present = pending[marker.producerID] else { return }
        let bumps = marker.transactionVersion >= TransactionMarker.epochBumpingVersion
        if bumps, present.epoch >= marker.producerEpoch { return }
        pending[marker.producerID] = nil
    }
}
