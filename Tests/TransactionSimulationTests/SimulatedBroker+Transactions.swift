import KafkaWire
import Storage
import Transactions

@testable import BrokerServer

/// Mirrors `Services/Broker/Server/Transactions/TransactionCoordinator.swift`, its extensions, the handlers of
/// transactions and `MarkerWriter.swift`.
extension SimulatedBroker {
    struct StateAppend {
        let token: TransactionToken
        let records: [TransactionRecord]
    }

    private static let concurrentOrders = 16
    private static let wallStart: Int64 = 1_700_000_000_000

    var transactionTime: TransactionTime {
        TransactionTime(
            uptime: .milliseconds(scheduler.now), wallMilliseconds: Self.wallStart + scheduler.now)
    }

    func loadTransactions() throws {
        transactions.startLoading(0, coordinatorEpoch: 0)
        for record in disk.stateLog { _ = try transactions.apply(record) }
        perform(transactions.finishLoading(0, now: transactionTime))
    }

    // MARK: Requests

    func submit(
        after delay: Int64? = nil, begun: @escaping () -> Void = {}, _ reply: @escaping (TransactionReply) -> Void,
        _ decide:
            @escaping (inout TransactionCoordinatorState, TransactionTicket, TransactionTime)
            -> [TransactionAction]
    ) {
        later(delay) {
            if self.transactions.wantsProducerID {
                self.disk.lastProducerID += 1
                self.transactions.offer(ProducerID(self.disk.lastProducerID))
            }
            self.lastTicket += 1
            let ticket = TransactionTicket(rawValue: self.lastTicket)
            self.transactionReplies[ticket] = reply
            self.perform(decide(&self.transactions, ticket, self.transactionTime))
            begun()
        }
    }

    func initialise(
        _ expected: ProducerIdentity?, timeout: Int32, _ begun: @escaping () -> Void,
        _ reply: @escaping (TransactionReply) -> Void
    ) {
        submit(begun: begun) { answer in
            if answer.errorCode == .none { self.recorder.initialised(answer.producer) }
            reply(answer)
        } _: { state, ticket, now in
            state.initialize(
                InitializeInput(
                    ticket: ticket, transactionalID: SimulatedWorld.transactionalID, timeoutMilliseconds: timeout,
                    expected: expected), now: now)
        }
    }

    func add(
        _ partitions: Set<TopicPartition>, to producer: ProducerIdentity, _ clientProtocol: TransactionProtocol,
        _ begun: @escaping () -> Void, _ reply: @escaping (TransactionReply) -> Void
    ) {
        submit(begun: begun, reply) { state, ticket, now in
            state.add(
                AddPartitionsInput(
                    ticket: ticket, transactionalID: SimulatedWorld.transactionalID, producer: producer,
                    partitions: partitions, clientProtocol: clientProtocol), now: now)
        }
    }

    func end(
        _ producer: ProducerIdentity, isCommit: Bool, _ clientProtocol: TransactionProtocol,
        _ begun: @escaping () -> Void, _ reply: @escaping (TransactionReply) -> Void
    ) {
        recorder.note("EndTxn of \(producer), commit: \(isCommit)")
        // See isMistakenWhenLate.
        submit(after: clientProtocol < .epochPerTransaction ? 0 : nil, begun: begun) { answer in
            if answer.errorCode == .none { self.recorder.ended(with: answer.producer) }
            reply(answer)
        } _: { state, ticket, now in
            state.end(
                EndInput(
                    ticket: ticket, transactionalID: SimulatedWorld.transactionalID, producer: producer,
                    isCommit: isCommit, clientProtocol: clientProtocol), now: now)
        }
    }

    /// As `TransactionCoordinator+Admission.swift`.
    func admit(
        _ producer: ProducerIdentity, _ partitions: [TopicPartition], adding: Bool,
        _ refused: @escaping ([TopicPartition: ErrorCode]) -> Void
    ) {
        if adding {
            add(Set(partitions), to: producer, .epochPerTransaction, {}) { reply in
                let code = reply.errorCode
                let codes = Dictionary(uniqueKeysWithValues: partitions.map { ($0, code) })
                self.later(self.scheduler.turn) { refused(code == .none ? [:] : codes) }
            }
        } else {
            later {
                let codes = self.transactions.verify(
                    SimulatedWorld.transactionalID, producer: producer, partitions: partitions)
                self.later(self.scheduler.turn) { refused(codes.filter { $0.value != .none }) }
            }
        }
    }

    // MARK: Actions

    func perform(_ actions: [TransactionAction]) {
        for action in actions {
            switch action {
            case .reply(let ticket, let reply):
                guard let promise = transactionReplies.removeValue(forKey: ticket) else {
                    recorder.violation("ticket \(ticket) is answered twice")
                    continue
                }
                promise(reply)
            case .append(let token, _, let records):
                stateAppends.append(StateAppend(token: token, records: records))
                appendState()
            case .writeMarkers(let order):
                waitingOrders.append(order)
                beginOrders()
            }
        }
        arm()
    }

