import DequeModule
import KafkaRecords
import KafkaWire
import NIOCore

/// Collects records into batches and says which batch may be sent when.
///
/// A pure rule: time comes in, batches and results go out. What it keeps: records of a partition never change their
/// order; the memory of accepted and unanswered records stays within the bound; every accepted record gets exactly one
/// result. With idempotence up to five batches of a partition are in flight, each with its sequence; without, one,
/// because a retry could otherwise overtake.
struct RecordAccumulator<Token> {
    struct Configuration {
        var batchSizeBytes: Int
        var linger: TimeAmount
        var bufferMemoryBytes: Int
        var deliveryTimeout: TimeAmount
        var isIdempotent: Bool
        /// Epochs come from the coordinator: a gap in the sequences fails the transaction instead of raising one.
        var isTransactional = false
        var maximumInFlightPerPartition: Int
        var backoff: BackoffRules
    }

    /// The batches whose fate is sealed, for the driver to tell.
    struct Completion {
        /// Of the records that somebody waits for.
        let reports: [ProducerBatch<Token>.Report]
        let recordsCount: Int
        /// As in ``flushTarget``: which flushes wait for it.
        let rootID: Int
        let topicPartition: TopicPartition
        let result: Result<BatchAcknowledgement, KafkaError>
    }

    let configuration: Configuration
    /// The producer's id; batches of an idempotent producer wait until there is one.
    var producerID: ProducerID?
    /// The epoch of a transactional producer.
    var producerEpoch: Int16 = 0
    /// A batch of a transaction that had its sequence was given up.
    var hasSequenceGap = false
    /// The epochs of the current id are used up: the driver has to ask for a new id.
    var needsNewProducerID = false
    /// While above zero nothing lingers.
    var flushes = 0
    /// Set by the driver while somebody waits for memory; then nothing lingers either.
    var isShortOfMemory = false
    private(set) var usedBytes = 0
    var queues: [PartitionQueue<Token>] = []
    private var indexes: [TopicPartition: Int] = [:]
    private var lastBatchID = 0
    /// Unfinished batches per root, so that a flush knows when all it found is done.
    private var outstandingRoots: [Int: Int] = [:]
    private var drainStart = 0

    init(configuration: Configuration) {
        self.configuration = configuration
    }

    // MARK: Appending

    enum AppendOutcome: Equatable {
        /// - Parameter wakes: whether this changed what can be sent, or when.
        case appended(wakes: Bool)
        /// No memory: wait, then try again.
        case full
    }

    /// Whether a record of this size fits into the memory now. A record larger than the whole buffer never does.
    func hasRoom(for recordBytes: Int) -> Bool {
        usedBytes + recordBytes + ProducerBatch<Token>.reportOverheadBytes <= configuration.bufferMemoryBytes
    }

    /// As ``append(toQueue:timestamp:key:value:headers:recordBytes:token:continues:now:)``, for one record by itself.
    mutating func append(
        to partition: TopicPartition, timestamp: Int64, key: ByteBuffer?, value: ByteBuffer?,
        headers: [RecordHeader], recordBytes: Int, token: Token?, now: NIODeadline
    ) -> AppendOutcome {
        append(
            toQueue: queueIndex(partition), timestamp: timestamp, key: key, value: value, headers: headers,
            recordBytes: recordBytes, token: token, continues: false, now: now)
    }

    /// Puts a record into the partition's last batch, or a new one.
    ///
    /// - Parameters:
    ///   - queue: from ``queueIndex(_:)``.
    ///   - token: who waits for the result; asked for only where a new report is made, and `nil` for nobody.
    ///   - continues: the record belongs to the same report as the one before it in this partition, as long as that is
    ///     in the same batch.
    mutating func append(
        toQueue index: Int, timestamp: Int64, key: ByteBuffer?, value: ByteBuffer?, headers: [RecordHeader],
        recordBytes: Int, token: @autoclosure () -> Token?, continues: Bool, now: @autoclosure () -> NIODeadline
    ) -> AppendOutcome {
        guard hasRoom(for: recordBytes) else { return .full }
        let isNew = openBatch(index, recordBytes: recordBytes, now: now)
        let last = queues[index].waiting.count - 1
        let added = queues[index].waiting[last].add(
            timestamp: timestamp, key: key, value: value, headers: headers, token: token, continues: continues,
            limit: configuration.batchSizeBytes)
        usedBytes += added.grownBytes
        queues[index].acceptedRecords += 1
        return .appended(wakes: isNew || added.isFull)
    }

    /// Where the partition's batches are; for good.
    mutating func queueIndex(_ partition: TopicPartition) -> Int {
        if let index = indexes[partition] { return index }
        indexes[partition] = queues.count
        queues.append(PartitionQueue(partition))
        return queues.count - 1
    }

    /// Makes the queue's last batch one that takes this record. True where that was a new one.
    private mutating func openBatch(_ index: Int, recordBytes: Int, now: () -> NIODeadline) -> Bool {
        let last = queues[index].waiting.count - 1
        if last >= 0, queues[index].waiting[last].makesRoom(for: recordBytes, limit: configuration.batchSizeBytes) {
            return false
        }
        lastBatchID += 1
        let hint = queues[index].lastBatchBytes
        let capacity = min(configuration.batchSizeBytes, max(512, hint + hint / 4))
        queues[index].waiting.append(
            ProducerBatch(
                id: lastBatchID, firstRecord: queues[index].acceptedRecords,
                topicPartition: queues[index].topicPartition, created: now(),
                builder: RecordBatchBuilder(capacity: max(capacity, recordBytes + 64))))
        outstandingRoots[lastBatchID, default: 0] += 1
        return true
    }

