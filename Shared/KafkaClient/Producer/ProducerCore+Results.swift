import KafkaWire
import Logging
import NIOCore
import Synchronization

/// Results: what brokers and time say of batches, and telling it to whoever waits.
///
/// Results are taken in under the lock and told outside it. Whoever flushes waits for both, for all records accepted
/// before.
extension ProducerCore {
    /// Waits until every batch up to the target has its result, and until the last of them is told.
    struct FlushWaiter {
        let target: Int
        let done: OneShot<Result<Void, KafkaError>>
        /// The first failure that this flush has to tell.
        var error: KafkaError?
        /// The telling that was the newest when all results were in; `nil` while one is missing.
        var lastTelling: Int?

        /// False where nobody waits any more.
        func tell() -> Bool { done.fulfil(error.map { .failure($0) } ?? .success(())) }
    }

    /// One result of one batch of a produce request.
    struct BatchResult {
        let id: Int
        let topicPartition: TopicPartition
        let encoded: ByteBuffer?
        let result: Result<BatchAcknowledgement, KafkaError>
    }

    /// What the lock has let go of and is to be told.
    private struct Telling {
        /// `nil` where there is nothing to tell.
        let number: Int?
        let completions: [Accumulator.Completion]
        /// The first failure that nobody but the next flush learns of.
        let unobserved: KafkaError?
    }

    func finish(_ results: [BatchResult]) {
        let now = NIODeadline.now()
        let (telling, usedBytes) = state.withLock { state in
            let completions = results.compactMap { result -> Accumulator.Completion? in
                switch result.result {
                case .success(let acknowledgement):
                    return state.accumulator.acknowledge(result.id, of: result.topicPartition, acknowledgement)
                case .failure(let error):
                    return state.accumulator.fail(
                        result.id, of: result.topicPartition, error: error, encoded: result.encoded, now: now)
                }
            }
            return (take(completions, &state), state.accumulator.usedBytes)
        }
        countRetries(results)
        probe.buffered(bytes: usedBytes)
        tell(telling)
        // What waits to be sent again has no result, and never gets one where its transaction is being aborted: the
        // driver drops it.
        if telling.completions.count < results.count { transactions?.wake() }
    }

    private func countRetries(_ results: [BatchResult]) {
        for result in results {
            guard case .failure(let error) = result.result else { continue }
            guard error.isRetriable else { continue }
            probe.retried()
            cluster.requestRefresh()
        }
    }

    /// Fails what is too old; returns when to look again.
    func expire() -> NIODeadline? {
        let (telling, next) = state.withLock { state in
            (take(state.accumulator.expire(now: .now()), &state), state.accumulator.nextExpiry)
        }
        tell(telling)
        return next
    }

    /// Fails everything that has no result and is not in flight.
    func failWaiting(_ error: KafkaError) {
        tell(state.withLock { state in take(state.accumulator.failWaiting(error), &state) })
    }

    // MARK: Under the lock

    /// Notes failures where they count, before anybody can find the accumulator without their records: a transaction
    /// would be committed that lacks them, a flush would end well.
    private func take(_ completions: [Accumulator.Completion], _ state: inout State) -> Telling {
        if completions.isEmpty { return Telling(number: nil, completions: [], unobserved: nil) }
        var unobserved: KafkaError?
        for completion in completions {
            guard case .failure(let error) = completion.result else { continue }
            transactions?.deliveryFailed(error)
            if completion.isUnobserved, leaveToFlush(error, of: completion.rootID, &state) {
                unobserved = unobserved ?? error
            }
        }
        state.tellings += 1
        state.openTellings.append(state.tellings)
        return Telling(number: state.tellings, completions: completions, unobserved: unobserved)
    }

    /// Every flush that waits for the batch tells the first failure; without one, the next flush does.
    ///
    /// - Returns: whether it is the first for one of them.
    private func leaveToFlush(_ error: KafkaError, of rootID: Int, _ state: inout State) -> Bool {
        var isLeft = false
        var isFirst = false
        for index in state.flushWaiters.indices where state.flushWaiters[index].target >= rootID {
            isFirst = isFirst || state.flushWaiters[index].error == nil
            state.flushWaiters[index].error = state.flushWaiters[index].error ?? error
            isLeft = true
        }
        if isLeft { return isFirst }
        defer { state.unobservedError = state.unobservedError ?? error }
        return state.unobservedError == nil
    }

