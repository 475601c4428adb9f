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

    private struct State {
        var accumulator: Accumulator
        var partitioner: PartitionerRules
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
    private let state: Mutex<State>

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
                partitioner: PartitionerRules(stickyBytes: configuration.batchSizeBytes)))
    }

    // MARK: Accepting records

    enum Acceptance {
        case accepted
        case waitForMemory(OneShot<Bool>)
        case closed
        /// The transaction takes no records.
        case refused(KafkaError)
    }

    /// Puts a record into a batch, or says what to wait for. Records wait for memory in the order they came.
    ///
    /// - Parameter isWaiting: the caller has waited its turn already.
    func accept(
        _ record: ProducerRecord, partitionCount: Int, recordBytes: Int, delivery: RecordDelivery, isWaiting: Bool
    ) -> Acceptance {
        let now = NIODeadline.now()
        let timestamp = record.timestamp ?? WallClock.milliseconds()
        let (acceptance, woken) = state.withLock { state -> (Acceptance, TopicPartition?) in
            if state.isClosed { return (.closed, nil) }
            guard isWaiting || state.memoryWaiters.isEmpty, state.accumulator.hasRoom(for: recordBytes) else {
                return (.waitForMemory(wait(for: recordBytes, &state, isWaiting)), nil)
            }
            let partition = choosePartition(record, partitionCount, recordBytes, &state.partitioner)
            if let refusal = transactions?.admit(partition) { return (.refused(refusal), nil) }
            let outcome = state.accumulator.append(
                to: partition, timestamp: timestamp, key: record.key, value: record.value, headers: record.headers,
                recordBytes: recordBytes, token: delivery, now: now)
            return (.accepted, outcome == .appended(wakes: true) ? partition : nil)
        }
        switch acceptance {
        case .accepted: if let woken { wakeSender(of: woken) }
        case .waitForMemory: wakeAll()
        case .closed, .refused: break
        }
        return acceptance
    }

    private func wait(for bytes: Int, _ state: inout State, _ isWaiting: Bool) -> OneShot<Bool> {
        let wake = OneShot<Bool>()
        if isWaiting { state.memoryWaiters.prepend((bytes, wake)) } else { state.memoryWaiters.append((bytes, wake)) }
        state.accumulator.isShortOfMemory = true
        return wake
    }

    private func choosePartition(
        _ record: ProducerRecord, _ count: Int, _ bytes: Int, _ partitioner: inout PartitionerRules
    ) -> TopicPartition {
        let partition: Int32
        if let chosen = record.partition {
            partition = chosen
        } else if let key = record.key {
            partition = PartitionerRules.partition(forKey: key, count: count)
        } else {
            var generator = SystemRandomNumberGenerator()
            partition = partitioner.partitionWithoutKey(
                topic: record.topic, count: count, bytes: bytes,
                isAvailable: { isAvailable(TopicPartition(topic: record.topic, partition: $0)) },
                using: &generator)
        }
        return TopicPartition(topic: record.topic, partition: partition)
    }

    private func isAvailable(_ partition: TopicPartition) -> Bool {
        cluster.withMetadata { $0.leader(of: partition) != nil }
    }

    /// Takes a waiter that gave up out of the queue.
    func abandonWait(_ wake: OneShot<Bool>) {
        state.withLock { state in
            state.memoryWaiters.removeAll { $0.wake === wake }
            state.accumulator.isShortOfMemory = !state.memoryWaiters.isEmpty
        }
        wakeMemoryWaiters()
    }

    /// Lets those at the front of the queue try again who fit by now.
    private func wakeMemoryWaiters() {
        let woken = state.withLock { state -> [OneShot<Bool>] in
            var woken: [OneShot<Bool>] = []
            var bytes = 0
            while let first = state.memoryWaiters.first, state.accumulator.hasRoom(for: bytes + first.bytes) {
                bytes += first.bytes + Accumulator.recordOverheadBytes
                woken.append(first.wake)
                state.memoryWaiters.removeFirst()
            }
            state.accumulator.isShortOfMemory = !state.memoryWaiters.isEmpty
            return woken
        }
        for waiter in woken { waiter.fulfil(true) }
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
            return (completions, takeFlushed(&state), state.accumulator.usedBytes)
        }
        countRetries(results)
        probe.buffered(bytes: usedBytes)
        tell(completions, done)
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
            probe.failed(topic: partition.topic, records: completion.deliveries.count, error: error)
            transactions?.deliveryFailed(error)
        }
        for (index, delivery) in completion.deliveries.enumerated() {
            let result = completion.result.map { acknowledgement in
                RecordMetadata(
                    topicPartition: partition, offset: acknowledgement.baseOffset.map { $0 + Int64(index) },
                    timestamp: acknowledgement.logAppendTime ?? delivery.timestamp)
            }
            tell(delivery.token, result)
        }
    }

    private func tell(_ delivery: RecordDelivery, _ result: Result<RecordMetadata, KafkaError>) {
        if let span = delivery.span { ProducerTracing.finish(span, result) }
        switch delivery.target {
        case .waiter(let waiter): waiter.fulfil(result)
        case .collected(let collector, let index): collector.fulfil(index, result)
        case .callback(let callback): callback(result)
        case .flush:
            guard case .failure(let error) = result else { return }
            let isFirst = state.withLock { state in
                defer { state.unobservedError = state.unobservedError ?? error }
                return state.unobservedError == nil
            }
            if isFirst { logger.error("A record was not written", metadata: ["error": "\(error)"]) }
        }
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

    private func wakeSender(of partition: TopicPartition) {
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
