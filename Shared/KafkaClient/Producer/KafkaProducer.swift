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
    public init(
        configuration: KafkaProducerConfiguration,
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup,
        logger: Logger = Logger(label: "kafka.producer")
    ) throws(KafkaError) {
        try configuration.validate()
        self.configuration = configuration
        tracing = ProducerTracing(clientID: configuration.client.clientID)
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
        if records.isEmpty { return [] }
        let collector = DeliveryCollector(count: records.count)
        for (index, record) in records.enumerated() {
            do throws(KafkaError) {
                try await accept(record, .collected(collector, index: index))
            } catch {
                for rest in index..<records.count { collector.fulfil(rest, .failure(error)) }
                break
            }
        }
        guard let results = await collector.finished.value() else {
            throw KafkaError(.cancelled, "cancelled while waiting for the acknowledgements")
        }
        var all: [RecordMetadata] = []
        for result in results { all.append(try result.get()) }
        return all
    }

    /// Takes a record over and returns; waits only while the buffer is full or the topic not yet known.
    ///
    /// - Parameter onDelivery: called exactly once, on a thread of the client, so it must not block. Without it a
    ///   failure is logged, counted and thrown by the next ``flush()``.
    public func enqueue(
        _ record: ProducerRecord, onDelivery: (@Sendable (Result<RecordMetadata, KafkaError>) -> Void)? = nil
    ) async throws(KafkaError) {
        try await accept(record, onDelivery.map { .callback($0) } ?? .flush)
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
    private func accept(_ record: ProducerRecord, _ target: RecordDelivery.Target) async throws(KafkaError) {
        var record = record
        let span = tracing.start(&record)
        do throws(KafkaError) {
            try await accept(record, RecordDelivery(target: target, span: span))
        } catch {
            if let span { ProducerTracing.finish(span, .failure(error)) }
            throw error
        }
    }

    private func accept(_ record: ProducerRecord, _ delivery: RecordDelivery) async throws(KafkaError) {
        let bytes = try checkedBytes(of: record)
        let known = core.cluster.withMetadata { $0.partitionCount(of: record.topic) }
        let count = if let known { known } else { try await partitionCount(of: record.topic) }
        if let partition = record.partition, partition < 0 || Int(partition) >= count {
            throw KafkaError(.invalidArgument, "topic '\(record.topic)' has \(count) partitions, not one \(partition)")
        }
        var deadline: NIODeadline?
        while true {
            let acceptance = core.accept(
                record, partitionCount: count, recordBytes: bytes, delivery: delivery, isWaiting: deadline != nil)
            switch acceptance {
            case .accepted: return
            case .closed: throw .closed("producer")
            case .refused(let error): throw error
            case .waitForMemory(let wake):
                let latest = deadline ?? .now() + TimeAmount(configuration.maxBlock)
                deadline = latest
                try await waitForMemory(wake, until: latest)
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

    /// The most the record can take; throws where that is more than may be sent.
    private func checkedBytes(of record: ProducerRecord) throws(KafkaError) -> Int {
        guard !record.topic.isEmpty else { throw KafkaError(.invalidArgument, "the record names no topic") }
        let bytes = RecordBatchBuilder.maximumRecordBytes(
            key: record.key, value: record.value, headers: record.headers)
        let limit = min(configuration.maxRequestSizeBytes, configuration.bufferMemoryBytes)
        guard bytes + RecordBatchHeader.byteCount <= limit else {
            throw KafkaError(.recordTooLarge, "a record of about \(bytes) bytes is over the limit of \(limit)")
        }
        return bytes
    }
}
