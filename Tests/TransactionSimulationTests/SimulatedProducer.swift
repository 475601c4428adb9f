import KafkaRecords
import KafkaWire
import NIOCore
import Transactions

@testable import KafkaClient

/// One instance of the transactional producer: the real accumulator and state machine, driven as by
/// `ProducerCore.swift`, `KafkaProducer+Run.swift` and `TransactionDriver.swift` in `Shared/KafkaClient`.
final class SimulatedProducer {
    typealias Settled = (Result<Void, KafkaError>) -> Void

    let simulation: TransactionSimulation
    var scheduler: Scheduler { simulation.scheduler }
    var recorder: SimulationRecorder { simulation.recorder }
    /// `transaction.version` as this client's library knows it.
    let clusterVersion: Int16
    private(set) var isAlive = true

    var accumulator: RecordAccumulator<Int>
    var machine = TransactionStateMachine(transactionalID: SimulatedWorld.transactionalID)
    private var settled: [Settled] = []
    private var offsetWaiters: [Int: Settled] = [:]

    private var connections: [ConnectionPurpose: SimulatedConnection] = [:]
    private var isConnecting: Set<ConnectionPurpose> = []
    /// Produce requests without an answer.
    private var window = 0
    private var isLooping = false
    private var isAsking = false

    init(_ simulation: TransactionSimulation, clusterVersion: Int16) {
        self.simulation = simulation
        self.clusterVersion = clusterVersion
        accumulator = RecordAccumulator(
            configuration: RecordAccumulator.Configuration(
                batchSizeBytes: 160, linger: .zero, bufferMemoryBytes: 1 << 20,
                deliveryTimeout: .milliseconds(simulation.options.deliveryTimeout), isIdempotent: true,
                isTransactional: true, maximumInFlightPerPartition: 5,
                // Its jitter comes from nowhere but the system.
                backoff: BackoffRules(initial: .zero, maximum: .zero)))
    }

    /// `kill -9`.
    func kill() {
        isAlive = false
        breakConnections()
    }

    /// The network breaks some or all connections.
    func breakConnections(_ purposes: [ConnectionPurpose] = [.general, .coordinator]) {
        for purpose in purposes { connections.removeValue(forKey: purpose)?.disconnect() }
    }

    func later(_ delay: Int64? = nil, _ action: @escaping () -> Void) {
        scheduler.after(delay ?? scheduler.hop) { if self.isAlive { action() } }
    }

    private var time: NIODeadline { .uptimeNanoseconds(UInt64(scheduler.now + 1) * 1_000_000) }

    // MARK: Connections

    /// An open connection, once there is one.
    private func connected(_ purpose: ConnectionPurpose, _ then: @escaping (SimulatedConnection) -> Void) {
        if let connection = connections[purpose], connection.isOpen { return then(connection) }
        later(1 + scheduler.latency) {
            if let connection = self.connections[purpose], connection.isOpen { return then(connection) }
            guard let broker = self.simulation.broker, broker.isAlive else { return self.connected(purpose, then) }
            let connection = SimulatedConnection(broker, self.scheduler)
            self.connections[purpose] = connection
            then(connection)
        }
    }

    func ask(_ request: SimulatedRequest, _ answered: @escaping (Result<SimulatedAnswer, KafkaError>) -> Void) {
        connected(.coordinator) { connection in
            self.breakSoon(.coordinator)
            connection.send(request) { answer in if self.isAlive { answered(answer) } }
        }
    }

    /// Some networks break a connection while an answer is waited for, again and again.
    private func breakSoon(_ purpose: ConnectionPurpose) {
        guard let breaks = simulation.options.breaksOneIn, simulation.quietSince == nil,
            scheduler.isLucky(oneIn: breaks)
        else { return }
        recorder.count("break")
        later(Int64(scheduler.number(upTo: 12))) { self.breakConnections([purpose]) }
    }

    // MARK: Records

    /// Takes a record over; mirrors `ProducerCore.accept`, where both happen under one lock.
    func enqueue(_ number: Int, to partition: TopicPartition) throws(KafkaError) {
        if try machine.admit(partition) { wake() }
        _ = accumulator.append(
            to: partition, timestamp: 0, key: nil, value: ByteBuffer(integer: number), headers: [], recordBytes: 64,
            token: number, now: time)
        later { self.send() }
    }

    /// The sending task of the only broker.
    private func send() {
        guard isAlive, window < 5, accumulator.queues.contains(where: { !$0.waiting.isEmpty }) else { return }
        guard let connection = connections[.general], connection.isOpen else {
            guard isConnecting.insert(.general).inserted else { return }
            return connected(.general) { _ in
                self.isConnecting.remove(.general)
                self.send()
            }
        }
        let machine = machine
        let drained = accumulator.drain(maximumBytes: 1 << 20, now: time) { machine.maySend(to: $0) }
        if drained.batches.isEmpty { return }
        self.machine.noteSent()
        let batches = drained.batches.compactMap { batch -> SimulatedRequest.Batch? in
            var batch = batch
            guard let bytes = try? batch.encode(.none) else { return nil }
            return SimulatedRequest.Batch(id: batch.id, partition: batch.topicPartition, bytes: bytes)
        }
        window += 1
        breakSoon(.general)
        connection.send(.produce(batches, version: machine.addsImplicitly ? 12 : 11)) { answer in
            guard self.isAlive else { return }
            self.finish(batches, answer)
            self.window -= 1
            self.later { self.send() }
        }
        later { self.send() }
    }

