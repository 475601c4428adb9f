import KafkaRecords
import KafkaWire
import Logging
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import KafkaClient

@Suite("Producer and consumer on loopback", .timeLimit(.minutes(5)))
struct LoopbackTests {
    private let partition = TopicPartition(topic: "t", partition: 0)

    private func producerConfiguration(_ address: String) -> KafkaProducerConfiguration {
        var configuration = KafkaProducerConfiguration(bootstrapServers: [address])
        configuration.client.retryBackoff = .milliseconds(2)
        configuration.client.retryBackoffMax = .milliseconds(20)
        configuration.client.reconnectBackoff = .milliseconds(2)
        configuration.client.reconnectBackoffMax = .milliseconds(20)
        // Longer than any test: how fast the machine is decides nothing.
        configuration.maxBlock = .seconds(600)
        configuration.deliveryTimeout = .seconds(600)
        configuration.closeTimeout = .seconds(600)
        return configuration
    }

    /// Runs a producer for the time of `body`.
    @discardableResult
    private func withProducer<Value: Sendable>(
        _ configuration: KafkaProducerConfiguration, _ body: (KafkaProducer) async throws -> Value
    ) async throws -> Value {
        // Without the tracer that another test may have installed for the process.
        let producer = try KafkaProducer(
            configuration: configuration, eventLoopGroup: .singletonMultiThreadedEventLoopGroup,
            logger: Logger(label: "test"), tracing: ProducerTracing(clientID: "test", isEnabled: false))
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await producer.run() }
            let value = try await body(producer)
            producer.beginShutdown()
            try await group.waitForAll()
            return value
        }
    }

    /// Reads until `count` records are there.
    private func read(
        _ count: Int, _ address: String, from start: KafkaStartPosition = .earliest,
        reset: KafkaConsumerConfiguration.AutoOffsetReset = .earliest
    ) async throws -> [ConsumerRecord] {
        var configuration = KafkaConsumerConfiguration(
            client: KafkaClientConfiguration(bootstrapServers: [address]), mode: .assigned([partition: start]))
        configuration.fetchMaxWait = .milliseconds(10)
        configuration.autoOffsetReset = reset
        let consumer = try KafkaConsumer(configuration: configuration)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await consumer.run() }
            var records: [ConsumerRecord] = []
            for try await batch in consumer.batches {
                records += batch.records
                if records.count >= count { consumer.beginShutdown() }
            }
            try await group.waitForAll()
            return records
        }
    }

    @Test("what is sent is read with the same offsets, keys and headers", arguments: Compression.allCases)
    func roundTrip(compression: Compression) async throws {
        try await FakeBroker().run { broker in
            var configuration = producerConfiguration(broker.address)
            configuration.compression = compression
            let metadata = try await withProducer(configuration) { producer in
                try await producer.send(
                    (0..<50).map { number in
                        ProducerRecord(
                            topic: "t", partition: 0, key: "k\(number)", value: "v\(number)",
                            headers: [RecordHeader(name: "h", value: ByteBuffer(integer: number))], timestamp: 7)
                    })
            }
            #expect(metadata.map(\.offset) == (0..<50).map { Offset($0) })
            let records = try await read(50, broker.address)
            #expect(records.map(\.offset) == (0..<50).map { Offset($0) })
            #expect(records.map { $0.key.map { String(buffer: $0) } } == (0..<50).map { "k\($0)" })
            #expect(records.allSatisfy { $0.headers.count == 1 && $0.timestamp == 7 })
        }
    }

    @Test("lost connections and refused batches lose and double nothing")
    func faults() async throws {
        let broker = FakeBroker { request in
            switch request % 5 {
            case 1: .dropAfter
            case 2: .dropBefore
            case 3: .error(.notLeaderOrFollower)
            default: nil
            }
        }
        try await broker.run { broker in
            var configuration = producerConfiguration(broker.address)
            configuration.batchSizeBytes = 200
            let metadata = try await withProducer(configuration) { producer in
                try await producer.send(
                    (0..<60).map { ProducerRecord(topic: "t", partition: 0, key: nil, value: "\($0)") })
            }
            let records = try await read(60, broker.address)
            #expect(records.map { $0.value.map { String(buffer: $0) } } == (0..<60).map { "\($0)" })
            #expect(metadata.compactMap(\.offset) == records.map(\.offset))
        }
    }

    @Test("a partition without a leader is asked after until it has one, and what waits is sent")
    func leaderless() async throws {
        try await FakeBroker().run { broker in
            let configuration = producerConfiguration(broker.address)
            try await withProducer(configuration) { producer in
                let record = ProducerRecord(topic: "t", partition: 0, key: nil, value: "x")
                let first = try await producer.send(record)
                #expect(first.offset == 0)
                broker.withState { $0.leaderlessAnswers = 3 }
                let second = try await producer.send(record)
                #expect(second.offset == 1)
            }
        }
    }

    @Test("enqueue waits while the buffer is full, and each record has one result")
    func backPressure() async throws {
        try await FakeBroker().run { broker in
            var configuration = producerConfiguration(broker.address)
            configuration.batchSizeBytes = 256
            configuration.bufferMemoryBytes = 1024
            let counter = Counter()
            try await withProducer(configuration) { producer in
                for number in 0..<500 {
                    try await producer.enqueue(
                        ProducerRecord(topic: "t", key: nil, value: "record \(number)")
                    ) { _ in counter.increment() }
                }
                try await producer.flush()
            }
            #expect(counter.value == 500)
        }
    }

    @Test("submitted records are acknowledged by batch, in the order they were handed over")
    func submit() async throws {
        try await FakeBroker().run { broker in
            var configuration = producerConfiguration(broker.address)
            configuration.batchSizeBytes = 256
            try await withProducer(configuration) { producer in
                let records = (0..<1200).map {
                    ProducerRecord(topic: "t", partition: Int32($0 / 300 % 2), key: nil, value: "record \($0)")
                }
                let pending = try await producer.submit(records)
                #expect(pending.count == 1200)
                let parts = try await pending.acknowledgements()
                #expect(parts.flatMap { Array($0.indices) } == Array(0..<1200))
                #expect(parts.count < 400, "one per batch")
                for part in parts {
                    let number: Int32 = part.indices.lowerBound / 300 % 2 == 0 ? 0 : 1
                    #expect(part.topicPartition.partition == number)
                }
                for part in parts {
                    let first = Int64(part.indices.lowerBound)
                    let expected = first / 600 * 300 + first % 300
                    #expect(part.baseOffset?.rawValue == expected)
                    let last = Int64(part.indices.count) - 1
                    #expect(part.offset(at: part.indices.upperBound - 1) == part.baseOffset.map { $0 + last })
                }
                #expect(try await producer.submit([]).acknowledgements().isEmpty)
            }
        }
    }

    @Test("records enqueued together are all written, and their failure is the next flush's")
    func enqueueMany() async throws {
        try await FakeBroker().run { broker in
            var configuration = producerConfiguration(broker.address)
            configuration.bufferMemoryBytes = 32 * 1024
            try await withProducer(configuration) { producer in
                try await producer.enqueue(
                    (0..<2000).map { ProducerRecord(topic: "t", partition: 0, key: nil, value: "\($0)") })
                try await producer.flush()
            }
            let records = try await read(2000, broker.address)
            #expect(records.map { $0.value.map { String(buffer: $0) } } == (0..<2000).map { "\($0)" })
        }
        try await FakeBroker { _ in .error(.invalidRecord) }.run { broker in
            try await withProducer(producerConfiguration(broker.address)) { producer in
                try await producer.enqueue([ProducerRecord(topic: "t", partition: 0, key: nil, value: "x")])
                await #expect(throws: KafkaError.self) { try await producer.flush() }
                try await producer.flush()
            }
        }
    }

    @Test("a record that is refused stops the call, and those before it are written")
    func refusedInTheMiddle() async throws {
        try await FakeBroker().run { broker in
            try await withProducer(producerConfiguration(broker.address)) { producer in
                let partitions: [Int32] = [0, 0, 99, 0]
                await #expect {
                    try await producer.send(
                        partitions.map { ProducerRecord(topic: "t", partition: $0, key: nil, value: "x") })
                } throws: { error in
                    (error as? KafkaError)?.code == .invalidArgument
                }
            }
            #expect(broker.withState { $0.logs[partition]?.next } == 2)
        }
    }

    @Test("a stop without a broker ends after closeTimeout, and what is left fails as closed")
    func closeTimeout() async throws {
        let results = Mutex<[KafkaError.Code?]>([])
        try await FakeBroker { _ in .dropBefore }.run { broker in
            var configuration = producerConfiguration(broker.address)
            configuration.closeTimeout = .milliseconds(50)
            try await withProducer(configuration) { producer in
                try await producer.enqueue(ProducerRecord(topic: "t", partition: 0, key: nil, value: "x")) { result in
                    let code: KafkaError.Code? = if case .failure(let error) = result { error.code } else { nil }
                    results.withLock { $0.append(code) }
                }
            }
        }
        #expect(results.withLock { $0 } == [.closed])
    }

    @Test("leaving the loop over batches does not hold up a stop")
    func leavingTheLoop() async throws {
        try await FakeBroker().run { broker in
            try await withProducer(producerConfiguration(broker.address)) { producer in
                _ = try await producer.send(ProducerRecord(topic: "t", partition: 0, key: nil, value: "x"))
            }
            var configuration = KafkaConsumerConfiguration(
                client: KafkaClientConfiguration(bootstrapServers: [broker.address]),
                mode: .assigned([partition: .earliest]))
            configuration.stopTimeout = .seconds(600)
            let consumer = try KafkaConsumer(configuration: configuration)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await consumer.run() }
                for try await batch in consumer.batches where !batch.records.isEmpty { break }
                consumer.beginShutdown()
                try await group.waitForAll()
            }
        }
    }

    @Test("acks = 0 needs no answers")
    func unacknowledged() async throws {
        try await FakeBroker().run { broker in
            var configuration = producerConfiguration(broker.address)
            configuration.acks = .none
            configuration.enableIdempotence = false
            let metadata = try await withProducer(configuration) { producer in
                try await producer.send(ProducerRecord(topic: "t", partition: 0, key: nil, value: "x"))
            }
            #expect(metadata.offset == nil)
            #expect(try await read(1, broker.address).count == 1)
        }
    }

    @Test("an error no retry can help comes back at once, with its partition")
    func refused() async throws {
        let broker = FakeBroker { _ in .error(.invalidRecord) }
        try await broker.run { broker in
            try await withProducer(producerConfiguration(broker.address)) { producer in
                await #expect {
                    try await producer.send(ProducerRecord(topic: "t", partition: 0, key: nil, value: "x"))
                } throws: { error in
                    let error = error as? KafkaError
                    return error?.errorCode == .invalidRecord && error?.topicPartition == partition
                        && error?.isRetriable == false
                }
            }
        }
    }

    @Test("without a broker a call fails after its patience, retriably and with the reason; nothing crashes")
    func unreachable() async throws {
        // Nobody listens there, and no other test is given it meanwhile, as one that was just free may be.
        let free = "127.0.0.1:1"
        var configuration = producerConfiguration(free)
        configuration.maxBlock = .milliseconds(50)
        try await withProducer(configuration) { producer in
            await #expect {
                try await producer.send(ProducerRecord(topic: "t", key: nil, value: "x"))
            } throws: { error in
                let error = error as? KafkaError
                return error?.code == .metadataUnavailable && error?.isRetriable == true
                    && "\(error?.cause ?? KafkaError(.closed, ""))".contains(free)
            }
        }
    }

    @Test("a position outside the log goes where the reset policy says, or ends the consumer")
    func outOfRange() async throws {
        try await FakeBroker().run { broker in
            try await withProducer(producerConfiguration(broker.address)) { producer in
                _ = try await producer.send(ProducerRecord(topic: "t", partition: 0, key: nil, value: "x"))
            }
            #expect(try await read(1, broker.address, from: .offset(99)).first?.offset == 0)
            await #expect {
                _ = try await read(1, broker.address, from: .offset(99), reset: .none)
            } throws: { error in
                (error as? KafkaError)?.code == .noPosition
            }
        }
    }

    @Test("after a stop calls fail as closed, and what was accepted before is written")
    func stop() async throws {
        try await FakeBroker().run { broker in
            var configuration = producerConfiguration(broker.address)
            configuration.linger = .seconds(60)
            let producer = try KafkaProducer(configuration: configuration)
            try await producer.enqueue(ProducerRecord(topic: "t", partition: 0, key: nil, value: "x"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await producer.run() }
                producer.beginShutdown()
                try await group.waitForAll()
            }
            #expect(try await read(1, broker.address).count == 1)
            await #expect {
                try await producer.send(ProducerRecord(topic: "t", partition: 0, key: nil, value: "y"))
            } throws: { error in
                (error as? KafkaError)?.code == .closed
            }
        }
    }

    /// Counts calls from any thread.
    private final class Counter: Sendable {
        private let count = Mutex(0)
        var value: Int { count.withLock { $0 } }
        func increment() { count.withLock { $0 += 1 } }
    }
}
