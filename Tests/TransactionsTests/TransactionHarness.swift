import KafkaWire
import NIOCore
import Testing
import Transactions

/// Drives a coordinator as the broker does: performs its actions, keeps the log and the partitions, moves the clock.
final class TransactionHarness {
    /// One partition's log as far as transactions go.
    struct PartitionModel {
        enum Entry: Equatable {
            /// Records of a transaction, by a number that the test gives it.
            case data(ProducerIdentity, transaction: Int)
            case marker(ProducerIdentity, isCommit: Bool)
        }

        var entries: [Entry] = []
        var epochs: [ProducerID: Int16] = [:]
        var isOffline = false
    }

    var coordinator: TransactionCoordinatorState
    let configuration: TransactionConfiguration
    private(set) var uptime: Duration = .zero
    private(set) var replies: [TransactionTicket: TransactionReply] = [:]
    private(set) var log: [TransactionRecord] = []
    private(set) var appends: [(token: TransactionToken, records: [TransactionRecord])] = []
    private(set) var orders: [MarkerOrder] = []
    var partitions: [TopicPartition: PartitionModel] = [:]
    /// While true, appends and markers stay on their way until ``completeAppend(_:)`` and ``completeOrder()``.
    var holds = false
    private var lastTicket: UInt64 = 0
    private var lastProducerID: Int64 = 999

    static let wallStart: Int64 = 1_700_000_000_000

    init(
        _ configure: (inout TransactionConfiguration) -> Void = { _ in }, replaying log: [TransactionRecord] = []
    ) throws {
        var configuration = TransactionConfiguration()
        configuration.stateLogPartitions = 1
        configure(&configuration)
        self.configuration = configuration
        coordinator = TransactionCoordinatorState(configuration: configuration)
        try restart(replaying: log)
    }

    var now: TransactionTime {
        TransactionTime(uptime: uptime, wallMilliseconds: Self.wallStart + uptime.milliseconds)
    }

    /// The process dies and starts again: what was not in the log never happened.
    func restart(replaying log: [TransactionRecord]? = nil) throws {
        coordinator = TransactionCoordinatorState(configuration: configuration)
        appends = []
        orders = []
        self.log = log ?? self.log
        coordinator.startLoading(0, coordinatorEpoch: 0)
        for record in self.log { _ = try coordinator.apply(record) }
        perform(coordinator.finishLoading(0, now: now))
    }

    func perform(_ actions: [TransactionAction]) {
        for action in actions {
            switch action {
            case .reply(let ticket, let reply):
                #expect(replies[ticket] == nil, "ticket \(ticket) is answered twice")
                replies[ticket] = reply
            case .append(let token, _, let records):
                appends.append((token, records))
            case .writeMarkers(let order):
                orders.append(order)
            }
        }
        while !holds, !appends.isEmpty || !orders.isEmpty {
            if appends.isEmpty { completeOrder() } else { completeAppend() }
        }
    }

    /// The oldest append's records reach the log, and the process dies before it is told.
    func appendWithoutReport() {
        log += appends.removeFirst().records
    }

    /// Reports the oldest append, as committed or with an error.
    func completeAppend(_ error: ErrorCode? = nil) {
        let (token, records) = appends.removeFirst()
        if let error {
            perform(coordinator.failed(token, error, now: now))
        } else {
            log += records
            perform(coordinator.committed(token, now: now))
        }
    }

    /// Writes the oldest order's markers, or only the first ones where the process dies in between.
    func completeOrder(at index: Int = 0, onlyFirst count: Int? = nil) {
        let order = orders.remove(at: index)
        var outcomes: [TopicPartition: MarkerOutcome] = [:]
        for partition in order.partitions.prefix(count ?? order.partitions.count) {
            var model = partitions[partition] ?? PartitionModel()
            if model.isOffline {
                outcomes[partition] = .retry
                continue
            }
            if order.producer.epoch >= model.epochs[order.producer.id] ?? -1 {
                model.epochs[order.producer.id] = order.producer.epoch
                model.entries.append(.marker(order.producer, isCommit: order.isCommit))
            }
            partitions[partition] = model
            outcomes[partition] = .settled
        }
        if count == nil { perform(coordinator.finishedMarkers(order, outcomes: outcomes, now: now)) }
    }

