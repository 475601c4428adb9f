import KafkaMessages
import KafkaRecords
import KafkaWire
import NIOCore
import TestSupport
import Testing
import Transactions

@testable import BrokerServer

@Suite("Transactions over the wire", .timeLimit(.minutes(5)))
struct TransactionWireTests {
    @Test(
        "committed records are seen when every marker is written, aborted ones never",
        arguments: 0...3 as ClosedRange<Int16>)
    func commitAndAbort(version: Int16) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let producer = try await connection.beginTransaction("x")
            for (sequence, commit) in [true, false, true].enumerated() {
                while try await connection.addPartition("t", to: "x", producer, version: version) != .none {
                    await Task.yield()
                }
                let produced = try await connection.produce(
                    "\(sequence)", to: "t", in: "x", producer, sequence: Int32(sequence), version: 9)
                #expect(produced.errorCode == .none)
                let ended = try await connection.endTransaction("x", producer, commit: commit, version: version)
                #expect(ended.errorCode == .none)
            }
            let seen = try await connection.committed("t")
            #expect(seen == ["0", "2"])
        }
    }

    @Test("from Produce 12 and EndTxn 5 on nobody adds partitions, and every end gives the next epoch (KIP-890)")
    func implicitAddition() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            var producer = try await connection.beginTransaction("x")
            for (number, commit) in [true, false, true].enumerated() {
                var produced = try await connection.produce("\(number)", to: "t", in: "x", producer, version: 12)
                // The markers of the transaction before may still be on their way: a client repeats its batch.
                while produced.errorCode == .concurrentTransactions {
                    await Task.yield()
                    produced = try await connection.produce("\(number)", to: "t", in: "x", producer, version: 12)
                }
                #expect(produced.errorCode == .none, "\(number): \(produced.errorMessage ?? "")")
                let ended = try await connection.endTransaction("x", producer, commit: commit, version: 5)
                #expect(ended.errorCode == .none)
                #expect(ended.producerEpoch == producer.epoch + 1)
                let again = try await connection.repeatEnd("x", producer, commit: commit, version: 5)
                #expect(again.errorCode == .none)
                #expect(again.producerEpoch == ended.producerEpoch)
                producer.epoch = ended.producerEpoch
            }
            let seen = try await connection.committed("t")
            #expect(seen == ["0", "2"])
        }
    }

    @Test("a batch whose partition was not added is refused as its version knows it")
    func verification() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let producer = try await connection.beginTransaction("x")
            let codes: [Int16: ErrorCode] = [9: .invalidTxnState, 10: .invalidTxnState, 11: .transactionAbortable]
            for (version, code) in codes {
                let refused = try await connection.produce("a", to: "t", in: "x", producer, version: version)
                #expect(refused.errorCode == code)
                #expect(refused.errorMessage?.isEmpty == false)
            }
            let stranger = ProducerIdentity(id: 4711, epoch: 0)
            let strange = try await connection.produce("a", to: "t", in: "x", stranger, version: 11)
            #expect(strange.errorCode == .invalidProducerIdMapping)
            let unnamed = try await connection.produce("a", to: "t", in: nil, producer, version: 11)
            #expect(unnamed.errorCode == .transactionalIdAuthorizationFailed)
            #expect(try await connection.committed("t") == [])
        }
    }

    @Test("transaction.partition.verification.enable=false takes the producer's word")
    func withoutVerification() async throws {
        try await withBroker(["transaction.partition.verification.enable": "false"]) { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let producer = try await connection.beginTransaction("x")
            #expect(try await connection.produce("a", to: "t", in: "x", producer, version: 9).errorCode == .none)
        }
    }

    @Test("a zombie is fenced everywhere, with the error that its version knows")
    func zombie() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let zombie = try await connection.beginTransaction("x")
            #expect(try await connection.addPartition("t", to: "x", zombie) == .none)
            _ = try await connection.produce("zombie", to: "t", in: "x", zombie, version: 9)
            let heir = try await connection.beginTransaction("x")
            #expect(heir.epoch == zombie.epoch + 2)
            for version: Int16 in [1, 2] {
                let code: ErrorCode = version < 2 ? .invalidProducerEpoch : .producerFenced
                #expect(try await connection.addPartition("t", to: "x", zombie, version: version) == code)
                #expect(try await connection.endTransaction("x", zombie, version: version).errorCode == code)
                let offsets = AddOffsetsToTxnRequest(
                    transactionalId: "x", producerId: zombie.id.rawValue, producerEpoch: zombie.epoch, groupId: "g")
                #expect(try await connection.call(offsets, version: version).errorCode == code)
            }
            for version: Int16 in [3, 4] {
                let claimed = InitProducerIdRequest(
                    transactionalId: "x", transactionTimeoutMs: 1000, producerId: zombie.id.rawValue,
                    producerEpoch: zombie.epoch)
                let code: ErrorCode = version < 4 ? .invalidProducerEpoch : .producerFenced
                #expect(try await connection.call(claimed, version: version).errorCode == code)
            }
            let late = try await connection.produce("late", to: "t", in: "x", zombie, sequence: 1, version: 12)
            #expect(late.errorCode == .invalidProducerEpoch)
            #expect(try await connection.committed("t") == [])
        }
    }

    @Test("what was decided before a stop is completed after the start; what was not goes on")
    func restart() async throws {
        try await withTemporaryDirectory { folder in
            let producer = try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t")
                let producer = try await connection.beginTransaction("x")
                _ = try await connection.produce("a", to: "t", in: "x", producer, version: 12)
                return producer
            }
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                let described = try await connection.call(DescribeTransactionsRequest(transactionalIds: ["x", "y"]))
                #expect(described.transactionStates.map(\.errorCode) == [.none, .transactionalIdNotFound])
                #expect(described.transactionStates[0].transactionState == "Ongoing")
                #expect(described.transactionStates[0].topics.map(\.topic) == ["t"])
                let more = try await connection.produce("b", to: "t", in: "x", producer, sequence: 1, version: 12)
                #expect(more.errorCode == .none)
                _ = try await connection.endTransaction("x", producer, version: 5)
            }
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                #expect(try await connection.committed("t") == ["a", "b"])
                let again = try await connection.repeatEnd("x", producer, version: 5)
                #expect(again.errorCode == .none, "what was committed is committed when it is said again")
                #expect(again.producerEpoch == producer.epoch + 1)
            }
        }
    }

    @Test("a transaction over its timeout is aborted and its producer fenced")
    func timeout() async throws {
        let settings = [
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": "20",
            // Whoever comes before the markers are written and the end is told waits for as long as it takes.
            "add.partitions.to.txn.retry.backoff.max.ms": "600000",
        ]
        try await withBroker(settings) { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let producer = try await connection.beginTransaction("x", timeout: 5_000)
            _ = try await connection.produce("late", to: "t", in: "x", producer, version: 12)
            broker.clock.advance(by: 5_001)
            #expect(try await connection.committed("t") == [])
            #expect(try await connection.endTransaction("x", producer).errorCode == .producerFenced)
            let late = try await connection.produce("late", to: "t", in: "x", producer, sequence: 1, version: 12)
            #expect(late.errorCode == .invalidProducerEpoch)
        }
    }

    @Test("version 4 adds and verifies several transactions at a time; one missing partition fails its transaction")
    func batches() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let first = try await connection.beginTransaction("x")
            let second = try await connection.beginTransaction("y")
            func ask(_ id: String, _ producer: ProducerIdentity, _ partitions: [Int32], verify: Bool = false)
                -> AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction
            {
                .init(
                    transactionalId: id, producerId: producer.id.rawValue, producerEpoch: producer.epoch,
                    verifyOnly: verify, topics: [.init(name: "t", partitions: partitions)])
            }
            func codes(_ transactions: AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction...) async throws
                -> [[ErrorCode]]
            {
                let response = try await connection.call(AddPartitionsToTxnRequest(transactions: transactions))
                return response.resultsByTransaction.map {
                    $0.topicResults.flatMap { $0.resultsByPartition.map(\.partitionErrorCode) }
                }
            }
            #expect(try await codes(ask("x", first, [0], verify: true)) == [[.transactionAbortable]])
            #expect(
                try await codes(ask("x", first, [0]), ask("y", second, [0, 1]))
                    == [[.none], [.operationNotAttempted, .unknownTopicOrPartition]])
            #expect(
                try await codes(ask("x", first, [0], verify: true), ask("y", second, [0], verify: true))
                    == [[.none], [.transactionAbortable]])
        }
    }

    @Test("clients add no partitions of the coordinators' own topics")
    func internalTopics() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let producer = try await connection.beginTransaction("x")
            #expect(
                try await connection.addPartition("__transaction_state", to: "x", producer)
                    == .topicAuthorizationFailed)
        }
    }

    @Test(
        "markers from outside end a transaction; partitions that are not there are told apart",
        arguments: 1...2 as ClosedRange<Int16>)
    func writeMarkers(version: Int16) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let producer = try await connection.beginTransaction("x")
            _ = try await connection.produce("a", to: "t", in: "x", producer, version: 12)
            let request = WriteTxnMarkersRequest(markers: [
                .init(
                    producerId: producer.id.rawValue, producerEpoch: producer.epoch, transactionResult: false,
                    topics: [.init(name: "t", partitionIndexes: [0, 7])], coordinatorEpoch: 0)
            ])
            let response = try await connection.call(request, version: version)
            let partitions = try #require(response.markers.first?.topics.first?.partitions)
            #expect(partitions.map(\.errorCode) == [.none, .unknownTopicOrPartition])
            #expect(try await connection.committed("t") == [])
        }
    }

    @Test("transactions are listed by state, age and pattern")
    func list() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let producer = try await connection.beginTransaction("orders-1")
            _ = try await connection.beginTransaction("payments-1")
            _ = try await connection.produce("a", to: "t", in: "orders-1", producer, version: 12)
            broker.clock.advance(by: 5_000)
            func ids(_ request: ListTransactionsRequest) async throws -> [String] {
                try await connection.call(request).transactionStates.map(\.transactionalId)
            }
            #expect(try await ids(.init()) == ["orders-1", "payments-1"])
            #expect(try await ids(.init(stateFilters: ["Ongoing"])) == ["orders-1"])
            #expect(try await ids(.init(durationFilter: 4_000)) == ["orders-1"])
            #expect(try await ids(.init(transactionalIdPattern: "pay.*")) == ["payments-1"])
            let broken = try await connection.call(ListTransactionsRequest(transactionalIdPattern: "("))
            #expect(broken.errorCode == .invalidRegularExpression)
        }
    }

    @Test("a timeout above transaction.max.timeout.ms is refused")
    func timeoutBound() async throws {
        try await withBroker(["transaction.max.timeout.ms": "1000"]) { broker in
            let connection = try await broker.connect()
            _ = try await connection.call(FindCoordinatorRequest(keyType: 1, coordinatorKeys: ["x"]))
            let request = InitProducerIdRequest(transactionalId: "x", transactionTimeoutMs: 1001)
            #expect(try await connection.call(request).errorCode == .invalidTransactionTimeout)
        }
    }

    @Test("ApiVersions says that ends raise the epoch, and from version 4 on which versions there are")
    func features() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let request = ApiVersionsRequest(clientSoftwareName: "test", clientSoftwareVersion: "1")
            let third = try await connection.call(request, version: 3)
            #expect(third.supportedFeatures.isEmpty)
            let fourth = try await connection.call(request, version: 4)
            let finalized = fourth.finalizedFeatures.map { "\($0.name)=\($0.maxVersionLevel)" }
            #expect(finalized == ["group.version=1", "transaction.version=2"])
            #expect(fourth.supportedFeatures.map(\.maxVersion) == [1, 2])
        }
    }
}
