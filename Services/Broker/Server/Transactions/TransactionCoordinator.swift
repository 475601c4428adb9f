import KafkaRecords
import KafkaWire
import Logging
import Metadata
import NIOCore
import Storage
import Transactions

/// Drives the transaction rules: gives them time, tickets and producer ids, appends their records, has their markers
/// written, answers their requests.
///
/// One loop performs the appends in the order in which the rules asked for them, and goes on while they wait for the
/// disk, so that they share its flushes; markers are written beside it, so that a slow partition holds up its own
/// transactions only.
///
/// As soon as any topic sets `flush.messages=1` every record and marker is on the disk before it counts: a transaction
/// that a power failure made unknown here would stay open in a log that survived.
actor TransactionCoordinator {
    enum Work: Sendable {
        case append(TransactionToken, partition: Int32, records: [TransactionRecord])
        case tick
    }

    /// Transactions whose markers are written at the same time.
    private static let concurrentOrders = 16

    var state: TransactionCoordinatorState
    private var promises: [TransactionTicket: ReplyPromise<TransactionReply>] = [:]
    private var lastTicket: UInt64 = 0
    private var isReady = false
    /// Whether nothing of `__transaction_state` had to be passed over.
    var hasReadAll = true
    private var timer: (deadline: Duration, task: Scheduled<Void>)?

    private let work: AsyncStream<Work>
    private let workInput: AsyncStream<Work>.Continuation
    private let orders: AsyncStream<MarkerOrder>
    private let orderInput: AsyncStream<MarkerOrder>.Continuation
    let markers: MarkerWriter
    private let controller: TopicController
    private let clock: WallClock
    private let timers: any EventLoop
    let logger: Logger
    let probe = TransactionsProbe()

    init(
        configuration: TransactionConfiguration, markers: MarkerWriter, controller: TopicController,
        clock: WallClock, timers: any EventLoop, logger: Logger
    ) {
        var configuration = configuration
        // The number of partitions is the topic's once it exists, whatever the setting says by then.
        if let existing = markers.topics.topic(TopicName.transactionState) {
            configuration.stateLogPartitions = Int32(existing.partitions.count)
        }
        state = TransactionCoordinatorState(configuration: configuration)
        self.markers = markers
        self.controller = controller
        self.clock = clock
        self.timers = timers
        self.logger = logger
        (work, workInput) = AsyncStream.makeStream(of: Work.self)
        (orders, orderInput) = AsyncStream.makeStream(of: MarkerOrder.self)
    }

    // MARK: Start and end

    /// Replays `__transaction_state` where there is one, and aborts what is open somewhere and unknown there.
    /// Transactions that were decided are completed once ``run()`` goes.
    func load() async {
        guard let topic = markers.topics.topic(TopicName.transactionState) else { return }
        await load(topic)
        await abortUnknown()
    }

    /// Makes `__transaction_state` if this is the first that anybody asks about transactions.
    func prepare() async throws(TopicRefusal) {
        if isReady { return }
        let topic = try await controller.findOrCreate(TopicName.transactionState)
        await load(topic)
    }

    private func load(_ topic: TopicTable.Topic) async {
        if isReady { return }
        isReady = true
        // All of them before the first wait: who comes meanwhile is told to wait and not to look elsewhere.
        for partition in topic.partitions {
            let index = partition.topicPartition.partition
            state.startLoading(index, coordinatorEpoch: partition.leaderEpoch.rawValue)
        }
        for partition in topic.partitions { await load(partition) }
        logger.info(
            "transactions loaded", metadata: ["ids": "\(state.idCount)", "open": "\(state.openCount)"])
        probe.note(state)
    }

    /// Appends, ticks and writes markers until the task is cancelled, then answers everybody who waits.
    func run() async {
        await withTaskCancellationHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.performWork() }
                group.addTask { await self.performOrders() }
            }
        } onCancel: {
            workInput.finish()
            orderInput.finish()
        }
        timer?.task.cancel()
        for partition in markers.topics.topic(TopicName.transactionState)?.partitions ?? [] {
            perform(state.unload(partition.topicPartition.partition))
        }
    }

    private func performWork() async {
        await withDiscardingTaskGroup { group in
            for await item in work {
                switch item {
                case .append(let token, let partition, let records):
                    guard let begun = await begin(token, partition: partition, records: records) else { break }
                    group.addTask { await self.finish(begun) }
                case .tick:
                    timer = nil
                    perform(state.tick(now: now))
                }
                probe.note(state)
            }
        }
    }

    private func performOrders() async {
        let markers = markers
        await withTaskGroup(of: Void.self) { group in
            var begun = 0
            for await order in orders {
                if begun < Self.concurrentOrders { begun += 1 } else { await group.next() }
                group.addTask { await self.finish(order, await markers.write(order)) }
            }
        }
    }

    private func finish(_ order: MarkerOrder, _ outcomes: [TopicPartition: MarkerOutcome]) {
        perform(state.finishedMarkers(order, outcomes: outcomes, now: now))
    }

    // MARK: Requests

    /// Decides about a request, in the order in which requests come; the reply may come later.
    func submit(
        _ decide: @Sendable (inout TransactionCoordinatorState, TransactionTicket, TransactionTime)
            -> [TransactionAction]
    ) async -> ReplyPromise<TransactionReply> {
        await provideProducerID()
        lastTicket += 1
        let ticket = TransactionTicket(rawValue: lastTicket)
        let promise = ReplyPromise<TransactionReply>()
        promises[ticket] = promise
        perform(decide(&state, ticket, now))
        return promise
    }

    /// Looks at the state without changing it.
    func look<Value: Sendable>(
        _ read: @Sendable (TransactionCoordinatorState, TransactionTime) -> Value
    ) -> Value {
        read(state, now)
    }

    /// A decision has no time to wait for a producer id, so one is always at hand.
    private func provideProducerID() async {
        guard state.wantsProducerID else { return }
        do {
            state.offer(try await controller.nextProducerID())
        } catch {
            logger.error("no producer id could be given", metadata: ["error": "\(error.message)"])
        }
    }

    // MARK: Actions

    var now: TransactionTime {
        TransactionTime(
            uptime: .nanoseconds(Int64(NIODeadline.now().uptimeNanoseconds)), wallMilliseconds: clock.now())
    }

    func perform(_ actions: [TransactionAction]) {
        for action in actions {
            switch action {
            case .reply(let ticket, let reply):
                promises.removeValue(forKey: ticket)?.fulfil(reply)
            case .append(let token, let partition, let records):
                workInput.yield(.append(token, partition: partition, records: records))
            case .writeMarkers(let order):
                orderInput.yield(order)
            }
        }
        arm()
    }

    /// Records that are in the log and not on the disk yet.
    private struct BegunAppend: Sendable {
        let token: TransactionToken
        let partition: Partition
        let end: Offset
    }

    /// Appends; returns what the outcome has to wait for, if anything.
    private func begin(
        _ token: TransactionToken, partition index: Int32, records: [TransactionRecord]
    ) async -> BegunAppend? {
        let position = TopicPartition(topic: TopicName.transactionState, partition: index)
        do {
            guard let partition = markers.topics.partition(position) else {
                perform(state.failed(token, .notCoordinator, now: now))
                return nil
            }
            var builder = RecordBatchBuilder(capacity: 512)
            let timestamp = clock.now()
            for record in records {
                builder.append(timestamp: timestamp, key: record.key, value: record.value)
            }
            let begun = try await partition.begin(
                builder.finish(), origin: .coordinator, isDurable: markers.topics.asksForDurability)
            if let end = begun.durableEnd { return BegunAppend(token: token, partition: partition, end: end) }
            perform(state.committed(token, now: now))
        } catch {
            fail(token, of: position, error)
        }
        return nil
    }

    private func finish(_ begun: BegunAppend) async {
        do throws(StorageError) {
            try await begun.partition.untilDurable(begun.end)
            perform(state.committed(begun.token, now: now))
        } catch {
            fail(begun.token, of: begun.partition.topicPartition, AppendError.storage(error))
        }
        probe.note(state)
    }

    private func fail(_ token: TransactionToken, of position: TopicPartition, _ error: any Error) {
        logger.error(
            "transaction records were not written", metadata: ["partition": "\(position)", "error": "\(error)"])
        let code = (error as? AppendError)?.errorCode ?? .unknownServerError
        perform(state.failed(token, code, now: now))
    }

    /// Makes sure that a tick comes when the next deadline does.
    private func arm() {
        guard let deadline = state.nextDeadline else { return }
        if let timer, timer.deadline <= deadline { return }
        timer?.task.cancel()
        let (seconds, attoseconds) = deadline.components
        let at = NIODeadline.uptimeNanoseconds(
            UInt64(max(0, seconds)) &* 1_000_000_000 &+ UInt64(max(0, attoseconds / 1_000_000_000)))
        let input = workInput
        timer = (deadline, timers.scheduleTask(deadline: at) { _ = input.yield(.tick) })
    }
}
