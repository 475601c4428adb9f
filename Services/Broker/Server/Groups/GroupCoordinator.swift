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
    private enum Work: Sendable {
        case append(CommitToken, partition: Int32, records: [GroupRecord])
        case tick
    }

    private var state: GroupCoordinatorState
    private var promises: [RequestTicket: ReplyPromise] = [:]
    private var lastTicket: UInt64 = 0
    private var isReady = false
    private var timer: (deadline: Duration, task: Scheduled<Void>)?

    private let work: AsyncStream<Work>
    private let workInput: AsyncStream<Work>.Continuation
    private let topics: TopicTable
    private let controller: TopicController
    private let clock: WallClock
    private let timers: any EventLoop
    private let logger: Logger

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
    }

    // MARK: Start and end

    /// Replays `__consumer_offsets` where there is one.
    func load() async throws {
        guard let topic = topics.topic(TopicName.consumerOffsets) else { return }
        try await load(topic)
    }

    /// Makes `__consumer_offsets` if this is the first that anybody asks about groups.
    func prepare() async throws(TopicRefusal) {
        if isReady { return }
        let topic = try await controller.findOrCreate(TopicName.consumerOffsets)
        do {
            try await load(topic)
        } catch {
            throw TopicRefusal(code: .coordinatorNotAvailable, message: "\(error)")
        }
    }

    private func load(_ topic: TopicTable.Topic) async throws {
        if isReady { return }
        isReady = true
        for partition in topic.partitions {
            let index = partition.topicPartition.partition
            state.startLoading(index)
            try await replay(partition)
            perform(state.finishLoading(index, now: now))
        }
        logger.info("groups loaded", metadata: ["groups": "\(state.groupCount)"])
    }

    private func replay(_ partition: Partition) async throws {
        let offsets = partition.progress.offsets
        var replay = RecordReplay(from: offsets.logStart, to: offsets.logEnd)
        while let position = replay.position {
            let read = try await partition.read(
                from: position, maximumBytes: RecordReplay.chunkBytes, atLeastOneBatch: true)
            for record in try replay.records(of: read.payload) {
                guard let key = record.key else { continue }
                if try !state.apply(GroupRecord(key: key, value: record.value)) {
                    logger.debug("passed over a record", metadata: ["partition": "\(partition.topicPartition)"])
                }
            }
        }
    }

    /// Appends and ticks until the task is cancelled, then answers everybody who waits.
    func run() async {
        await withTaskCancellationHandler {
            for await item in work {
                switch item {
                case .append(let token, let partition, let records):
                    await append(token, partition: partition, records: records)
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
    ) -> ReplyPromise {
        lastTicket += 1
        let ticket = RequestTicket(rawValue: lastTicket)
        let promise = ReplyPromise()
        promises[ticket] = promise
        perform(decide(&state, ticket, now))
        return promise
    }

    /// Looks at the state without changing it.
    func look<Value: Sendable>(_ read: @Sendable (GroupCoordinatorState) -> Value) -> Value {
        read(state)
    }

    // MARK: Actions

    private var now: CoordinatorTime {
        CoordinatorTime(
            uptime: .nanoseconds(Int64(NIODeadline.now().uptimeNanoseconds)), wallMilliseconds: clock.now())
    }

    private func perform(_ actions: [CoordinatorAction]) {
        for action in actions {
            switch action {
            case .reply(let ticket, let reply):
                promises.removeValue(forKey: ticket)?.fulfil(reply)
            case .append(let token, let partition, let records):
                workInput.yield(.append(token, partition: partition, records: records))
            }
        }
        arm()
    }

    private func append(_ token: CommitToken, partition index: Int32, records: [GroupRecord]) async {
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
            _ = try await partition.append(builder.finish(), origin: .coordinator)
            perform(state.committed(token, now: now))
        } catch {
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
