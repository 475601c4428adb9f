import KafkaRecords
import KafkaWire
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Writes records to topics.
///
/// Add it to a `ServiceGroup`, or run ``run()`` in a task: nothing is sent before. All methods may be called from any
/// task at any time; records handed over by one task one after the other keep their order within a partition.
public final class KafkaProducer: Service, Sendable {
    let core: ProducerCore
    let configuration: KafkaProducerConfiguration
    let stopRequest = OneShot<Bool>()
    private let tracing: ProducerTracing

    /// - Throws: ``KafkaError/Code/invalidConfiguration``.
    public convenience init(
        configuration: KafkaProducerConfiguration,
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup,
        logger: Logger = Logger(label: "kafka.producer")
    ) throws(KafkaError) {
        try self.init(
            configuration: configuration, eventLoopGroup: eventLoopGroup, logger: logger,
            tracing: ProducerTracing(clientID: configuration.client.clientID))
    }

    init(
        configuration: KafkaProducerConfiguration, eventLoopGroup: any EventLoopGroup, logger: Logger,
        tracing: ProducerTracing
    ) throws(KafkaError) {
        try configuration.validate()
        self.configuration = configuration
        self.tracing = tracing
        let cluster = ClusterClient(
            configuration: configuration.client, maximumInFlight: 100, allowAutoTopicCreation: true,
            eventLoopGroup: eventLoopGroup, logger: logger)
        core = ProducerCore(configuration: configuration, cluster: cluster, logger: logger)
    }

    /// Writes one record and waits for its acknowledgement.
    ///
    /// When the waiting task is cancelled the record may still be written.
    @discardableResult
    public func send(_ record: ProducerRecord) async throws(KafkaError) -> RecordMetadata {
        let waiter = OneShot<Result<RecordMetadata, KafkaError>>()
        try await accept(record, .waiter(waiter))
        guard let result = await waiter.value() else {
            throw KafkaError(.cancelled, "cancelled while waiting for the acknowledgement")
        }
        return try result.get()
    }

    /// Writes records, batched together as far as their partitions allow, and waits for all acknowledgements.
    ///
    /// - Returns: one result per record, in order.
    /// - Throws: the first failure, once every accepted record has a result.
    @discardableResult
    public func send(_ records: [ProducerRecord]) async throws(KafkaError) -> [RecordMetadata] {
        let collector = DeliveryCollector(count: records.count)
        var intake = RecordIntake(records: records, collector: collector)
        do throws(KafkaError) {
            try await accept(&intake)
        } catch {
            // Those before it are on their way, and their results are waited for.
            collector.fail(intake.next..<records.count, error)
        }
        let pending = PendingRecords(count: records.count, collector: collector)
        var all: [RecordMetadata] = []
        all.reserveCapacity(records.count)
        for acknowledgement in try await pending.acknowledgements() {
            for index in acknowledgement.indices {
                all.append(acknowledgement.metadata(at: index, of: records[index]))
            }
        }
        return all
    }

    /// Takes records over and returns once all are in the buffer; their results are waited for later, or not at all.
    ///
    /// For throughput with results: one report per batch, not per record. Several calls may be on their way.
    /// - Throws: why a record was not accepted. Those before it are on their way; the ones after it were not tried.
    public func submit(_ records: [ProducerRecord]) async throws(KafkaError) -> PendingRecords {
        let collector = DeliveryCollector(count: records.count)
        var intake = RecordIntake(records: records, collector: collector)
        try await accept(&intake)
        return PendingRecords(count: records.count, collector: collector)
    }

    /// Takes records over and returns once all are in the buffer. The fastest way to write: nothing is kept per record
    /// but its bytes, and a failure is logged, counted and thrown by the next ``flush()``.
    ///
    /// - Throws: why a record was not accepted. Those before it are on their way; the ones after it were not tried.
    public nonisolated(nonsending) func enqueue(_ records: [ProducerRecord]) async throws(KafkaError) {
        var intake = RecordIntake(records: records, collector: nil)
        try await accept(&intake)
    }

    /// Takes a record over and returns; waits only while the buffer is full or the topic not yet known.
    ///
    /// - Parameter onDelivery: called exactly once, on a thread of the client, so it must not block. Without it a
    ///   failure is logged, counted and thrown by the next ``flush()``.
    public nonisolated(nonsending) func enqueue(
        _ record: ProducerRecord, onDelivery: (@Sendable (Result<RecordMetadata, KafkaError>) -> Void)? = nil
    ) async throws(KafkaError) {
        try await accept(record, onDelivery.map { .callback($0) })
    }

