import KafkaMessages
import KafkaWire
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import KafkaClient

@Suite("Transactional producer on loopback", .timeLimit(.minutes(5)))
struct TransactionalProducerTests {
    private let partition = TopicPartition(topic: "t", partition: 0)

    private func withProducer(
        _ broker: FakeBroker, _ id: String? = "tx", linger: Duration = .zero,
        _ body: @Sendable @escaping (KafkaProducer) async throws -> Void
    ) async throws {
        var configuration = KafkaProducerConfiguration(bootstrapServers: [broker.address])
        configuration.client.retryBackoff = .milliseconds(2)
        configuration.client.retryBackoffMax = .milliseconds(20)
        configuration.client.reconnectBackoff = .milliseconds(2)
        configuration.client.reconnectBackoffMax = .milliseconds(20)
        // Longer than any test: how fast the machine is decides nothing.
        configuration.maxBlock = .seconds(600)
        configuration.closeTimeout = .seconds(600)
        configuration.transactionalID = id
        configuration.linger = linger
        let producer = try KafkaProducer(configuration: configuration)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await producer.run() }
            do {
                try await body(producer)
            } catch {
                producer.beginShutdown()
                throw error
            }
            producer.beginShutdown()
            try await group.waitForAll()
        }
    }

    private func record(_ value: String, _ partition: Int32? = 0) -> ProducerRecord {
        ProducerRecord(topic: "t", partition: partition, key: nil, value: value)
    }

    @Test("a transaction commits records of several partitions and offsets together", arguments: [0, 2] as [Int16])
    func commit(version: Int16) async throws {
        try await FakeBroker(transactionVersion: version).run { broker in
            try await withProducer(broker) { producer in
                try await producer.initTransactions()
                for round in 0..<3 {
                    try await producer.beginTransaction()
                    for number in 0..<20 {
                        try await producer.enqueue(record("\(round)-\(number)", Int32(number % 2)))
                    }
                    try await producer.sendOffsets(
                        [partition: CommittedOffset(offset: Offset(Int64(round + 1) * 10))],
                        of: ConsumerGroupMetadata(groupID: "g", generation: 3, memberID: "m"))
                    try await producer.commitTransaction()
                }
            }
            broker.withState { state in
                #expect(state.transactions.committed[partition] == 30)
                // Ten records and a marker per transaction.
                #expect(state.logs[partition]?.next == 33)
                #expect(state.transactions.entries["tx"]?.epoch == (version == 2 ? 3 : 0))
                #expect((state.requests[.addPartitionsToTxn] == nil) == (version == 2), "partitions join by a write")
                #expect(state.requests[.addOffsetsToTxn] == (version == 2 ? nil : 3))
            }
        }
    }

    @Test("an abort drops what waits, and the next transaction goes on", arguments: [0, 2] as [Int16])
    func abort(version: Int16) async throws {
        try await FakeBroker(transactionVersion: version).run { broker in
            try await withProducer(broker) { producer in
                try await producer.initTransactions()
                try await producer.beginTransaction()
                try await producer.send(record("aborted"))
                try await producer.abortTransaction()
                try await producer.beginTransaction()
                try await producer.send(record("committed"))
                try await producer.commitTransaction()
                try await producer.beginTransaction()
                try await producer.commitTransaction()
                try await producer.beginTransaction()
                try await producer.abortTransaction()
            }
            broker.withState { state in
                #expect(state.transactions.aborted[partition]?.count == 1)
                #expect(state.logs[partition]?.next == 4)
                #expect(state.requests[.endTxn] == 2, "an empty transaction needs no end")
            }
        }
    }

    @Test("withTransaction commits when its body returns and aborts when it throws", arguments: [0, 2] as [Int16])
    func scoped(version: Int16) async throws {
        struct Refused: Error {}
        try await FakeBroker(transactionVersion: version).run { broker in
            try await withProducer(broker) { producer in
                try await producer.initTransactions()
                let value = try await producer.withTransaction { transaction in
                    try await transaction.send(record("a"))
                    return 7
                }
                #expect(value == 7)
                await #expect(throws: Refused.self) {
                    try await producer.withTransaction { transaction in
                        try await transaction.send(record("b"))
                        throw Refused()
                    }
                }
                try await producer.withTransaction { try await $0.enqueue(record("c")) }
            }
            broker.withState { state in
                #expect(state.transactions.aborted[partition]?.map(\.first) == [2])
                #expect(state.logs[partition]?.next == 6)
            }
        }
    }

    @Test("calls that do not fit the state are refused and change nothing")
    func wrongOrder() async throws {
        @Sendable func isRefused(_ error: any Error) -> Bool {
            (error as? KafkaError)?.code == .invalidTransactionState
        }
        try await FakeBroker().run { broker in
            try await withProducer(broker) { producer in
                await #expect { try await producer.beginTransaction() } throws: { isRefused($0) }
                try await producer.initTransactions()
                await #expect { try await producer.initTransactions() } throws: { isRefused($0) }
                await #expect { try await producer.send(record("x")) } throws: { isRefused($0) }
                await #expect { try await producer.commitTransaction() } throws: { isRefused($0) }
                await #expect { try await producer.abortTransaction() } throws: { isRefused($0) }
                try await producer.beginTransaction()
                await #expect { try await producer.beginTransaction() } throws: { isRefused($0) }
                try await producer.send(record("x"))
                try await producer.commitTransaction()
            }
            try await withProducer(broker, nil) { producer in
                await #expect { try await producer.initTransactions() } throws: { isRefused($0) }
            }
            #expect(broker.withState { $0.logs[partition]?.next } == 2)
        }
    }

    @Test("a newer producer of the same name fences the older one, whose error is fatal", arguments: [0, 2] as [Int16])
    func fencing(version: Int16) async throws {
        try await FakeBroker(transactionVersion: version).run { broker in
            try await withProducer(broker) { zombie in
                try await zombie.initTransactions()
                try await zombie.beginTransaction()
                try await zombie.send(record("zombie"))
                try await withProducer(broker) { successor in
                    try await successor.initTransactions()
                    try await successor.withTransaction { try await $0.send(record("successor")) }
                }
                await #expect {
                    try await zombie.commitTransaction()
                } throws: { error in
                    (error as? KafkaError)?.errorCode == .producerFenced
                        && (error as? KafkaError)?.transactionEffect == .fatal
                }
                await #expect {
                    try await zombie.abortTransaction()
                } throws: { error in
                    (error as? KafkaError)?.transactionEffect == .fatal
                }
            }
            #expect(broker.withState { $0.transactions.aborted[partition]?.map(\.first) } == [0])
        }
    }

    @Test("a record that is refused makes the commit throw; after the abort the next transaction has a new epoch")
    func failedDelivery() async throws {
        let broker = FakeBroker { $0 == 2 ? .error(.invalidRecord) : nil }
        try await broker.run { broker in
            try await withProducer(broker) { producer in
                try await producer.initTransactions()
                try await producer.beginTransaction()
                try await producer.send(record("a"))
                try await producer.enqueue(record("refused"))
                await #expect {
                    try await producer.commitTransaction()
                } throws: { error in
                    (error as? KafkaError)?.errorCode == .invalidRecord
                        && (error as? KafkaError)?.transactionEffect == .abortable
                }
                await #expect { try await producer.send(record("too late")) } throws: { error in
                    (error as? KafkaError)?.transactionEffect == .abortable
                }
                try await producer.abortTransaction()
                try await producer.withTransaction { try await $0.send(record("b")) }
                try await producer.flush()
            }
            #expect(broker.withState { $0.transactions.entries["tx"]?.epoch } == 1)
            #expect(broker.withState { $0.transactions.aborted[partition]?.count } == 1)
        }
    }

    @Test(
        "no commit passes a refused record, also while the result beside it is being told",
        arguments: [0, 1] as [Int32])
    func refusalDuringCommit(refused: Int32) async throws {
        try await FakeBroker(transactionVersion: 2).run { broker in
            broker.withState { $0.refusals[TopicPartition(topic: "t", partition: refused)] = .invalidRecord }
            // Both records go in one request, once the commit asks for them.
            try await withProducer(broker, linger: .seconds(30)) { producer in
                let transactions = try #require(producer.core.transactions)
                try await producer.initTransactions()
                try await producer.beginTransaction()
                for number in 0..<Int32(2) {
                    try await producer.enqueue(record("\(number)", number)) { result in
                        guard case .success = result else { return }
                        // Every record has its result by now, and the driver looks from another thread.
                        transactions.wake()
                        let deadline = ContinuousClock.now + .seconds(1)
                        while transactions.machine.phase == .committing, .now < deadline {}
                    }
                }
                await #expect { try await producer.commitTransaction() } throws: { error in
                    (error as? KafkaError)?.errorCode == .invalidRecord
                }
                try await producer.abortTransaction()
            }
            #expect(broker.withState { $0.transactions.aborted.count } == 1)
        }
    }

    /// A transaction with one batch under way, which is refused, to be sent again, once `answered` is fulfilled.
    private func withBatchUnderWay(
        _ body: @Sendable @escaping (FakeBroker, KafkaProducer, _ answered: EventLoopPromise<Void>) async throws -> Void
    ) async throws {
        let answered = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        defer { answered.succeed() }
        let broker = FakeBroker(transactionVersion: 2) { request in
            request == 1 ? .held(answered.futureResult, .notEnoughReplicas) : nil
        }
        try await broker.run { broker in
            try await withProducer(broker) { producer in
                try await producer.initTransactions()
                try await producer.beginTransaction()
                try await producer.enqueue(record("x"))
                try await eventually("the batch is under way") { broker.withState { $0.requests[.produce] } == 1 }
                try await body(broker, producer, answered)
            }
        }
    }

    @Test("a commit that waits for its records is told of the abort that comes before it")
    func abortOfCommit() async throws {
        try await withBatchUnderWay { broker, producer, answered in
            let transactions = try #require(producer.core.transactions)
            let commit = Task { try await producer.commitTransaction() }
            try await eventually("the commit has begun") { transactions.machine.phase == .committing }
            let next = Task { try await producer.beginTransaction() }
            let aborted = Task { try await producer.abortTransaction() }
            try await eventually("the abort has begun") { transactions.machine.phase == .aborting }
            answered.succeed()
            await #expect {
                try await commit.value
            } throws: { error in
                (error as? KafkaError)?.code == .transactionAborted
            }
            try await aborted.value
            try await next.value
            try await producer.abortTransaction()
            #expect(broker.withState { $0.transactions.committed[partition] } == nil)
        }
    }

    @Test("a request that the coordinator refuses while the abort waits for it is made up for by the abort")
    func refusalDuringAbort() throws {
        var machine = TransactionStateMachine(transactionalID: "x")
        try machine.initialise()
        _ = machine.initialised(.init(producerID: 1, epoch: 0))
        try machine.begin()
        #expect(try machine.admit(partition))
        guard case .send(let request) = machine.next(isDrained: true, hasGap: false) else {
            Issue.record("the partition is to be added")
            return
        }
        _ = try machine.beginAbort()
        let (verdict, outcomes) = machine.failed(request, .broker(.topicAuthorizationFailed, ""))
        #expect(verdict == .abortable && outcomes.isEmpty && machine.phase == .aborting)
        guard case .send(.end(commit: false)) = machine.next(isDrained: true, hasGap: false) else {
            Issue.record("the abort goes on")
            return
        }
    }

    @Test("an abort does not wait for a batch that would have to be sent again")
    func abortOfRetriedBatch() async throws {
        try await withBatchUnderWay { _, producer, answered in
            async let aborted: Void = producer.abortTransaction()
            let transactions = try #require(producer.core.transactions)
            try await eventually("the abort has begun") { transactions.machine.phase == .aborting }
            // The driver has looked since, and waits for the batch under way, when the answer comes.
            transactions.wake()
            try await eventually("the driver waits") { transactions.isWaiting }
            answered.succeed()
            try await aborted
            try await producer.withTransaction { try await $0.send(record("y")) }
        }
    }

    @Test(
        "what the coordinator is still busy with is asked again",
        arguments: [APIKey.initProducerId, .addPartitionsToTxn, .addOffsetsToTxn, .txnOffsetCommit, .endTxn])
    func busy(key: APIKey) async throws {
        try await FakeBroker().run { broker in
            broker.withState {
                $0.transactions.script[key] = [
                    .concurrentTransactions, .notCoordinator, .coordinatorLoadInProgress,
                ]
            }
            try await withProducer(broker) { producer in
                try await producer.initTransactions()
                try await producer.withTransaction { transaction in
                    try await transaction.send(record("x"))
                    try await transaction.sendOffsets(
                        [partition: CommittedOffset(offset: 5)], of: ConsumerGroupMetadata(groupID: "g"))
                }
            }
            #expect(broker.withState { $0.transactions.committed[partition] } == 5)
            #expect(broker.withState { $0.requests[key] } == 4)
        }
    }

    @Test(
        "errors that an abort helps with are abortable",
        arguments: [
            (APIKey.addPartitionsToTxn, ErrorCode.transactionAbortable),
            (.addPartitionsToTxn, .topicAuthorizationFailed),
            (.addOffsetsToTxn, .groupAuthorizationFailed), (.txnOffsetCommit, .illegalGeneration),
            (.txnOffsetCommit, .unknownMemberId), (.txnOffsetCommit, .fencedInstanceId),
            (.endTxn, .transactionAbortable), (.addOffsetsToTxn, .invalidProducerIdMapping),
        ])
    func abortable(key: APIKey, code: ErrorCode) async throws {
        try await FakeBroker().run { broker in
            broker.withState { $0.transactions.script[key] = [code] }
            try await withProducer(broker) { producer in
                try await producer.initTransactions()
                await #expect {
                    try await producer.withTransaction { transaction in
                        try await transaction.enqueue(record("x"))
                        try await transaction.sendOffsets(
                            [partition: CommittedOffset(offset: 5)], of: ConsumerGroupMetadata(groupID: "g"))
                    }
                } throws: { error in
                    (error as? KafkaError)?.errorCode == code
                        && (error as? KafkaError)?.transactionEffect == .abortable
                }
                try await producer.withTransaction { try await $0.send(record("y")) }
            }
            #expect(broker.withState { $0.transactions.committed[partition] } == nil)
        }
    }

    @Test("a stop aborts the transaction that is open")
    func stop() async throws {
        try await FakeBroker().run { broker in
            try await withProducer(broker) { producer in
                try await producer.initTransactions()
                try await producer.beginTransaction()
                try await producer.send(record("x"))
            }
            #expect(broker.withState { $0.transactions.aborted[partition]?.count } == 1)
        }
    }

    @Test("broken connections commit every transaction once", arguments: [0, 2] as [Int16])
    func brokenConnections(version: Int16) async throws {
        let broker = FakeBroker(transactionVersion: version) { request in
            switch request % 4 {
            case 1: .dropAfter
            case 2: .dropBefore
            default: nil
            }
        }
        try await broker.run { broker in
            try await withProducer(broker) { producer in
                try await producer.initTransactions()
                for round in 0..<10 {
                    try await producer.withTransaction { try await $0.send(record("\(round)")) }
                }
            }
            #expect(broker.withState { $0.logs[partition]?.next } == 20)
        }
    }
}
