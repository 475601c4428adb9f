import DequeModule
import KafkaRecords
import KafkaWire
import Logging
import NIOCore
import Synchronization

/// The producer's state behind one lock: the accumulator, who waits for memory, who waits for a flush.
///
/// Callers append under the lock on their own thread; the sending tasks take batches out. Results are told outside
/// the lock.
final class ProducerCore: Sendable {
    typealias Accumulator = RecordAccumulator<RecordDelivery>

    struct State {
        var accumulator: Accumulator
        var routes: TopicRoutes
        var memoryWaiters: Deque<(bytes: Int, wake: OneShot<Bool>)> = []
        var flushWaiters: [(target: Int, done: OneShot<Bool>)] = []
        /// One signal per broker that has a sending task.
        var senders: [BrokerID: WakeSignal] = [:]
        /// The first failure since the last flush that nobody else learned of.
        var unobservedError: KafkaError?
        var isClosed = false
    }

    let configuration: KafkaProducerConfiguration
    let cluster: ClusterClient
    let probe: ProducerProbe
    let logger: Logger
    /// Wakes the supervisor: a new broker, a needed producer id, something to expire.
    let supervisor: WakeSignal
    /// Of a transactional producer.
    let transactions: TransactionDriver?
    let state: Mutex<State>

    init(configuration: KafkaProducerConfiguration, cluster: ClusterClient, logger: Logger) {
        self.configuration = configuration
        self.cluster = cluster
        self.logger = logger
        probe = ProducerProbe(clientID: configuration.client.clientID)
        supervisor = WakeSignal(eventLoop: cluster.eventLoop)
        transactions = configuration.transactionalID.map {
            TransactionDriver(transactionalID: $0, configuration: configuration, cluster: cluster, logger: logger)
        }
        let rules = Accumulator.Configuration(
            batchSizeBytes: configuration.batchSizeBytes, linger: TimeAmount(configuration.linger),
            bufferMemoryBytes: configuration.bufferMemoryBytes,
            deliveryTimeout: TimeAmount(configuration.deliveryTimeout),
            isIdempotent: configuration.enableIdempotence, isTransactional: configuration.transactionalID != nil,
            maximumInFlightPerPartition: configuration.maxInFlightRequests,
            backoff: BackoffRules(
                initial: configuration.client.retryBackoff, maximum: configuration.client.retryBackoffMax))
        state = Mutex(
            State(
                accumulator: Accumulator(configuration: rules),
                routes: TopicRoutes(stickyBytes: configuration.batchSizeBytes)))
    }

    // MARK: Sending

    /// Whether anything waits for a partition that this broker leads.
    func hasWaiting(for broker: BrokerID) -> Bool {
        let metadata = cluster.metadata
        return state.withLock { state in
            state.accumulator.queues.contains {
                !$0.waiting.isEmpty && metadata.leader(of: $0.topicPartition)?.broker == broker
            }
        }
    }

    /// Asks for leaders of partitions that have none, and wakes the senders of those whose leader has moved: no answer
    /// tells the new one that the last batch is through at the old one.
    func lookAfterWaiting() {
        let waiting = state.withLock { state in
            state.accumulator.queues.filter { !$0.waiting.isEmpty }.map(\.topicPartition)
        }
        let leaders = cluster.withMetadata { metadata in waiting.map { metadata.leader(of: $0)?.broker } }
        if leaders.contains(nil) { cluster.requestRefresh() }
        let signals = state.withLock { state in Set(leaders).compactMap { $0.flatMap { state.senders[$0] } } }
        for signal in signals { signal.signal() }
    }

    /// The batches that may go to a broker now.
    func drain(_ broker: BrokerID) -> Accumulator.Drained {
        let metadata = cluster.metadata
        let isSendable = transactions?.sendable
        let (drained, needsID) = state.withLock { state in
            let drained = state.accumulator.drain(
                maximumBytes: configuration.maxRequestSizeBytes, now: .now(),
                leads: { metadata.leader(of: $0)?.broker == broker && isSendable?($0) ?? true })
            return (drained, state.accumulator.needsNewProducerID)
        }
        if needsID { supervisor.signal() }
        if !drained.batches.isEmpty { transactions?.noteSent() }
        return drained
    }

    /// One result of one batch of a produce request.
    struct BatchResult {
        let id: Int
        let topicPartition: TopicPartition
        let encoded: ByteBuffer?
        let result: Result<BatchAcknowledgement, KafkaError>
    }

    func finish(_ results: [BatchResult]) {
        let now = NIODeadline.now()
        let (completions, done, usedBytes) = state.withLock { state in
            let completions = results.compactMap { result -> Accumulator.Completion? in
                switch result.result {
                case .success(let acknowledgement):
                    return state.accumulator.acknowledge(result.id, of: result.topicPartition, acknowledgement)
                case .failure(let error):
                    return state.accumulator.fail(
                        result.id, of: result.topicPartition, error: error, encoded: result.encoded, now: now)
                }
            }
            noteFailures(completions)
            return (completions, takeFlushed(&state), state.accumulator.usedBytes)
        }
        countRetries(results)
        probe.buffered(bytes: usedBytes)
        tell(completions, done)
        // What waits to be sent again has no result, and never gets one where its transaction is being aborted: the
        // driver drops it.
        if completions.count < results.count { transactions?.wake() }
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
        let (completions, done, next) = state.withLock { state in
            let completions = state.accumulator.expire(now: .now())
            noteFailures(completions)
            return (completions, takeFlushed(&state), state.accumulator.nextExpiry)
        }
        tell(completions, done)
        return next
    }

