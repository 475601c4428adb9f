import DequeModule
import KafkaRecords
import KafkaWire
import NIOCore

/// What a broker said about a batch it has.
struct BatchAcknowledgement: Sendable, Hashable {
    /// The first record's offset; `nil` where it is not known.
    var baseOffset: Offset?
    /// Milliseconds since 1970 UTC where the broker's clock counts; `nil` for the records' own timestamps.
    var logAppendTime: Int64?
}

extension RecordAccumulator {
    /// The broker has the batch.
    mutating func acknowledge(
        _ id: Int, of partition: TopicPartition, _ acknowledgement: BatchAcknowledgement
    ) -> Completion? {
        guard let (index, position) = locate(id, partition) else { return nil }
        return complete(queues[index].inFlight.remove(at: position), .success(acknowledgement))
    }

    /// The attempt failed: retries, splits, or gives up.
    ///
    /// - Parameter encoded: the batch's bytes as they were sent, for the next attempt; `nil` if it was never encoded.
    mutating func fail(
        _ id: Int, of partition: TopicPartition, error: KafkaError, encoded: ByteBuffer?, now: NIODeadline
    ) -> Completion? {
        guard let (index, position) = locate(id, partition) else { return nil }
        var batch = queues[index].inFlight.remove(at: position)
        if let encoded { batch.content = .encoded(encoded) }
        guard let encoded else { return giveUp(batch, error, index, wasRefused: true) }
        switch error.errorCode {
        case .duplicateSequenceNumber?:
            return complete(batch, .success(BatchAcknowledgement()))
        case .messageTooLarge? where batch.recordsCount > 1, .recordListTooLarge? where batch.recordsCount > 1:
            return split(batch, encoded, index)
        case .outOfOrderSequenceNumber? where batch.identity != nil, .unknownProducerId? where batch.identity != nil:
            return refusedSequence(batch, error, index, position, now: now)
        default:
            break
        }
        if error.isRetriable, mayRetry(batch, now: now) {
            retry(&batch, index, now: now)
            return nil
        }
        return giveUp(batch, error, index, wasRefused: error.errorCode.map { !$0.isRetriable } ?? false)
    }

    /// Fails what waited longer than the delivery timeout.
    mutating func expire(now: NIODeadline) -> [Completion] {
        var completions: [Completion] = []
        for index in queues.indices {
            while let head = queues[index].waiting.first, head.created + configuration.deliveryTimeout <= now {
                queues[index].waiting.removeFirst()
                let error = KafkaError(
                    .deliveryTimedOut, "not acknowledged within the delivery timeout after \(head.attempts) attempts",
                    topicPartition: head.topicPartition)
                completions.append(giveUp(head, error, index, wasRefused: false))
            }
        }
        return completions
    }

    /// When ``expire(now:)`` will next have something to do.
    var nextExpiry: NIODeadline? {
        queues.lazy.compactMap { $0.waiting.first?.created }.min().map { $0 + configuration.deliveryTimeout }
    }

    /// Fails everything that waits; batches in flight keep their place until their results are in.
    mutating func failWaiting(_ error: KafkaError) -> [Completion] {
        var completions: [Completion] = []
        for index in queues.indices {
            while let batch = queues[index].waiting.popFirst() { completions.append(complete(batch, .failure(error))) }
        }
        return completions
    }

    private func locate(_ id: Int, _ partition: TopicPartition) -> (queue: Int, position: Int)? {
        guard let index = index(of: partition), let position = queues[index].inFlight.firstIndex(where: { $0.id == id })
        else { return nil }
        return (index, position)
    }

    private mutating func complete(
        _ batch: ProducerBatch<Token>, _ result: Result<BatchAcknowledgement, KafkaError>
    ) -> Completion {
        release(batch)
        if configuration.isTransactional, batch.identity != nil, case .failure = result { hasSequenceGap = true }
        return Completion(
            reports: batch.reports, recordsCount: batch.recordsCount, rootID: batch.rootID,
            topicPartition: batch.topicPartition, result: result)
    }

