import KafkaWire
import Logging
import NIOCore
import Synchronization

/// A transactional producer's conversation with its coordinators: does what the state machine says, one request at a
/// time, and lets calls of the application wait for the results.
///
/// Lock order: the producer's own lock may be held when this one is taken, never the other way round.
final class TransactionDriver: Sendable {
    typealias Machine = TransactionStateMachine
    typealias Waiter = OneShot<Result<Void, KafkaError>>

    private struct State {
        var machine: Machine
        /// Wait for initialising, committing or aborting to end.
        var settled: [Waiter] = []
        /// Wait for the last transaction to be over, however it ends.
        var beginning: [Waiter] = []
        var offsets: [Int: Waiter] = [:]
    }

    let configuration: KafkaProducerConfiguration
    let cluster: ClusterClient
    let coordinator: CoordinatorLocator
    let logger: Logger
    private let signal: WakeSignal
    private let state: Mutex<State>
    private let groups = Mutex<[String: CoordinatorLocator]>([:])

    init(transactionalID: String, configuration: KafkaProducerConfiguration, cluster: ClusterClient, logger: Logger) {
        self.configuration = configuration
        self.cluster = cluster
        var logger = logger
        logger[metadataKey: "transactional_id"] = "\(transactionalID)"
        self.logger = logger
        coordinator = CoordinatorLocator(.transaction, key: transactionalID, cluster: cluster)
        signal = WakeSignal(eventLoop: cluster.eventLoop)
        state = Mutex(State(machine: Machine(transactionalID: transactionalID)))
    }

    /// What is known now.
    var machine: Machine { state.withLock { $0.machine } }

    /// Something changed that may let the next request go out.
    func wake() { signal.signal() }

    /// Whether it has nothing to do until it is woken.
    var isWaiting: Bool { signal.isWaitedFor }

    /// The locator of a group's coordinator, kept for as long as the producer.
    func groupCoordinator(_ groupID: String) -> CoordinatorLocator {
        groups.withLock { groups in
            if let known = groups[groupID] { return known }
            let made = CoordinatorLocator(.group, key: groupID, cluster: cluster)
            groups[groupID] = made
            return made
        }
    }

    // MARK: For the producer's hot path

    /// Takes a record's partition into the transaction; returns why the record cannot be taken.
    func admit(_ partition: TopicPartition) -> KafkaError? {
        do throws(KafkaError) {
            if try state.withLock({ state throws(KafkaError) in try state.machine.admit(partition) }) { wake() }
            return nil
        } catch {
            return error
        }
    }

    /// Which partitions may be sent to now.
    var sendable: @Sendable (TopicPartition) -> Bool {
        let machine = machine
        switch machine.phase {
        case .inTransaction, .committing:
            if machine.addsImplicitly { return { _ in true } }
            return { machine.partitions.contains($0) }
        case .uninitialised, .initialising, .ready, .aborting, .abortable, .fatal:
            return { _ in false }
        }
    }

    func noteSent() { state.withLock { $0.machine.noteSent() } }

    func deliveryFailed(_ error: KafkaError) {
        apply { $0.deliveryFailed(error) }
    }

    /// Newest version of Produce for this transaction: from 12 on partitions join it by being written (KIP-890).
    var produceVersionLimit: Int16 { state.withLock { $0.machine.addsImplicitly } ? .max : 11 }

    // MARK: Changes

    /// Changes the machine and tells whoever waits for what came of it.
    func apply(_ body: (inout Machine) -> [Machine.Outcome]) {
        let told = state.withLock { state -> [(Waiter, Result<Void, KafkaError>)] in
            let outcomes = body(&state.machine)
            return outcomes.flatMap { Self.waiters(of: $0, &state) }
        }
        for (waiter, result) in told { waiter.fulfil(result) }
        wake()
    }

    private static func waiters(
        of outcome: Machine.Outcome, _ state: inout State
    ) -> [(Waiter, Result<Void, KafkaError>)] {
        switch outcome {
        case .settled(let result):
            var told = state.settled.map { ($0, result) }
            state.settled = []
            if !state.machine.isEnding {
                told += state.beginning.map { ($0, .success(())) }
                state.beginning = []
            }
            return told
        case .offsets(let id, let result):
            return state.offsets.removeValue(forKey: id).map { [($0, result)] } ?? []
        }
    }

    // MARK: Calls that wait

    /// Changes the machine to a phase that ends by itself; the waiter is told of that end.
    func enter(_ body: (inout Machine) throws(KafkaError) -> [Machine.Outcome]) throws(KafkaError) -> Waiter {
        let waiter = Waiter()
        try enter(waiter, body)
        return waiter
    }

    /// - Parameter body: returns `nil` where there is nothing to wait for; the waiter is told so at once.
    private func enter(
        _ waiter: Waiter, _ body: (inout Machine) throws(KafkaError) -> [Machine.Outcome]?
    ) throws(KafkaError) {
        let told = try state.withLock { state throws(KafkaError) -> [(Waiter, Result<Void, KafkaError>)] in
            guard let outcomes = try body(&state.machine) else { return [(waiter, .success(()))] }
            // What comes of it concerns those who wait already.
            let told = outcomes.flatMap { Self.waiters(of: $0, &state) }
            state.settled.append(waiter)
            return told
        }
        for (waiter, result) in told { waiter.fulfil(result) }
        wake()
    }

