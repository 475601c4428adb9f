import Dispatch
import KafkaMessages
import KafkaWire
import NIOCore
import NIOPosix
import Storage
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import BrokerServer

@Suite("flush.messages=1", .timeLimit(.minutes(5)))
struct GroupCommitTests {
    private static let durable = ["flush.messages": "1"]

    private func withSlowDisk(
        _ settings: [String: String] = [:], _ operation: @Sendable (TestBroker, SlowDisk) async throws -> Void
    ) async throws {
        let disk = SlowDisk()
        try await RestartTests.withFolder { folder in
            try await withBroker(in: folder, settings, files: disk) { broker in
                defer { disk.release() }
                try await operation(broker, disk)
            }
        }
    }

    @Test("a record is acknowledged when the disk has it, and no consumer sees it before")
    func acknowledgedWhenDurable() async throws {
        try await withSlowDisk { broker, disk in
            let producer = try await broker.connect()
            let consumer = try await broker.connect()
            try await producer.createTopic("t", Self.durable)
            disk.hold()
            try await producer.send(produceRequest(batch(["a"]), to: "t"), version: ByName.produce)
            try await eventually("the flush has begun") { disk.waiting == 1 }
            let before = try await consumer.fetch(fetchRequest("t", from: 0))
            #expect(try before.texts == [] && before.highWatermark == 0)
            let partition = try #require(broker.broker.topics.partition(TopicPartition(topic: "t", partition: 0)))
            #expect(await partition.flushedOffset == 0)
            #expect(partition.progress.offsets.logEnd == 1)
            // A fetch that waits is woken by the flush.
            try await consumer.send(
                fetchRequest("t", from: 0, minBytes: 1, maxWait: 600_000), version: ByName.fetch)
            try await eventually("the fetch is parked") { partition.progress.parkedCount == 1 }
            disk.release()
            let answer = try await producer.receive(ProduceRequest.self, version: ByName.produce)
            #expect(answer.responses[0].partitionResponses[0].baseOffset == 0)
            #expect(await partition.flushedOffset == 1)
            let after = try await consumer.receive(FetchRequest.self, version: ByName.fetch)
            #expect(try after.responses[0].partitions[0].texts == ["a"])
        }
    }

    @Test("appends that arrive while the disk is busy share one flush, of one connection and of many")
    func shared() async throws {
        try await withSlowDisk { broker, disk in
            let connections = [try await broker.connect(), try await broker.connect()]
            try await connections[0].createTopic("t", Self.durable)
            let before = disk.syncs
            disk.hold()
            for number in Int32(0)..<5 {
                for connection in connections {
                    try await connection.send(
                        produceRequest(batch(["x"]), to: "t"), version: ByName.produce, correlationID: number)
                }
            }
            let partition = try #require(broker.broker.topics.partition(TopicPartition(topic: "t", partition: 0)))
            try await eventually("all are in the log") { partition.progress.offsets.logEnd == 10 }
            disk.release()
            for number in Int32(0)..<5 {
                for connection in connections {
                    let answer = try await connection.receive(
                        ProduceRequest.self, version: ByName.produce, correlationID: number)
                    #expect(answer.responses[0].partitionResponses[0].errorCode == .none)
                }
            }
            #expect(disk.syncs - before == 2)
        }
    }

    @Test("many partitions are flushed at once, no more than signalbox.flush.threads")
    func bounded() async throws {
        try await withSlowDisk(["signalbox.flush.threads": "3", "num.io.threads": "1"]) { broker, disk in
            let connection = try await broker.connect()
            try await connection.createTopic("t", partitions: 8, Self.durable)
            disk.hold()
            for partition in Int32(0)..<8 {
                try await connection.send(
                    produceRequest(batch(["x"]), to: "t", partition: partition), version: ByName.produce,
                    correlationID: partition)
            }
            try await eventually("as many as may") { disk.waiting == 3 }
            // The one storage thread is not held up: it still appends.
            let last = try #require(broker.broker.topics.partition(TopicPartition(topic: "t", partition: 7)))
            try await eventually("the last one is in its log") { last.progress.offsets.logEnd == 1 }
            disk.release()
            for partition in Int32(0)..<8 {
                _ = try await connection.receive(
                    ProduceRequest.self, version: ByName.produce, correlationID: partition)
            }
            #expect(disk.mostWaiting == 3)
        }
    }

