import KafkaMessages
import KafkaWire
import Storage
import SystemPackage
import Testing

@testable import BrokerServer

@Suite("A disk that fails", .timeLimit(.minutes(5)))
struct DiskFaultTests {
    private static let full = FaultPlan.Fault.fail(errno: Errno.noSpace.rawValue)

    @Test("a topic whose folders cannot be made is not there, and can be made when the disk has room again")
    func creation() async throws {
        try await RestartTests.withFolder { folder in
            let files = FaultyFileSystem(POSIXFileSystem())
            try await withBroker(in: folder, files: files) { broker in
                let connection = try await broker.connect()
                var plan = FaultPlan()
                plan.add(.makeFolder, on: "/t-1", Self.full)
                files.use(plan)
                let topic = CreateTopicsRequest.CreatableTopic(name: "t", numPartitions: 3, replicationFactor: 1)
                let failed = try await connection.call(CreateTopicsRequest(topics: [topic]))
                #expect(failed.topics.map(\.errorCode) == [.kafkaStorageError])
                #expect(try await connection.metadata(nil).topics.isEmpty)
                let made = try await connection.call(CreateTopicsRequest(topics: [topic]))
                #expect(made.topics.map(\.errorCode) == [.none])
                #expect(try await connection.produce(batch(["x"]), to: "t", partition: 1).baseOffset == 0)
            }
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                #expect(try await connection.metadata(nil).topics.map(\.partitions.count) == [3])
                #expect(try await connection.fetch(fetchRequest("t", from: 0, partition: 1)).texts == ["x"])
            }
        }
    }

    @Test("a coordinator whose topic cannot be made is not available, and is when the disk has room again")
    func coordinator() async throws {
        try await RestartTests.withFolder { folder in
            let files = FaultyFileSystem(POSIXFileSystem())
            try await withBroker(in: folder, files: files) { broker in
                let connection = try await broker.connect()
                for (type, name) in [(0, "consumer_offsets"), (1, "transaction_state")] as [(Int8, String)] {
                    var plan = FaultPlan()
                    plan.add(.makeFolder, on: "/__\(name)-0", Self.full)
                    files.use(plan)
                    let request = FindCoordinatorRequest(keyType: type, coordinatorKeys: ["k"])
                    let failed = try await connection.call(request)
                    #expect(failed.coordinators.map(\.errorCode) == [.coordinatorNotAvailable])
                    #expect(try await connection.call(request).coordinators.map(\.errorCode) == [.none])
                }
            }
        }
    }

    @Test("a partition that was deleted has not failed, whatever still comes to it")
    func deleted() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let place = TopicPartition(topic: "t", partition: 0)
            let partition = try #require(broker.broker.topics.partition(place))
            _ = try await connection.deleteTopic("t")
            await #expect(throws: StorageError.self) { try await partition.applyRetention() }
            #expect(!partition.isOffline)
        }
    }

    @Test("a batch that does not fit on the disk is refused, nothing of it is read, and the next one is taken")
    func append() async throws {
        try await RestartTests.withFolder { folder in
            let files = FaultyFileSystem(POSIXFileSystem())
            try await withBroker(in: folder, files: files) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t")
                #expect(try await connection.produce(batch(["a"]), to: "t").errorCode == .none)
                var plan = FaultPlan()
                plan.add(.write, on: ".log", .tear(keeping: 20, errno: Errno.noSpace.rawValue))
                files.use(plan)
                #expect(try await connection.produce(batch(["lost"]), to: "t").errorCode == .kafkaStorageError)
                #expect(try await connection.produce(batch(["b"]), to: "t").baseOffset == 1)
                #expect(try await connection.fetch(fetchRequest("t", from: 0)).texts == ["a", "b"])
            }
        }
    }
}