    /// Takes the flushes that have come to their end.
    private func takeFlushed(_ state: inout State) -> [FlushWaiter] {
        guard !state.flushWaiters.isEmpty else { return [] }
        for index in state.flushWaiters.indices where state.flushWaiters[index].lastTelling == nil {
            if state.accumulator.isFlushed(upTo: state.flushWaiters[index].target) {
                state.flushWaiters[index].lastTelling = state.tellings
            }
        }
        let oldest = state.openTellings.min() ?? .max
        let done = state.flushWaiters.filter { $0.lastTelling.map { $0 < oldest } ?? false }
        state.flushWaiters.removeAll { $0.lastTelling.map { $0 < oldest } ?? false }
        state.accumulator.flushes -= done.count
        return done
    }

    // MARK: Telling

    private func tell(_ telling: Telling) {
        guard let number = telling.number else { return }
        if let error = telling.unobserved {
            logger.error("A record was not written", metadata: ["error": "\(error)"])
        }
        for completion in telling.completions { tell(completion) }
        let flushed = state.withLock { state in
            state.openTellings.removeAll { $0 == number }
            return takeFlushed(&state)
        }
        tell(flushed)
        wakeMemoryWaiters()
        transactions?.wake()
    }

    private func tell(_ completion: Accumulator.Completion) {
        let partition = completion.topicPartition
        if case .failure(let error) = completion.result {
            probe.failed(topic: partition.topic, records: completion.recordsCount, error: error)
        }
        for report in completion.reports {
            let result = completion.result.map { acknowledgement in
                BatchAcknowledgement(
                    baseOffset: acknowledgement.baseOffset.map { $0 + Int64(report.first) },
                    logAppendTime: acknowledgement.logAppendTime)
            }
            tell(report, partition, result)
        }
    }

    private func tell(
        _ report: ProducerBatch<RecordDelivery>.Report, _ partition: TopicPartition,
        _ result: Result<BatchAcknowledgement, KafkaError>
    ) {
        let metadata = result.map {
            RecordMetadata(
                topicPartition: partition, offset: $0.baseOffset, timestamp: $0.logAppendTime ?? report.timestamp)
        }
        if let span = report.token.span { ProducerTracing.finish(span, metadata) }
        switch report.token.target {
        case .waiter(let waiter): waiter.fulfil(metadata)
        case .callback(let callback): callback(metadata)
        case .flush: break
        case .collected(let collector, let index, let acceptedTime):
            let first = index + report.skipped
            collector.fulfil(
                DeliveryCollector.Part(
                    indices: first..<first + report.count, topicPartition: partition, result: result,
                    acceptedTime: acceptedTime))
        }
    }

    // MARK: Flush

    private func tell(_ flushed: [FlushWaiter]) {
        for waiter in flushed where !waiter.tell() {
            // Cancelled just now: the next flush tells.
            state.withLock { $0.unobservedError = $0.unobservedError ?? waiter.error }
        }
    }

    /// Returns once everything accepted before has its result and was told; throws an error nobody else learned of.
    func flush() async throws(KafkaError) {
        let done = OneShot<Result<Void, KafkaError>>()
        let flushed = state.withLock { state in
            state.flushWaiters.append(
                FlushWaiter(
                    target: state.accumulator.flushTarget, done: done, error: state.unobservedError.take()))
            state.accumulator.flushes += 1
            return takeFlushed(&state)
        }
        tell(flushed)
        if !flushed.contains(where: { $0.done === done }) { wakeAll() }
        if let result = await done.value() { return try result.get() }
        state.withLock { state in
            guard let index = state.flushWaiters.firstIndex(where: { $0.done === done }) else { return }
            // Nobody hears of its failure here, so the next flush does.
            let waiter = state.flushWaiters.remove(at: index)
            state.accumulator.flushes -= 1
            state.unobservedError = state.unobservedError ?? waiter.error
        }
        throw KafkaError(.cancelled, "cancelled while flushing")
    }
}

extension RecordAccumulator.Completion where Token == RecordDelivery {
    /// Whether it has records of whose result nobody is told.
    fileprivate var isUnobserved: Bool {
        var observed = 0
        for report in reports {
            if case .flush = report.token.target { return true }
            observed += report.count
        }
        return observed < recordsCount
    }
}