    // MARK: Draining

    /// What can be sent to one broker.
    struct Drained {
        var batches: [DrainedBatch] = []
        /// When to look again if nothing else happens; `nil` where only an event can change something.
        var nextCheck: NIODeadline?
    }

    /// Takes at most one batch per partition, of together at most `maximumBytes` unless the first alone is larger.
    mutating func drain(
        maximumBytes: Int, now: NIODeadline, leads: (TopicPartition) -> Bool
    ) -> Drained {
        var drained = Drained()
        guard !queues.isEmpty else { return drained }
        var bytes = 0
        drainStart = (drainStart + 1) % queues.count
        for step in queues.indices {
            let index = (drainStart + step) % queues.count
            guard !queues[index].waiting.isEmpty, mayDrain(index), leads(queues[index].topicPartition) else { continue }
            let ready = readyTime(index, now: now)
            guard ready <= now else {
                drained.nextCheck = min(drained.nextCheck ?? ready, ready)
                continue
            }
            let size = queues[index].waiting[0].memoryBytes
            if bytes > 0, bytes + size > maximumBytes {
                drained.nextCheck = now
                continue
            }
            guard let batch = take(index) else { continue }
            bytes += size
            drained.batches.append(batch)
        }
        return drained
    }

    /// Whether the partition's order and identity allow to send its head.
    private func mayDrain(_ index: Int) -> Bool {
        let queue = queues[index]
        guard configuration.isIdempotent else { return queue.inFlight.isEmpty }
        if producerID == nil { return false }
        if queue.isRetrying || queue.needsNewEpoch { return queue.inFlight.isEmpty }
        if queue.isRepeating { return false }
        return queue.inFlight.count < configuration.maximumInFlightPerPartition
    }

    /// When the head may be sent: after its backoff, and full or done lingering.
    private func readyTime(_ index: Int, now: NIODeadline) -> NIODeadline {
        let head = queues[index].waiting[0]
        let isComplete = head.isSealed || queues[index].waiting.count > 1 || flushes > 0 || isShortOfMemory
        return isComplete ? head.notBefore : max(head.notBefore, head.created + configuration.linger)
    }

    private mutating func take(_ index: Int) -> DrainedBatch? {
        if let producerID, configuration.isTransactional {
            queues[index].identifyHead(producerID, epoch: producerEpoch)
        } else if let producerID, configuration.isIdempotent, !queues[index].identifyHead(producerID) {
            needsNewProducerID = true
            return nil
        }
        var batch = queues[index].waiting.removeFirst()
        batch.isSealed = true
        batch.attempts += 1
        let content: DrainedBatch.Content
        switch batch.content {
        case .building:
            queues[index].lastBatchBytes = batch.builder.estimatedBytes
            content = .builder(batch.builder)
            batch.builder = RecordBatchBuilder()
        case .encoded(let bytes): content = .encoded(bytes)
        case .stale(let bytes): content = .stale(bytes)
        case .taken: preconditionFailure("a batch that waits has its content")
        }
        batch.content = .taken
        queues[index].inFlight.append(batch)
        return DrainedBatch(
            id: batch.id, topicPartition: batch.topicPartition, identity: batch.identity,
            isTransactional: configuration.isTransactional, content: content)
    }

    /// A new id from the broker: partitions take it once nothing with the old one is under way.
    mutating func setProducerID(_ id: ProducerID) {
        producerID = id
        needsNewProducerID = false
        for index in queues.indices where queues[index].needsNewEpoch && queues[index].epoch == .max {
            queues[index].producerID = nil
            queues[index].needsNewEpoch = false
            queues[index].forgetSequences()
        }
    }

    /// The identity of the next transaction; nothing of the last one is left, so every sequence starts again.
    mutating func setIdentity(_ id: ProducerID, epoch: Int16) {
        producerID = id
        producerEpoch = epoch
        hasSequenceGap = false
    }

    // MARK: Bookkeeping for results

    func index(of partition: TopicPartition) -> Int? { indexes[partition] }

    mutating func makeBatchID(rootID: Int) -> Int {
        lastBatchID += 1
        outstandingRoots[rootID, default: 0] += 1
        return lastBatchID
    }

    /// Gives the batch's memory back and lets flushes know.
    mutating func release(_ batch: ProducerBatch<Token>) {
        usedBytes -= batch.memoryBytes
        let left = (outstandingRoots[batch.rootID] ?? 1) - 1
        outstandingRoots[batch.rootID] = left == 0 ? nil : left
    }

    /// Forgets a batch whose halves have taken over its memory.
    mutating func dissolve(_ batch: ProducerBatch<Token>) {
        usedBytes += batch.memoryBytes
        release(batch)
    }

    /// Everything accepted so far is in batches up to this one.
    var flushTarget: Int { lastBatchID }

    /// Whether every batch up to the target has its result.
    func isFlushed(upTo target: Int) -> Bool {
        !outstandingRoots.keys.contains { $0 <= target }
    }

    /// Records that wait or are in flight.
    var unfinishedRecords: Int {
        queues.reduce(0) { sum, queue in
            queue.waiting.reduce(sum) { $0 + $1.recordsCount } + queue.inFlight.reduce(0) { $0 + $1.recordsCount }
        }
    }

    /// Whether nothing waits and nothing is in flight.
    var isEmpty: Bool { outstandingRoots.isEmpty }
}