    private func mayRetry(_ batch: ProducerBatch<Token>, now: NIODeadline) -> Bool {
        now < batch.created + configuration.deliveryTimeout
    }

    private mutating func retry(_ batch: inout ProducerBatch<Token>, _ index: Int, now: NIODeadline) {
        batch.notBefore = now + TimeAmount(configuration.backoff.delay(failures: batch.attempts))
        queues[index].requeue(batch)
    }

    /// A gap in front of the batch, or a broker that has forgotten the producer.
    ///
    /// While an earlier batch of the partition is unanswered or waits to be sent again, that one is the gap, and this
    /// one only has to come after it. Otherwise the sequence cannot be continued, and what waits gets a new one: the
    /// broker refused it, so it is not in the log.
    private mutating func refusedSequence(
        _ batch: ProducerBatch<Token>, _ error: KafkaError, _ index: Int, _ position: Int, now: NIODeadline
    ) -> Completion? {
        guard mayRetry(batch, now: now) else { return giveUp(batch, error, index, wasRefused: true) }
        let hasEarlier = position > 0 || queues[index].waiting.first.map { $0.firstRecord < batch.firstRecord } ?? false
        if !hasEarlier {
            if configuration.isTransactional { return giveUp(batch, error, index, wasRefused: true) }
            queues[index].needsNewEpoch = true
        }
        queues[index].requeue(batch)
        return nil
    }

    private mutating func giveUp(
        _ batch: ProducerBatch<Token>, _ error: KafkaError, _ index: Int, wasRefused: Bool
    ) -> Completion {
        // After a batch that is surely not in the log the sequence has a gap, and a new epoch is right unless an
        // earlier batch is undecided, which could then be written twice. Of a batch whose fate is unknown the others
        // tell: they are accepted, or refused for the gap.
        if batch.identity != nil, !configuration.isTransactional {
            let undecided = queues[index].inFlight + queues[index].waiting.filter { $0.identity != nil }
            let hasEarlier = undecided.contains { $0.firstRecord < batch.firstRecord }
            if undecided.isEmpty || (wasRefused && !hasEarlier) { queues[index].needsNewEpoch = true }
        }
        var error = error
        error.topicPartition = batch.topicPartition
        return complete(batch, .failure(error))
    }

    /// Two halves in place of a batch that was too large; they share its sequence numbers.
    private mutating func split(
        _ batch: ProducerBatch<Token>, _ encoded: ByteBuffer, _ index: Int
    ) -> Completion? {
        let builders: (RecordBatchBuilder, RecordBatchBuilder)
        do throws(RecordError) {
            builders = try RecordBatchBuilder.halves(of: encoded)
        } catch {
            let failure = KafkaError(.protocolViolation, "a batch cannot be split", cause: error)
            return giveUp(batch, failure, index, wasRefused: true)
        }
        let count = batch.recordsCount / 2
        let halves = [(builders.0, 0..<count), (builders.1, count..<batch.recordsCount)]
        for (builder, range) in halves.reversed() {
            var half = ProducerBatch<Token>(
                id: makeBatchID(rootID: batch.rootID), rootID: batch.rootID,
                firstRecord: batch.firstRecord + range.lowerBound, topicPartition: batch.topicPartition,
                created: batch.created, builder: builder)
            half.recordsCount = range.count
            half.reports = batch.reports(of: range)
            half.memoryBytes = range.lowerBound == 0 ? batch.memoryBytes / 2 : batch.memoryBytes - batch.memoryBytes / 2
            half.isSealed = true
            half.attempts = batch.attempts
            half.identity = batch.identity.map { identity in
                let base = PartitionQueue<Token>.sequence(identity.baseSequence, advancedBy: range.lowerBound)
                return BatchIdentity(producerID: identity.producerID, epoch: identity.epoch, baseSequence: base)
            }
            queues[index].requeue(half)
        }
        dissolve(batch)
        return nil
    }
}
