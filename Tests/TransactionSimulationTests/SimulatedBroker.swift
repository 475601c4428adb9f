import KafkaRecords
import KafkaWire
import Storage

@testable import BrokerServer
@testable import Groups
@testable import Transactions

/// Names and sizes of the simulated world.
enum SimulatedWorld {
    static let transactionalID = "worker"
    static let group = "workers"
    static let outputs = (0..<3).map { TopicPartition(topic: "output", partition: Int32($0)) }
    static let inputs = (0..<2).map { TopicPartition(topic: "input", partition: Int32($0)) }
    static let offsets = TopicPartition(topic: "__consumer_offsets", partition: 0)
}

/// One life of the broker's process: the real rules, with the thinnest drivers that keep the order of the real ones.
///
/// What is between two turns of a real actor is at least one event here. ``Disk`` outlives it.
final class SimulatedBroker {
    let scheduler: Scheduler
    let recorder: SimulationRecorder
    let disk: SimulatedDisk
    let bug: KnownBug?
    private(set) var isAlive = true
    var connections: [SimulatedConnection] = []
    private(set) var partitions: [TopicPartition: SimulatedPartition] = [:]

    // As TransactionCoordinator.swift; the rest is in SimulatedBroker+Transactions.swift.
    var transactions: TransactionCoordinatorState
    var transactionReplies: [TransactionTicket: (TransactionReply) -> Void] = [:]
    var stateAppends: [StateAppend] = []
    var isAppendingState = false
    var stateRefusals = 0
    var waitingOrders: [MarkerOrder] = []
    var activeOrders = 0
    var tickDue: Duration?
    var lastTicket: UInt64 = 0

    // As GroupCoordinator.swift; the rest is in SimulatedBroker+Groups.swift.
    var groups: GroupCoordinatorState
    var groupReplies: [RequestTicket: (GroupReply) -> Void] = [:]
    var groupWork: [GroupWork] = []
    var isWorkingOnGroups = false
    var markerCount = 0

    /// Whether records of the coordinator wait for the disk, while later ones are appended already.
    let isDurable: Bool

    init(
        _ disk: SimulatedDisk, options: SimulationOptions, scheduler: Scheduler, recorder: SimulationRecorder
    ) throws {
        self.disk = disk
        self.scheduler = scheduler
        self.recorder = recorder
        bug = options.bug
        isDurable = options.isDurable
        transactions = TransactionCoordinatorState(configuration: options.transactions)
        groups = GroupCoordinatorState(configuration: options.groups)
        for partition in SimulatedWorld.outputs + [SimulatedWorld.offsets] {
            partitions[partition] = try SimulatedPartition(partition, disk: disk, bug: bug, recorder: recorder)
        }
        try loadGroups()
        try loadTransactions()
        checkNothingUnknown()
    }

    /// `kill -9`.
    func kill() {
        recorder.note("broker is killed")
        isAlive = false
        for connection in connections { connection.disconnect() }
    }

    /// In a while, if the process still lives.
    func later(_ delay: Int64? = nil, _ action: @escaping () -> Void) {
        scheduler.after(delay ?? scheduler.hop) { if self.isAlive { action() } }
    }

    /// One item after the other, with others' turns between them.
    func forEach<Item>(_ items: [Item], _ body: @escaping (Item) -> Void, then: @escaping () -> Void) {
        guard let first = items.first else { return then() }
        later {
            body(first)
            self.forEach(Array(items.dropFirst()), body, then: then)
        }
    }

    /// - Parameter begun: the connection's next request may begin.
    func handle(
        _ request: SimulatedRequest, begun: @escaping () -> Void, answer: @escaping (SimulatedAnswer) -> Void
    ) {
        func reply(_ reply: TransactionReply) { answer(.transaction(reply)) }
        switch request {
        case .initialise(let expected, let timeout):
            initialise(expected, timeout: timeout, begun, reply)
        case .addPartitions(let producer, let partitions):
            add(partitions, to: producer, .classic, begun, reply)
        case .addOffsets(let producer):
            add([SimulatedWorld.offsets], to: producer, .classic, begun, reply)
        case .commitOffsets(let producer, let offsets, let adding):
            commitOffsets(offsets, of: producer, adding: adding, begun) { reply(TransactionReply($0)) }
        case .end(let producer, let isCommit, let clientProtocol):
            end(producer, isCommit: isCommit, clientProtocol, begun, reply)
        case .produce(let batches, let version):
            produce(batches, version: version) { results in
                begun()
                answer(.produced(results))
            }
        case .fetchOffsets(let positions):
            later {
                begun()
                answer(.offsets(self.stableOffsets(positions)))
            }
        }
    }

    /// Something of a transaction was written: the coordinator knows where it has to be ended.
    func checkKnown(_ producer: ProducerID, in position: TopicPartition) {
        if transactions.unfinishedPartitions[producer]?.contains(position) == true { return }
        recorder.violation("the coordinator knows nothing of what \(producer) has written to \(position)")
    }

    /// What `TransactionCoordinator+Reconciling.swift` aborts at a start, which only a power failure leaves behind.
    func checkNothingUnknown() {
        let known = transactions.unfinishedPartitions
        for (position, partition) in partitions {
            for producer in partition.log.describeProducers() where producer.transactionStart != nil {
                if known[producer.producerID]?.contains(position) == true { continue }
                recorder.violation("the coordinator knows nothing of what \(producer) has open in \(position)")
            }
        }
    }
}