    /// Begins a transaction, once the one before has ended.
    func begin() async throws(KafkaError) {
        let waiter = Waiter()
        let isEnding = state.withLock { state in
            if state.machine.isEnding { state.beginning.append(waiter) }
            return state.machine.isEnding
        }
        if isEnding { try await wait(waiter, "the end of the last transaction") }
        try state.withLock { state throws(KafkaError) in try state.machine.begin() }
    }

    func sendOffsets(
        _ offsets: [TopicPartition: CommittedOffset], of group: ConsumerGroupMetadata
    ) async throws(KafkaError) {
        let waiter = Waiter()
        try state.withLock { state throws(KafkaError) in
            state.offsets[try state.machine.add(offsets, of: group)] = waiter
        }
        wake()
        try await wait(waiter, "adding offsets to the transaction")
    }

    /// At a stop: an open transaction is aborted, one that is being ended gets its end.
    func stop() async throws(KafkaError) {
        let waiter = Waiter()
        try enter(waiter) { machine throws(KafkaError) in
            switch machine.phase {
            case .inTransaction, .abortable, .aborting: return try machine.beginAbort()
            case .committing: return []
            case .uninitialised, .initialising, .ready, .fatal: return nil
            }
        }
        try await wait(waiter, "the end of the last transaction")
    }

    /// Waits at most `maxBlock`; what is waited for goes on.
    func wait(_ waiter: Waiter, _ what: String) async throws(KafkaError) {
        let limit = configuration.maxBlock
        let timedOut = KafkaError(.requestTimedOut, "\(what) took longer than maxBlock (\(limit)); it goes on")
        let timer = cluster.eventLoop.scheduleTask(in: TimeAmount(limit)) { waiter.fulfil(.failure(timedOut)) }
        let result = await waiter.value()
        timer.cancel()
        guard let result else { throw KafkaError(.cancelled, "cancelled while waiting for \(what); it goes on") }
        try result.get()
    }

    // MARK: The loop

    /// Asks the coordinators for what is needed until the task is cancelled.
    func run(_ core: ProducerCore) async {
        var failures = 0
        while !Task.isCancelled {
            dropWaiting(core)
            switch nextTurn(core) {
            case .wait: await signal.wait(until: nil)
            case .tell(let told): for (waiter, result) in told { waiter.fulfil(result) }
            case .send(let request): failures = await perform(request, core, failures: failures)
            }
        }
    }

    private enum Turn {
        case wait
        case tell([(Waiter, Result<Void, KafkaError>)])
        case send(Machine.Request)
    }

    /// Decides what is next, and ends a transaction that nothing was sent of.
    ///
    /// All under one hold of the producer's lock. Between looking at the records and deciding, the application could
    /// put a record in and commit: its transaction would be ended without it. Between an end and taking who waits for
    /// it, the next transaction's commit could come to wait, and be told of the end of this one.
    private func nextTurn(_ core: ProducerCore) -> Turn {
        core.state.withLock { producer in
            let (isDrained, hasGap) = (producer.accumulator.isEmpty, producer.accumulator.hasSequenceGap)
            return state.withLock { state in
                switch state.machine.next(isDrained: isDrained, hasGap: hasGap) {
                case .wait: return .wait
                case .send(let request): return .send(request)
                case .tell(let outcomes):
                    producer.unobservedError = nil
                    return .tell(outcomes.flatMap { Self.waiters(of: $0, &state) })
                }
            }
        }
    }

    /// Records that will never be committed fail now; those in flight once they are answered.
    private func dropWaiting(_ core: ProducerCore) {
        let machine = machine
        switch machine.phase {
        case .aborting: core.failWaiting(.transactionAborted)
        case .abortable, .fatal: core.failWaiting(machine.failure)
        case .uninitialised, .initialising, .ready, .inTransaction, .committing: break
        }
    }

    /// Sends a request and takes its answer in; returns how many failures there have been in a row.
    private func perform(_ request: Machine.Request, _ core: ProducerCore, failures: Int) async -> Int {
        do throws(KafkaError) {
            try await send(request, core)
            return 0
        } catch {
            if error.code == .cancelled || error.code == .closed { return failures }
            var verdict = Machine.Verdict.retry
            apply { machine in
                let (decided, outcomes) = machine.failed(request, error)
                verdict = decided
                return outcomes
            }
            log(request, error, verdict)
            core.wakeAll()
            guard verdict == .retry else { return 0 }
            await backOff(error, failures: failures + 1)
            return failures + 1
        }
    }

    /// The coordinator ends transactions within milliseconds; everything else has the configuration's patience.
    private func backOff(_ error: KafkaError, failures: Int) async {
        let client = configuration.client
        let initial =
            error.errorCode == .concurrentTransactions
            ? min(.milliseconds(5), client.retryBackoff) : client.retryBackoff
        let delay = BackoffRules(initial: initial, maximum: client.retryBackoffMax).delay(failures: failures)
        do throws(KafkaError) {
            try await cluster.sleep(delay)
        } catch {
            logger.trace("The producer stops while a request waits to be sent again")
        }
    }

    private func log(_ request: Machine.Request, _ error: KafkaError, _ verdict: Machine.Verdict) {
        let metadata: Logger.Metadata = ["request": "\(request.name)", "error": "\(error)"]
        switch verdict {
        case .retry: logger.debug("Transaction request failed, trying again", metadata: metadata)
        case .abortable, .abortableWithNewEpoch:
            logger.warning("The transaction has to be aborted", metadata: metadata)
        case .fatal: logger.error("The transactional producer cannot go on", metadata: metadata)
        }
    }
}
