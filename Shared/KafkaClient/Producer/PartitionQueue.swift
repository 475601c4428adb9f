import DequeModule
import KafkaWire
import NIOCore

/// One partition's batches: those that wait, oldest first, and those in flight.
struct PartitionQueue<Token> {
    let topicPartition: TopicPartition
    /// Batches to be sent, in order; only the last may still take records. Retries stand in front, by sequence.
    var waiting: Deque<ProducerBatch<Token>> = []
    /// Sent and unanswered, in order.
    var inFlight: [ProducerBatch<Token>] = []
    /// The identity of this partition's batches; `nil` before the first one.
    var producerID: ProducerID?
    var epoch: Int16 = 0
    var nextSequence: Int32 = 0
    /// The sequence has a gap: once nothing is in flight it starts again at 0 with the next epoch.
    var needsNewEpoch = false
    /// Records accepted for this partition so far.
    var acceptedRecords = 0
    /// What the last batch came to, as a hint for the next one's reservation.
    var lastBatchBytes = 512

    init(_ topicPartition: TopicPartition) {
        self.topicPartition = topicPartition
    }

    var isEmpty: Bool { waiting.isEmpty && inFlight.isEmpty }

    /// Whether the head of the queue was sent before and waits to be sent again.
    var isRetrying: Bool { waiting.first.map { $0.attempts > 0 } ?? false }

    /// Whether a batch in flight was sent before.
    ///
    /// It may be in the log already, with others behind it. A broker knows a producer's last five batches again: one
    /// more behind it with each attempt, and the broker would take the batch for a gap instead of a duplicate.
    var isRepeating: Bool { inFlight.contains { $0.attempts > 1 } }

    /// Gives the head the next sequence of this partition.
    ///
    /// - Returns: false where the epochs are used up and the producer needs a new id.
    mutating func identifyHead(_ producerID: ProducerID) -> Bool {
        if needsNewEpoch, !startNewEpoch() { return false }
        guard waiting[0].identity == nil else { return true }
        let isIdle = inFlight.isEmpty && !waiting.contains { $0.identity != nil }
        if self.producerID == nil || (self.producerID != producerID && isIdle) {
            self.producerID = producerID
            epoch = 0
            nextSequence = 0
        }
        waiting[0].identity = BatchIdentity(
            producerID: self.producerID ?? producerID, epoch: epoch, baseSequence: nextSequence)
        nextSequence = Self.sequence(nextSequence, advancedBy: waiting[0].recordsCount)
        return true
    }

    /// As a transactional producer, whose epochs come from the coordinator: each starts the sequence at 0.
    mutating func identifyHead(_ producerID: ProducerID, epoch: Int16) {
        if self.producerID != producerID || self.epoch != epoch {
            self.producerID = producerID
            self.epoch = epoch
            nextSequence = 0
        }
        guard waiting[0].identity == nil else { return }
        waiting[0].identity = BatchIdentity(producerID: producerID, epoch: epoch, baseSequence: nextSequence)
        nextSequence = Self.sequence(nextSequence, advancedBy: waiting[0].recordsCount)
    }

    /// Begins at sequence 0 with the next epoch. Batches that wait to be sent again were refused for the gap, so they
    /// cannot be in the log under their old sequence and may take a new one.
    private mutating func startNewEpoch() -> Bool {
        guard epoch < .max else { return false }
        epoch += 1
        nextSequence = 0
        needsNewEpoch = false
        forgetSequences()
        return true
    }

    /// Takes the sequences of waiting batches back.
    mutating func forgetSequences() {
        for index in waiting.indices where waiting[index].identity != nil {
            waiting[index].identity = nil
            if case .encoded(let bytes) = waiting[index].content { waiting[index].content = .stale(bytes) }
        }
    }

    /// Puts a batch back to where its records stood.
    mutating func requeue(_ batch: ProducerBatch<Token>) {
        let index = waiting.firstIndex { $0.firstRecord > batch.firstRecord } ?? waiting.endIndex
        waiting.insert(batch, at: index)
    }

    /// Sequences wrap from 2^31-1 to 0.
    static func sequence(_ sequence: Int32, advancedBy count: Int) -> Int32 {
        Int32(truncatingIfNeeded: (Int64(sequence) + Int64(count)) & 0x7fff_ffff)
    }
}