    /// Moves the clock, ticking whenever something is due on the way.
    func advance(by step: Duration) {
        let target = uptime + step
        while let deadline = coordinator.nextDeadline, deadline <= target {
            uptime = max(uptime, deadline)
            perform(coordinator.tick(now: now))
            if let next = coordinator.nextDeadline, next <= uptime {
                Issue.record("a tick leaves something due")
                return
            }
        }
        uptime = target
    }

    func release() {
        holds = false
        perform([])
    }

    // MARK: Requests

    private func ticket() -> TransactionTicket {
        lastTicket += 1
        if coordinator.wantsProducerID {
            lastProducerID += 1
            coordinator.offer(ProducerID(lastProducerID))
        }
        return TransactionTicket(rawValue: lastTicket)
    }

    @discardableResult
    func submitInitialize(
        _ id: String = "a", timeout: Int32 = 60_000, expected: ProducerIdentity? = nil
    ) -> TransactionTicket {
        let ticket = ticket()
        let input = InitializeInput(
            ticket: ticket, transactionalID: id, timeoutMilliseconds: timeout, expected: expected)
        perform(coordinator.initialize(input, now: now))
        return ticket
    }

    @discardableResult
    func submitAdd(
        _ producer: ProducerIdentity, _ partitions: [Int32] = [0], id: String = "a",
        by clientProtocol: TransactionProtocol = .classic
    ) -> TransactionTicket {
        let ticket = ticket()
        let input = AddPartitionsInput(
            ticket: ticket, transactionalID: id, producer: producer, partitions: Set(partitions.map(Self.partition)),
            clientProtocol: clientProtocol)
        perform(coordinator.add(input, now: now))
        return ticket
    }

    @discardableResult
    func submitEnd(
        _ producer: ProducerIdentity, commit: Bool = true, id: String = "a",
        by clientProtocol: TransactionProtocol = .classic
    ) -> TransactionTicket {
        let ticket = ticket()
        let input = EndInput(
            ticket: ticket, transactionalID: id, producer: producer, isCommit: commit, clientProtocol: clientProtocol)
        perform(coordinator.end(input, now: now))
        return ticket
    }

    func initialize(
        _ id: String = "a", timeout: Int32 = 60_000, expected: ProducerIdentity? = nil
    ) -> TransactionReply? {
        replies[submitInitialize(id, timeout: timeout, expected: expected)]
    }

    @discardableResult
    func add(
        _ producer: ProducerIdentity, _ partitions: [Int32] = [0], id: String = "a",
        by clientProtocol: TransactionProtocol = .classic
    ) -> ErrorCode? {
        replies[submitAdd(producer, partitions, id: id, by: clientProtocol)]?.errorCode
    }

    @discardableResult
    func end(
        _ producer: ProducerIdentity, commit: Bool = true, id: String = "a",
        by clientProtocol: TransactionProtocol = .classic
    ) -> TransactionReply? {
        replies[submitEnd(producer, commit: commit, id: id, by: clientProtocol)]
    }

    /// Writes records as a partition's leader would take them: verified, and not of an older epoch.
    func write(_ producer: ProducerIdentity, to number: Int32, transaction: Int, id: String = "a") -> ErrorCode {
        let partition = Self.partition(number)
        var model = partitions[partition] ?? PartitionModel()
        if producer.epoch < model.epochs[producer.id] ?? -1 { return .invalidProducerEpoch }
        let verdict = coordinator.verify(id, producer: producer, partitions: [partition])[partition]
        guard verdict == ErrorCode.none else { return verdict ?? .unknownServerError }
        model.epochs[producer.id] = producer.epoch
        model.entries.append(.data(producer, transaction: transaction))
        partitions[partition] = model
        return .none
    }

    static func partition(_ number: Int32) -> TopicPartition { TopicPartition(topic: "t", partition: number) }

    func state(_ id: String = "a") -> TransactionState? { coordinator.metadata(id)?.state }

    func markers(_ number: Int32) -> [PartitionModel.Entry] {
        (partitions[Self.partition(number)]?.entries ?? []).filter { if case .marker = $0 { true } else { false } }
    }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
