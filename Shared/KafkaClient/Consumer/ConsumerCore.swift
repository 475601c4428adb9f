import KafkaWire
import Logging
import NIOCore
import Synchronization

/// The consumer's state behind one lock: the partitions, the waiting iterator, who waits for the application.
final class ConsumerCore: Sendable {
    /// What the iterator gets.
    enum Delivery: Sendable {
        case batch(ConsumerBatch)
        case end
        case failure(KafkaError)
    }

    private struct State {
        var subscription: SubscriptionState
        var iterator: OneShot<Delivery>?
        /// Who asked last.
        var lastLease: ObjectIdentifier?
        /// Wait until the application is done with a batch of these.
        var quiescing: [(partitions: [TopicPartition], done: OneShot<Bool>)] = []
        /// No more batches: the consumer stops, or has failed.
        var ending: Delivery?
        /// Why the consumer cannot go on, also where it was stopping already.
        var failure: KafkaError?
        var lastPoll: NIODeadline = .now()
        var fetchers: [BrokerID: WakeSignal] = [:]
    }

    let configuration: KafkaConsumerConfiguration
    let cluster: ClusterClient
    let probe: ConsumerProbe
    let logger: Logger
    /// Wakes the supervisor of the fetching tasks.
    let supervisor: WakeSignal
    /// Wakes the task that finds out positions.
    let resolver: WakeSignal
    private let state: Mutex<State>
    /// Told at each poll of the application.
    private let onPoll = Mutex<(@Sendable () -> Void)?>(nil)

    init(configuration: KafkaConsumerConfiguration, cluster: ClusterClient, logger: Logger) {
        self.configuration = configuration
        self.cluster = cluster
        self.logger = logger
        probe = ConsumerProbe(groupID: configuration.groupID, clientID: configuration.client.clientID)
        supervisor = WakeSignal(eventLoop: cluster.eventLoop)
        resolver = WakeSignal(eventLoop: cluster.eventLoop)
        state = Mutex(State(subscription: SubscriptionState(prefetchBytes: configuration.prefetchBytes)))
    }

    /// Reads or changes the subscription; wake whoever is concerned afterwards.
    func withSubscription<Value>(_ body: (inout SubscriptionState) -> Value) -> Value {
        state.withLock { body(&$0.subscription) }
    }

    func observePolls(_ body: @escaping @Sendable () -> Void) { onPoll.withLock { $0 = body } }

    // MARK: The application's side

    /// The next batch; `nil` at the end and when the task is cancelled.
    ///
    /// - Parameter lease: the iterator's.
    func next(_ lease: IteratorLease) async throws(KafkaError) -> ConsumerBatch? {
        poll(ObjectIdentifier(lease))
        let waiter = OneShot<Delivery>()
        let (ready, wasFull) = state.withLock { state -> (Delivery?, Bool) in
            precondition(state.iterator == nil, "only one iterator may wait for a batch")
            if let ending = state.ending { return (ending, false) }
            let wasFull = state.subscription.bufferedBytes >= configuration.prefetchBytes
            if let batch = state.subscription.next() { return (.batch(batch), wasFull) }
            state.iterator = waiter
            return (nil, false)
        }
        if wasFull { wakeFetchers() }
        let delivery = if let ready { Optional(ready) } else { await waiter.value() }
        if delivery == nil {
            state.withLock { state in
                // Without a waiter in its place a batch was on its way to the task that was cancelled.
                if state.iterator.take() == nil, state.ending == nil { state.subscription.takeBackOutstanding() }
            }
            wakeFetchers()
        }
        switch delivery {
        case .batch(let batch)?:
            probe.consumed(batch)
            return batch
        case .end?, nil: return nil
        case .failure(let error)?: throw error
        }
    }

    /// Notes that the application is alive, and done with its last batch.
    private func poll(_ lease: ObjectIdentifier) {
        let quiet = state.withLock { state in
            state.lastPoll = .now()
            state.lastLease = lease
            state.subscription.finishOutstanding()
            return Self.takeQuiet(&state)
        }
        for done in quiet { done.fulfil(true) }
        onPoll.withLock { $0 }?()
    }