    /// Sends what is waiting without lingering, and waits until everything accepted before has its result.
    ///
    /// - Throws: the first failure since the last flush among records enqueued without `onDelivery`.
    public func flush() async throws(KafkaError) {
        try await core.flush()
    }

    /// The number of partitions of a topic; waits until the topic is known, at most `maxBlock`.
    public func partitionCount(of topic: String) async throws(KafkaError) -> Int {
        let deadline = NIODeadline.now() + TimeAmount(configuration.maxBlock)
        return try await core.cluster.partitionCount(of: topic, deadline: deadline)
    }

    /// Puts a record into a batch; waits for metadata and memory, together at most `maxBlock`.
    private nonisolated(nonsending) func accept(
        _ record: ProducerRecord, _ target: RecordDelivery.Target?
    ) async throws(KafkaError) {
        if tracing.isEnabled { return try await acceptTraced(record, target ?? .flush) }
        let delivery = target.map { RecordDelivery(target: $0) }
        let acceptance = core.accept(record, delivery: delivery, isWaiting: false)
        if case .accepted = acceptance { return }
        try await retry(acceptance) { core.accept(record, delivery: delivery, isWaiting: $0) }
    }

    private func acceptTraced(_ record: ProducerRecord, _ target: RecordDelivery.Target) async throws(KafkaError) {
        var record = record
        let delivery = RecordDelivery(target: target, span: tracing.start(&record))
        do throws(KafkaError) {
            let acceptance = core.accept(record, delivery: delivery, isWaiting: false)
            try await retry(acceptance) { core.accept(record, delivery: delivery, isWaiting: $0) }
        } catch {
            if let span = delivery.span { ProducerTracing.finish(span, .failure(error)) }
            throw error
        }
    }

    /// Puts records into batches, many under one lock. With a tracer each has a span and goes by itself.
    private nonisolated(nonsending) func accept(_ intake: inout RecordIntake) async throws(KafkaError) {
        while !intake.isComplete {
            if tracing.isEnabled {
                let target = intake.collector.map {
                    RecordDelivery.Target.collected($0, index: intake.next, acceptedTime: WallClock.milliseconds())
                }
                try await acceptTraced(intake.records[intake.next], target ?? .flush)
                intake.next += 1
                continue
            }
            let acceptance = core.accept(&intake, isWaiting: false)
            if case .accepted = acceptance { continue }
            try await retry(acceptance) { core.accept(&intake, isWaiting: $0) }
        }
    }

    /// Waits for what stands in the way and tries again, at most for `maxBlock`, until records were accepted.
    private nonisolated(nonsending) func retry(
        _ first: Acceptance, _ attempt: (_ isWaiting: Bool) -> Acceptance
    ) async throws(KafkaError) {
        let deadline = NIODeadline.now() + TimeAmount(configuration.maxBlock)
        var acceptance = first
        while true {
            switch acceptance {
            case .accepted: return
            case .closed: throw .closed("producer")
            case .refused(let error): throw error
            case .unknownTopic(let topic):
                _ = try await core.cluster.partitionCount(of: topic, deadline: deadline)
                acceptance = attempt(false)
            case .waitForMemory(let wake):
                try await waitForMemory(wake, until: deadline)
                acceptance = attempt(true)
                switch acceptance {
                case .accepted, .waitForMemory: break
                // The memory that it was woken for is the next one's.
                case .unknownTopic, .refused, .closed: core.wakeMemoryWaiters()
                }
            }
        }
    }

    private func waitForMemory(_ wake: OneShot<Bool>, until deadline: NIODeadline) async throws(KafkaError) {
        let timer = core.cluster.eventLoop.scheduleTask(deadline: deadline) { wake.fulfil(false) }
        let outcome = await wake.value()
        timer.cancel()
        if outcome == true { return }
        core.abandonWait(wake)
        if outcome == nil { throw KafkaError(.cancelled, "cancelled while the buffer was full") }
        throw KafkaError(
            .bufferFull,
            "the buffer of \(configuration.bufferMemoryBytes) bytes stayed full for \(configuration.maxBlock)")
    }
}
