import Groups
import KafkaMessages
import KafkaRecords
import KafkaWire
import Logging
import Metadata
import NIOCore
import Storage

/// Drives the group rules: gives them time and tickets, appends their records, answers their requests.
///
/// One loop performs the appends in the order in which the rules asked for them.
actor GroupCoordinator {
    enum Work: Sendable {
        case append(CommitToken, partition: Int32, records: [GroupRecord], producer: TransactionalProducer?)
        case marker(TransactionMarker, partition: Int32, CheckedContinuation<MarkerOutcome, Never>)
        case topicsChanged
        case tick
    }

    var state: GroupCoordinatorState
    private var promises: [RequestTicket: ReplyPromise<GroupReply>] = [:]
    private var lastTicket: UInt64 = 0
    /// How many markers were put into each partition's line so far.
    var markerCounts: [Int32: UInt64] = [:]
    private var isReady = false
    private var timer: (deadline: Duration, task: Scheduled<Void>)?

    private let work: AsyncStream<Work>
    let workInput: AsyncStream<Work>.Continuation
    let topics: TopicTable
    private let topicChanges: TopicChanges
    private let controller: TopicController
    private let clock: WallClock
    private let timers: any EventLoop
    let logger: Logger
    let probe = GroupsProbe()

    init(
        configuration: GroupConfiguration, topics: TopicTable, controller: TopicController, clock: WallClock,
        timers: any EventLoop, logger: Logger
    ) {
        var configuration = configuration
        // The number of partitions is the topic's once it exists, whatever the setting says by then.
        if let existing = topics.topic(TopicName.consumerOffsets) {
            configuration.offsetsTopicPartitions = Int32(existing.partitions.count)
        }
        state = GroupCoordinatorState(configuration: configuration)
        self.topics = topics
        self.controller = controller
        self.clock = clock
        self.timers = timers
        self.logger = logger
        (work, workInput) = AsyncStream.makeStream(of: Work.self)
        topicChanges = TopicChanges(of: topics) { [workInput] in workInput.yield(.topicsChanged) }
    }

    // MARK: Start and end

    /// Replays `__consumer_offsets` where there is one.
    func load() async {
        guard let topic = topics.topic(TopicName.consumerOffsets) else { return }
        await load(topic)
    }

    /// Makes `__consumer_offsets` if this is the first that anybody asks about groups.
    func prepare() async throws(TopicRefusal) {
        if isReady { return }
        let topic = try await controller.findOrCreate(TopicName.consumerOffsets)
        await load(topic)
    }

    private func load(_ topic: TopicTable.Topic) async {
        if isReady { return }
        isReady = true
        takeTopicChanges()
        // All at once before the first is awaited: who asks meanwhile has come to the right broker.
        for partition in topic.partitions { state.startLoading(partition.topicPartition.partition) }
        for partition in topic.partitions { await load(partition) }
        logger.info("groups loaded", metadata: ["groups": "\(state.groupCount)"])
    }

    /// Appends and ticks until the task is cancelled, then answers everybody who waits.
    func run() async {
        await withTaskCancellationHandler {
            for await item in work {
                switch item {
                case .append(let token, let partition, let records, let producer):
                    await append(token, partition: partition, records: records, producer: producer)
                case .marker(let marker, let partition, let waiter):
                    waiter.resume(returning: await write(marker, partition: partition))
                case .topicsChanged:
                    takeTopicChanges()
                case .tick:
                    timer = nil
                    perform(state.tick(now: now))
                }
            }
        } onCancel: {
            workInput.finish()
        }
        timer?.task.cancel()
        for partition in topics.topic(TopicName.consumerOffsets)?.partitions ?? [] {
            perform(state.unload(partition.topicPartition.partition, now: now))
        }
    }

    // MARK: Requests

    /// Decides about a request, in the order in which requests come; the reply may come later.
    func submit(
        _ decide: @Sendable (inout GroupCoordinatorState, RequestTicket, CoordinatorTime) -> [CoordinatorAction]
    ) -> ReplyPromise<GroupReply> {
        lastTicket += 1
        let ticket = RequestTicket(rawValue: lastTicket)
        let promise = ReplyPromise<GroupReply>()
        promises[ticket] = promise
        takeTopicChanges()
        perform(decide(&state, ticket, now))
        return promise
    }

    private func takeTopicChanges() {
        for (name, topic) in topicChanges.take() { perform(state.topicChanged(name, topic, now: now)) }
    }

    /// Looks at the state as it is once it knows of every topic that came or went before.
    func look<Value: Sendable>(_ read: @Sendable (GroupCoordinatorState) -> Value) -> Value {
        takeTopicChanges()
        return read(state)
    }

    // MARK: Actions

    var now: CoordinatorTime {
        CoordinatorTime(
            uptime: .nanoseconds(Int64(NIODeadline.now().uptimeNanoseconds)), wallMilliseconds: clock.now())
    }

    func perform(_ actions: [CoordinatorAction]) {
        for action in actions {
            switch action {
            case .reply(let ticket, let reply):
                promises.removeValue(forKey: ticket)?.fulfil(reply)
            case .append(let token, let partition, let records, let producer):
                workInput.yield(.append(token, partition: partition, records: records, producer: producer))
            }
        }
        arm()
    }

    private func append(
        _ token: CommitToken, partition index: Int32, records: [GroupRecord], producer: TransactionalProducer?
    ) async {
        let position = TopicPartition(topic: TopicName.consumerOffsets, partition: index)
        do {
            guard let partition = topics.partition(position) else {
                return perform(state.failed(token, .notCoordinator, now: now))
            }
            var builder = RecordBatchBuilder(capacity: 512)
            let timestamp = clock.now()
            for record in records {
                builder.append(timestamp: timestamp, key: record.key, value: record.value)
            }
            let batch = try builder.finish(
                producerID: producer?.id ?? .none, producerEpoch: producer?.epoch ?? -1,
                isTransactional: producer != nil)
            let isDurable = producer != nil && topics.asksForDurability
            _ = try await partition.append(batch, origin: .coordinator, isDurable: isDurable)
            perform(state.committed(token, now: now))
        } catch {
            if let limit = (error as? AppendError)?.byteLimit { state.maximumAppendBytes = limit }
            logger.error("group records were not written", metadata: ["partition": "\(position)", "error": "\(error)"])
            let code = (error as? AppendError)?.errorCode ?? .unknownServerError
            perform(state.failed(token, code, now: now))
        }
    }

    /// Makes sure that a tick comes when the next deadline does.
    private func arm() {
        guard let deadline = state.nextDeadline else { return }
        if let timer, timer.deadline <= deadline { return }
        timer?.task.cancel()
        let at = NIODeadline.uptimeNanoseconds(UInt64(max(0, deadline.nanoseconds)))
        let input = workInput
        timer = (deadline, timers.scheduleTask(deadline: at) { _ = input.yield(.tick) })
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? Int64.max / 2 : product + attoseconds / 1_000_000_000
    }
}