    private func takeFlushed(_ state: inout State) -> [OneShot<Bool>] {
        guard !state.flushWaiters.isEmpty else { return [] }
        var done: [OneShot<Bool>] = []
        var waiting: [(target: Int, done: OneShot<Bool>)] = []
        for waiter in state.flushWaiters {
            if state.accumulator.isFlushed(upTo: waiter.target) {
                done.append(waiter.done)
                state.accumulator.flushes -= 1
            } else {
                waiting.append(waiter)
            }
        }
        state.flushWaiters = waiting
        return done
    }

    /// Tells the transaction of records that were not written.
    ///
    /// Called with the lock held: whoever finds the accumulator empty must know of them already, or it would commit a
    /// transaction that lacks them.
    private func noteFailures(_ completions: [Accumulator.Completion]) {
        guard let transactions else { return }
        for completion in completions {
            if case .failure(let error) = completion.result { transactions.deliveryFailed(error) }
        }
    }

    // MARK: Telling results

    private func tell(_ completions: [Accumulator.Completion], _ flushed: [OneShot<Bool>]) {
        for completion in completions { tell(completion) }
        for waiter in flushed { waiter.fulfil(true) }
        if completions.isEmpty { return }
        wakeMemoryWaiters()
        transactions?.wake()
    }

    private func tell(_ completion: Accumulator.Completion) {
        let partition = completion.topicPartition
        switch completion.result {
        case .success: break
        case .failure(let error):
            probe.failed(topic: partition.topic, records: completion.recordsCount, error: error)
            let observed = completion.reports.reduce(0) { $0 + $1.count }
            if observed < completion.recordsCount { noteUnobserved(error) }
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
        case .flush: if case .failure(let error) = result { noteUnobserved(error) }
        case .collected(let collector, let index, let acceptedTime):
            let first = index + report.skipped
            collector.fulfil(
                DeliveryCollector.Part(
                    indices: first..<first + report.count, topicPartition: partition, result: result,
                    acceptedTime: acceptedTime))
        }
    }

    /// Keeps the first failure for the next flush.
    private func noteUnobserved(_ error: KafkaError) {
        let isFirst = state.withLock { state in
            defer { state.unobservedError = state.unobservedError ?? error }
            return state.unobservedError == nil
        }
        if isFirst { logger.error("A record was not written", metadata: ["error": "\(error)"]) }
    }

    // MARK: Flush and stop

    /// Returns once everything accepted before has its result; throws an error nobody else learned of.
    func flush() async throws(KafkaError) {
        let done = OneShot<Bool>()
        let isDone = state.withLock { state in
            let target = state.accumulator.flushTarget
            if state.accumulator.isFlushed(upTo: target) { return true }
            state.accumulator.flushes += 1
            state.flushWaiters.append((target, done))
            return false
        }
        if !isDone {
            wakeAll()
            if await done.value() == nil { throw KafkaError(.cancelled, "cancelled while flushing") }
        }
        let error = state.withLock { $0.unobservedError.take() }
        if let error { throw error }
    }

    /// Records that were accepted and have no result.
    var unfinishedRecords: Int { state.withLock { $0.accumulator.unfinishedRecords } }

    /// Accepts nothing more; what waits for memory fails.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { state.memoryWaiters.removeAll() }
            return state.memoryWaiters.map(\.wake)
        }
        for waiter in waiters { waiter.fulfil(true) }
    }

    /// Fails everything that has no result and is not in flight.
    func failWaiting(_ error: KafkaError) {
        let (completions, done) = state.withLock { state in
            let completions = state.accumulator.failWaiting(error)
            noteFailures(completions)
            return (completions, takeFlushed(&state))
        }
        tell(completions, done)
    }

    // MARK: Brokers and identity

    /// The signal of a broker's sending task, and whether this call made it.
    func sender(of broker: BrokerID) -> (signal: WakeSignal, isNew: Bool) {
        state.withLock { state in
            if let signal = state.senders[broker] { return (signal, false) }
            let signal = WakeSignal(eventLoop: cluster.eventLoop)
            state.senders[broker] = signal
            return (signal, true)
        }
    }

    func wakeSender(of partition: TopicPartition) {
        let leader = cluster.withMetadata { $0.leader(of: partition)?.broker }
        let signal = leader.flatMap { leader in state.withLock { $0.senders[leader] } }
        guard let signal else {
            cluster.requestRefresh()
            return supervisor.signal()
        }
        signal.signal()
    }

    func wakeAll() {
        for signal in state.withLock({ Array($0.senders.values) }) { signal.signal() }
        supervisor.signal()
    }

    /// Whether an idempotent producer has to be given an id.
    var needsProducerID: Bool {
        configuration.enableIdempotence && transactions == nil
            && state.withLock { $0.accumulator.producerID == nil || $0.accumulator.needsNewProducerID }
    }

    func setProducerID(_ id: ProducerID) {
        state.withLock { $0.accumulator.setProducerID(id) }
        wakeAll()
    }

    // MARK: Transactions

    /// Whether every accepted record has its result, and whether one with a sequence failed.
    var transactionProgress: (isDrained: Bool, hasGap: Bool) {
        state.withLock { ($0.accumulator.isEmpty, $0.accumulator.hasSequenceGap) }
    }

    /// The identity of the next transaction.
    func setIdentity(_ id: ProducerID, epoch: Int16) {
        state.withLock { $0.accumulator.setIdentity(id, epoch: epoch) }
        wakeAll()
    }

    /// What failed in a transaction that is over does not concern the next flush.
    func forgetFailures() { state.withLock { $0.unobservedError = nil } }
}
