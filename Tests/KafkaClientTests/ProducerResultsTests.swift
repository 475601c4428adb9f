import Dispatch
import KafkaWire
import Logging
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import KafkaClient

@Suite("Telling a producer's results", .timeLimit(.minutes(5)))
struct ProducerResultsTests {
    private func makeCore() -> ProducerCore {
        var configuration = KafkaProducerConfiguration(bootstrapServers: ["127.0.0.1:1"])
        configuration.enableIdempotence = false
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        return ProducerCore(
            configuration: configuration,
            cluster: ClusterClient(
                configuration: configuration.client, maximumInFlight: 1, allowAutoTopicCreation: false,
                eventLoopGroup: .singletonMultiThreadedEventLoopGroup, logger: logger), logger: logger)
    }

    /// Accepts one record and takes its batch as if it was sent; returns the results that finish it.
    private func send(
        _ core: ProducerCore, _ partition: Int32, _ target: RecordDelivery.Target,
        _ result: Result<BatchAcknowledgement, KafkaError>
    ) throws -> [ProducerCore.BatchResult] {
        let topicPartition = TopicPartition(topic: "t", partition: partition)
        let batches = core.state.withLock { state in
            _ = state.accumulator.append(
                to: topicPartition, timestamp: 0, key: nil, value: ByteBuffer(string: "x"), headers: [],
                recordBytes: 64, token: RecordDelivery(target: target), now: .now())
            state.accumulator.flushes += 1
            defer { state.accumulator.flushes -= 1 }
            return state.accumulator.drain(maximumBytes: 1 << 20, now: .now()) { $0 == topicPartition }.batches
        }
        return try batches.map { batch in
            var batch = batch
            return ProducerCore.BatchResult(
                id: batch.id, topicPartition: topicPartition, encoded: try batch.encode(.none), result: result)
        }
    }

    @Test("a flush ends once every result is told, whoever tells it, and throws what nobody else learned of")
    func flushAfterTelling() async throws {
        let core = makeCore()
        let gate = DispatchSemaphore(value: 0)
        defer { gate.signal() }
        let isTelling = Mutex(false)
        let wasTold = Mutex(false)
        let slow = try send(
            core, 0,
            .callback { _ in
                isTelling.withLock { $0 = true }
                gate.wait()
                wasTold.withLock { $0 = true }
            }, .success(BatchAcknowledgement(baseOffset: 0)))
        let failed = try send(core, 1, .flush, .failure(.broker(.invalidRecord, "")))
        let flush = Task { try await core.flush() }
        try await eventually("the flush waits") { core.state.withLock { $0.flushWaiters.count } == 1 }
        DispatchQueue.global().async { core.finish(slow) }
        try await eventually("the first result is being told") { isTelling.withLock { $0 } }
        core.finish(failed)
        #expect(core.state.withLock { $0.flushWaiters.count } == 1, "all results are in, and one is not told")
        gate.signal()
        await #expect(throws: KafkaError.self) { try await flush.value }
        #expect(wasTold.withLock { $0 })
        try await core.flush()
    }

    @Test("a record that was accepted after a flush began is the next flush's to tell of")
    func laterRecord() async throws {
        let core = makeCore()
        let first = try send(core, 0, .flush, .success(BatchAcknowledgement(baseOffset: 0)))
        let flush = Task { try await core.flush() }
        try await eventually("the flush waits") { core.state.withLock { $0.flushWaiters.count } == 1 }
        core.finish(try send(core, 1, .flush, .failure(.broker(.invalidRecord, ""))))
        core.finish(first)
        try await flush.value
        await #expect(throws: KafkaError.self) { try await core.flush() }
        try await core.flush()
    }

    @Test("every flush that waits throws the failure, and one that is cancelled leaves it to the next")
    func concurrentFlushes() async throws {
        let core = makeCore()
        let failed = try send(core, 0, .flush, .failure(.broker(.invalidRecord, "")))
        let other = try send(core, 1, .flush, .success(BatchAcknowledgement(baseOffset: 0)))
        let flushes = (0..<3).map { _ in Task { try await core.flush() } }
        try await eventually("all wait") { core.state.withLock { $0.flushWaiters.count } == 3 }
        core.finish(failed)
        flushes[2].cancel()
        await #expect(throws: KafkaError.self) { try await flushes[2].value }
        #expect(core.state.withLock { $0.flushWaiters.count } == 2)
        core.finish(other)
        for flush in flushes.prefix(2) {
            await #expect {
                try await flush.value
            } throws: { error in
                (error as? KafkaError)?.errorCode == .invalidRecord
            }
        }
        await #expect {
            try await core.flush()
        } throws: { error in
            (error as? KafkaError)?.errorCode == .invalidRecord
        }
        try await core.flush()
    }
}