    /// An iterator is gone: the application left its loop, and does not hold up a stop or a rebalance.
    func release(_ lease: ObjectIdentifier) {
        let quiet = state.withLock { state in
            if state.lastLease == lease { state.subscription.abandonOutstanding() }
            return Self.takeQuiet(&state)
        }
        for done in quiet { done.fulfil(true) }
    }

    /// Those who wait for the application and need not any longer.
    private static func takeQuiet(_ state: inout State) -> [OneShot<Bool>] {
        let quiet = state.quiescing.filter { !state.subscription.isBusy(with: $0.partitions) }
        state.quiescing.removeAll { !state.subscription.isBusy(with: $0.partitions) }
        return quiet.map(\.done)
    }

    /// Says where the application works on one batch longer than it may.
    ///
    /// Under the lock: told to who hears of the next poll after it, or a member that was thought too slow while the
    /// application came back would wait for a poll that never comes.
    func ifPollOverdue(_ limit: Duration, _ tell: () -> Void) {
        state.withLock { state in
            guard state.subscription.outstanding != nil else { return }
            if NIODeadline.now() - state.lastPoll > TimeAmount(limit) { tell() }
        }
    }

    /// Returns when the application is not, or no longer, busy with a batch of these; at the latest after `limit`.
    func quiesce(_ partitions: [TopicPartition], limit: Duration) async {
        let done = OneShot<Bool>()
        let isBusy = state.withLock { state in
            guard state.subscription.isBusy(with: partitions) else { return false }
            state.quiescing.append((partitions, done))
            return true
        }
        guard isBusy else { return }
        let timer = cluster.eventLoop.scheduleTask(in: TimeAmount(limit)) { done.fulfil(false) }
        let isDone = await done.value()
        timer.cancel()
        state.withLock { state in state.quiescing.removeAll { $0.done === done } }
        if isDone == false {
            logger.warning("The application did not finish its batch in time", metadata: ["limit": "\(limit)"])
        }
    }

    // MARK: The client's side

    /// Takes in fetched batches and hands one over if the application waits.
    func receive(_ fetched: [(batch: ConsumerBatch, memoryBytes: Int, target: SubscriptionState.FetchTarget)]) {
        let handover = state.withLock { state -> (OneShot<Delivery>, ConsumerBatch)? in
            for item in fetched {
                _ = state.subscription.receive(item.batch, memoryBytes: item.memoryBytes, for: item.target)
            }
            guard state.ending == nil, let waiter = state.iterator, let batch = state.subscription.next() else {
                return nil
            }
            state.iterator = nil
            // From now on the application works, however long it waited.
            state.lastPoll = .now()
            return (waiter, batch)
        }
        if let (waiter, batch) = handover { waiter.fulfil(.batch(batch)) }
        probe.lag(withSubscription { $0.lag })
    }

    /// Ends the sequence: with an error, or without. The first call counts, and the first error for ``failure``.
    func end(_ error: KafkaError? = nil) {
        let ending = error.map { Delivery.failure($0) } ?? .end
        let waiter = state.withLock { state -> OneShot<Delivery>? in
            state.failure = state.failure ?? error
            guard state.ending == nil else { return nil }
            state.ending = ending
            return state.iterator.take()
        }
        waiter?.fulfil(ending)
    }

    /// What made going on impossible.
    var failure: KafkaError? { state.withLock { $0.failure } }

    func fetcher(of broker: BrokerID) -> (signal: WakeSignal, isNew: Bool) {
        state.withLock { state in
            if let signal = state.fetchers[broker] { return (signal, false) }
            let signal = WakeSignal(eventLoop: cluster.eventLoop)
            state.fetchers[broker] = signal
            return (signal, true)
        }
    }

    func wakeFetchers() {
        for signal in state.withLock({ Array($0.fetchers.values) }) { signal.signal() }
    }

    /// After any change of the assignment, of positions or of the metadata.
    func wakeAll() {
        wakeFetchers()
        supervisor.signal()
        resolver.signal()
    }
}
