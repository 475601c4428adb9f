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
        var flushWaiters: [FlushWaiter] = []
        /// How often results were told, and which of those times are under way.
        var tellings = 0
        var openTellings: [Int] = []
        /// One signal per broker that has a sending task.
        var senders: [BrokerID: WakeSignal] = [:]
        /// The first failure since the last flush began that nobody else learned of.
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
        let (drained, needsID) = state.withLock { state in
            // Of this moment: before the lock it may have been the transaction before.
            let isSendable = transactions?.sendable
            let drained = state.accumulator.drain(
                maximumBytes: configuration.maxRequestSizeBytes, now: .now(),
                leads: { metadata.leader(of: $0)?.broker == broker && isSendable?($0) ?? true })
            return (drained, state.accumulator.needsNewProducerID)
        }
        if needsID { supervisor.signal() }
        if !drained.batches.isEmpty { transactions?.noteSent() }
        return drained
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

    /// The identity of the next transaction.
    func setIdentity(_ id: ProducerID, epoch: Int16) {
        state.withLock { $0.accumulator.setIdentity(id, epoch: epoch) }
        wakeAll()
    }

    /// What failed in a transaction that is over does not concern the next flush.
    func forgetFailures() { state.withLock { $0.unobservedError = nil } }
}