    private func finish(_ batches: [SimulatedRequest.Batch], _ answer: Result<SimulatedAnswer, KafkaError>) {
        let completions = batches.compactMap { batch -> RecordAccumulator<Int>.Completion? in
            let result = answer.flatMap { answer -> Result<BatchAcknowledgement, KafkaError> in
                guard case .produced(let results) = answer, let result = results[batch.partition] else {
                    return .failure(KafkaError(.protocolViolation, "the response leaves a partition out"))
                }
                return result
            }
            switch result {
            case .success(let acknowledgement):
                return accumulator.acknowledge(batch.id, of: batch.partition, acknowledgement)
            case .failure(let error):
                return accumulator.fail(
                    batch.id, of: batch.partition, error: error, encoded: batch.bytes, now: time)
            }
        }
        tell(completions)
        if completions.count < batches.count, simulation.options.bug != .abortsWaitForRetries { wake() }
    }

    private func tell(_ completions: [RecordAccumulator<Int>.Completion]) {
        for completion in completions {
            switch completion.result {
            case .success(let acknowledgement):
                for report in completion.reports {
                    recorder.acknowledged(
                        report.token, at: acknowledgement.baseOffset.map { $0.rawValue + Int64(report.first) })
                }
            case .failure(let error):
                recorder.note("producer gives a batch up: \(error)")
                // In ProducerCore under the lock that whoever finds the accumulator empty has to take.
                if simulation.options.bug == .failuresAreToldLate {
                    later { self.apply { $0.deliveryFailed(error) } }
                } else {
                    apply { $0.deliveryFailed(error) }
                }
            }
        }
        if !completions.isEmpty { wake() }
    }

    /// As `KafkaProducer.supervise`: when something is due, and every second.
    func expire() {
        tell(accumulator.expire(now: time))
        let due = accumulator.nextExpiry.map { Int64($0.uptimeNanoseconds / 1_000_000) - scheduler.now } ?? 1_000
        later(min(max(1, due), 1_000)) { self.expire() }
    }

    // MARK: The transaction driver

    func apply(_ body: (inout TransactionStateMachine) -> [TransactionStateMachine.Outcome]) {
        for outcome in body(&machine) {
            switch outcome {
            case .settled(let result):
                let told = settled
                settled = []
                for waiter in told { later { waiter(result) } }
            case .offsets(let id, let result):
                if let waiter = offsetWaiters.removeValue(forKey: id) { later { waiter(result) } }
            }
        }
        wake()
    }

    /// Changes the machine to a phase that ends by itself.
    func enter(
        _ waiter: @escaping Settled,
        _ body: (inout TransactionStateMachine) throws(KafkaError) -> [TransactionStateMachine.Outcome]
    ) throws(KafkaError) {
        let outcomes = try body(&machine)
        apply { _ in outcomes }
        settled.append(waiter)
    }

    func sendOffsets(_ offsets: [TopicPartition: CommittedOffset], _ waiter: @escaping Settled) throws(KafkaError) {
        offsetWaiters[try machine.add(offsets, of: ConsumerGroupMetadata(groupID: SimulatedWorld.group))] = waiter
        wake()
    }

    func wake() {
        guard !isLooping else { return }
        isLooping = true
        later {
            self.isLooping = false
            self.loop()
        }
    }

    private func loop() {
        if isAsking { return }
        switch machine.phase {
        case .aborting: tell(accumulator.failWaiting(.transactionAborted))
        case .abortable, .fatal: tell(accumulator.failWaiting(machine.failure))
        case .uninitialised, .initialising, .ready, .inTransaction, .committing: break
        }
        switch machine.next(isDrained: accumulator.isEmpty, hasGap: accumulator.hasSequenceGap) {
        case .wait: break
        case .tell(let outcomes): apply { _ in outcomes }
        case .send(let request):
            isAsking = true
            recorder.note("producer asks \(request.name)")
            perform(request) { result in
                if case .failure(let error) = result { self.failed(request, error) } else { self.asked() }
            }
        }
    }

    /// The next request, if any, after a while.
    private func asked(after delay: Int64 = 0) {
        later(delay) {
            self.isAsking = false
            self.wake()
            self.send()
        }
    }

    private func failed(_ request: TransactionStateMachine.Request, _ error: KafkaError) {
        recorder.note("producer fails with \(error.errorCode?.name ?? "\(error.code)")")
        var verdict = TransactionStateMachine.Verdict.retry
        apply { machine in
            let (decided, outcomes) = machine.failed(request, error)
            verdict = decided
            return outcomes
        }
        asked(after: verdict == .retry ? Int64(1 + scheduler.number(upTo: 20)) : 0)
    }
}

extension SimulatedProducer: CustomStringConvertible {
    /// Where it stands.
    var description: String {
        let batches = accumulator.queues.map { "\($0.inFlight.count) in flight and \($0.waiting.count) waiting" }
        return "producer \(machine.phase), asking: \(isAsking), requests: \(window), batches: \(batches)"
    }
}

extension TransactionStateMachine {
    /// As `TransactionDriver.sendable`.
    fileprivate func maySend(to partition: TopicPartition) -> Bool {
        switch phase {
        case .inTransaction, .committing: addsImplicitly || partitions.contains(partition)
        case .uninitialised, .initialising, .ready, .aborting, .abortable, .fatal: false
        }
    }
}