    /// What a connection's task does: it prefers an executor of its own, and so gives way wherever it comes back.
    @Test("whoever waits for the flush to end goes on when it ends just as the wait begins")
    func endsAsTheWaitBegins() async throws {
        try await withSlowDisk(["signalbox.flush.threads": "1"]) { broker, disk in
            let producer = try await broker.connect()
            try await producer.createTopic("t", Self.durable)
            let partition = try #require(broker.broker.topics.partition(TopicPartition(topic: "t", partition: 0)))
            disk.hold()
            try await producer.send(produceRequest(batch(["a"]), to: "t"), version: ByName.produce)
            try await eventually("the flush has begun") { disk.waiting == 1 }
            // The partition's thread finds the wait first and the end of the flush behind it.
            let gate = DispatchSemaphore(value: 0)
            defer { gate.signal() }
            partition.eventLoop.execute { gate.wait() }
            let executor = TurnCountingExecutor()
            let hasEnded = Mutex(false)
            let waiting = Task(executorPreference: executor) {
                await partition.flushEnd()
                hasEnded.withLock { $0 = true }
            }
            try await eventually("the wait is in line") { executor.turns == 1 }
            disk.release()
            try await partition.environment.flushThreads.runIfActive {}
            gate.signal()
            try await eventually("the wait has ended") { hasEnded.withLock { $0 } }
            await waiting.value
        }
    }

    @Test("topics that wait for the disk hold up no connection")
    func topicsWait() async throws {
        try await withSlowDisk(["num.network.threads": "1", "num.io.threads": "1"]) { broker, disk in
            let connection = try await broker.connect()
            let other = try await broker.connect()
            disk.hold()
            let topic = CreateTopicsRequest.CreatableTopic(name: "t", numPartitions: 1, replicationFactor: 1)
            try await connection.send(CreateTopicsRequest(topics: [topic], timeoutMs: 30_000), version: 5)
            try await eventually("the metadata log waits for the disk") { disk.waiting == 1 }
            #expect(try await other.call(ApiVersionsRequest(), version: 0).errorCode == .none)
            disk.release()
            let created = try await connection.receive(CreateTopicsRequest.self, version: 5)
            #expect(created.topics.map(\.errorCode) == [.none])
        }
    }

    @Test("a flush that fails answers everyone who waits with KAFKA_STORAGE_ERROR, and other partitions go on")
    func failure() async throws {
        try await RestartTests.withFolder { folder in
            let files = FaultyFileSystem(POSIXFileSystem())
            try await withBroker(in: folder, files: files) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t", partitions: 2, Self.durable)
                #expect(try await connection.produce(batch(["kept"]), to: "t").errorCode == .none)
                var plan = FaultPlan()
                plan.add(.sync, on: "t-0/00000000000000000000.log", .fail(errno: Errno.ioError.rawValue))
                files.use(plan)
                #expect(try await connection.produce(batch(["lost"]), to: "t").errorCode == .kafkaStorageError)
                #expect(try await connection.produce(batch(["later"]), to: "t").errorCode == .kafkaStorageError)
                #expect(try await connection.fetch(fetchRequest("t", from: 0)).errorCode == .kafkaStorageError)
                #expect(try await connection.listOffset(-1, of: "t").errorCode == .kafkaStorageError)
                let producers = try await connection.call(
                    DescribeProducersRequest(topics: [.init(name: "t", partitionIndexes: [0])]))
                #expect(producers.topics.first?.partitions.map(\.errorCode) == [.kafkaStorageError])
                #expect(try await connection.produce(batch(["b"]), to: "t", partition: 1).errorCode == .none)
                let partitions = try #require(try await connection.metadata(["t"]).topics.first).partitions
                #expect(partitions.map(\.errorCode) == [.leaderNotAvailable, .none])
                #expect(partitions.map(\.offlineReplicas) == [[1], []])
            }
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                #expect(try await connection.fetch(fetchRequest("t", from: 0)).texts.first == "kept")
                #expect(try await connection.fetch(fetchRequest("t", from: 0, partition: 1)).texts == ["b"])
            }
        }
    }
}

/// A thread for tasks that counts the turns that they took on it.
private final class TurnCountingExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "turns")
    private let count = Mutex(0)

    /// Turns that have ended.
    var turns: Int { count.withLock { $0 } }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async {
            job.runSynchronously(on: self.asUnownedTaskExecutor())
            self.count.withLock { $0 += 1 }
        }
    }
}