    private func appendState() {
        guard !isAppendingState, !stateAppends.isEmpty else { return }
        isAppendingState = true
        later {
            let next = self.stateAppends.removeFirst()
            let isRefused = self.stateRefusals > 0
            if isRefused { self.stateRefusals -= 1 } else { self.disk.stateLog += next.records }
            self.recorder.note("__transaction_state \(isRefused ? "refuses" : "takes") \(next.records.map(\.said))")
            self.later {
                let now = self.transactionTime
                self.perform(
                    isRefused
                        ? self.transactions.failed(next.token, .kafkaStorageError, now: now)
                        : self.transactions.committed(next.token, now: now))
                if !self.isDurable { self.appendNextState() }
            }
            if self.isDurable { self.appendNextState() }
        }
    }

    private func appendNextState() {
        isAppendingState = false
        appendState()
    }

    private func arm() {
        guard let deadline = transactions.nextDeadline, tickDue.map({ deadline < $0 }) ?? true else { return }
        tickDue = deadline
        later(max(0, deadline.milliseconds - scheduler.now)) {
            guard self.tickDue == deadline else { return }
            self.tickDue = nil
            self.perform(self.transactions.tick(now: self.transactionTime))
        }
    }

    // MARK: Markers

    private func beginOrders() {
        while activeOrders < Self.concurrentOrders, !waitingOrders.isEmpty {
            activeOrders += 1
            write(waitingOrders.removeFirst())
        }
    }

    private func write(_ order: MarkerOrder) {
        let marker = TransactionMarker(
            producerID: order.producer.id, producerEpoch: order.producer.epoch, isCommit: order.isCommit,
            coordinatorEpoch: order.coordinatorEpoch, transactionVersion: Int8(order.clientProtocol.rawValue))
        write(marker, to: order.partitions[...], outcomes: [:]) { outcomes in
            self.activeOrders -= 1
            self.perform(self.transactions.finishedMarkers(order, outcomes: outcomes, now: self.transactionTime))
            self.beginOrders()
        }
    }

    private func write(
        _ marker: TransactionMarker, to positions: ArraySlice<TopicPartition>,
        outcomes: [TopicPartition: MarkerOutcome], _ done: @escaping ([TopicPartition: MarkerOutcome]) -> Void
    ) {
        guard let position = positions.first else { return done(outcomes) }
        // A slow partition holds up its marker.
        later(scheduler.latency) {
            self.write(marker, to: position) { outcome in
                self.recorder.note("marker \(marker.said) in \(position): \(outcome)")
                var outcomes = outcomes
                outcomes[position] = outcome
                self.repeatLater(marker, to: position)
                self.write(marker, to: positions.dropFirst(), outcomes: outcomes, done)
            }
        }
    }

    private func write(
        _ marker: TransactionMarker, to position: TopicPartition, _ done: @escaping (MarkerOutcome) -> Void
    ) {
        if position == SimulatedWorld.offsets {
            markerCount += 1
            groupWork.append(.marker(marker) { error in self.later { done(error.outcome) } })
            return workOnGroups()
        }
        do throws(AppendError) {
            try partitions[position]?.appendMarker(marker)
            later { done(.settled) }
        } catch {
            later { done(error.outcome) }
        }
    }

    /// Between brokers a marker may come twice, long after the first: one that carries its own epoch does no harm.
    private func repeatLater(_ marker: TransactionMarker, to position: TopicPartition) {
        guard marker.transactionVersion >= TransactionMarker.epochBumpingVersion, scheduler.isLucky(oneIn: 6)
        else { return }
        recorder.count("late marker")
        later(Int64(scheduler.number(upTo: 200))) {
            self.write(marker, to: position) { outcome in
                self.recorder.note("late marker \(marker.said) in \(position): \(outcome)")
            }
        }
    }
}

extension AppendError? {
    /// As `MarkerWriter` sees it.
    fileprivate var outcome: MarkerOutcome {
        switch self {
        case nil: .settled
        case .some(let error): error.outcome
        }
    }
}

extension AppendError {
    fileprivate var outcome: MarkerOutcome {
        switch self {
        case .fencedProducer, .fencedCoordinator: .settled
        default: .retry
        }
    }
}

extension TransactionRecord {
    fileprivate var said: String {
        guard case .transaction(_, let metadata?)? = try? decode() else { return "?" }
        return "\(metadata.state) \(metadata.producer.said) \(metadata.partitions.sorted())"
    }
}

extension TransactionMarker {
    var said: String { "\(isCommit ? "commit" : "abort") \(producerID)/\(producerEpoch) v\(transactionVersion)" }
}

extension ProducerIdentity {
    var said: String { "\(id)/\(epoch)" }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
