import KafkaClient
import Logging
import NIOCore
import Railway
import ServiceKit
import Synchronization

/// Events that were handed over and are not all acknowledged yet. For one task at a time.
public final class TellingBatch: Sendable {
    private struct Key: Hashable {
        let topic: String
        let key: ByteBuffer

        /// `nil` for a record without a key, which has no order.
        init?(_ record: ProducerRecord) {
            guard let key = record.key else { return nil }
            topic = record.topic
            self.key = key
        }
    }

    private struct State {
        var pending = 0
        /// How many were handed over so far; the order in which they are told again.
        var handedOver = 0
        var failed: [(number: Int, record: ProducerRecord, error: KafkaError)] = []
        /// Of the failed ones: what came after them with the same key is told again too, or the order turned round.
        var failedKeys: Set<Key> = []
        var waiter: AsyncStream<Void>.Continuation?
    }

    /// Between two attempts to tell what could not be told.
    static let retryDelay = Duration.seconds(1)

    private let producer: KafkaProducer
    private let source: String
    private let link: EventLogLink
    private let probe: TellerProbe
    private let logger: Logger
    private let state = Mutex(State())

    init(producer: KafkaProducer, source: String, link: EventLogLink, probe: TellerProbe, logger: Logger) {
        self.producer = producer
        self.source = source
        self.link = link
        self.probe = probe
        self.logger = logger
    }

    /// Hands an event over; waits only while the producer's buffer is full or the topic not known.
    public func add(_ event: some RailwayEvent) async throws {
        try await add(try ProducerRecord(event, source: source))
    }

    func add(_ record: ProducerRecord) async throws {
        // Behind one that failed it waits too, so that the records of a key keep their order.
        let (number, isHeldBack) = state.withLock { state -> (Int, Bool) in
            state.handedOver += 1
            guard let last = state.failed.last else {
                state.pending += 1
                return (state.handedOver, false)
            }
            state.failed.append((state.handedOver, record, last.error))
            return (state.handedOver, true)
        }
        if isHeldBack { return }
        do throws(KafkaError) {
            try await producer.enqueue(record) { [self] result in settled(number, record, result) }
        } catch {
            settled(number, record, .failure(error))
            if error.code == .cancelled { throw CancellationError() }
        }
    }

    /// Returns when the log has acknowledged everything; what failed is told again until it is there.
    public func finish() async throws {
        while true {
            await untilSettled()
            try Task.checkCancellation()
            let failed = state.withLock { state in
                defer {
                    state.failed = []
                    state.failedKeys = []
                }
                return state.failed.sorted { $0.number < $1.number }
            }
            guard let first = failed.first else { return }
            // Anything else than an outage would fail for ever: whoever tells must know.
            if let hopeless = failed.first(where: { !$0.error.isRetriable }) { throw hopeless.error }
            logger.warning(
                "events could not be told; telling them again",
                metadata: [
                    EventStreamNames.LogKey.events: "\(failed.count)",
                    TelemetryNames.LogKey.error: "\(first.error)",
                ])
            try await Task.sleep(for: Self.retryDelay)
            for (_, record, _) in failed { try await add(record) }
        }
    }

    private func settled(_ number: Int, _ record: ProducerRecord, _ result: Result<RecordMetadata, KafkaError>) {
        let (waiter, isTold) = state.withLock { state -> (AsyncStream<Void>.Continuation?, Bool) in
            state.pending -= 1
            var isTold = false
            switch result {
            case .failure(let error):
                state.failed.append((number, record, error))
                if let key = Key(record) { state.failedKeys.insert(key) }
            case .success:
                if let last = state.failed.last, let key = Key(record), state.failedKeys.contains(key) {
                    state.failed.append((number, record, last.error))
                } else {
                    isTold = true
                }
            }
            guard state.pending == 0 else { return (nil, isTold) }
            defer { state.waiter = nil }
            return (state.waiter, isTold)
        }
        if isTold { probe.told(1, topic: record.topic) }
        waiter?.finish()
    }

    private func untilSettled() async {
        let waiting = state.withLock { state -> AsyncStream<Void>? in
            guard state.pending > 0 else { return nil }
            let (stream, continuation) = AsyncStream<Void>.makeStream()
            state.waiter = continuation
            return stream
        }
        if let waiting { for await _ in waiting {} }
    }
}
