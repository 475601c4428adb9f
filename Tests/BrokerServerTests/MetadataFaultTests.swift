import KafkaMessages
import KafkaWire
import Storage
import SystemPackage
import Testing

@testable import BrokerServer

@Suite("Faults of the metadata log and of deletions", .timeLimit(.minutes(5)))
struct MetadataFaultTests {
    @Test("a metadata log that cannot be made durable refuses changes with KAFKA_STORAGE_ERROR, reads and writes go on")
    func metadataFlush() async throws {
        try await RestartTests.withFolder { folder in
            let files = FaultyFileSystem(POSIXFileSystem())
            try await withBroker(in: folder, files: files) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t")
                _ = try await connection.produce(batch(["a"]), to: "t")
                var plan = FaultPlan()
                plan.add(.sync, on: "__cluster_metadata-0/00000000000000000000.log", .fail(errno: 5))
                files.use(plan)
                for name in ["u", "v"] {
                    let response = try await connection.call(
                        CreateTopicsRequest(topics: [.init(name: name, numPartitions: 1, replicationFactor: 1)]))
                    #expect(response.topics.map(\.errorCode) == [.kafkaStorageError])
                }
                let grown = try await connection.call(
                    CreatePartitionsRequest(topics: [.init(name: "t", count: 2, assignments: nil)]))
                #expect(grown.results.map(\.errorCode) == [.kafkaStorageError])
                #expect(try await connection.deleteTopic("t").errorCode == .kafkaStorageError)
                #expect(try await connection.produce(batch(["b"]), to: "t").baseOffset == 1)
                #expect(try await connection.fetch(fetchRequest("t", from: 0)).texts == ["a", "b"])
                #expect(try await connection.metadata(nil).topics.map(\.name) == ["t"])
            }
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                #expect(try await connection.fetch(fetchRequest("t", from: 0)).texts == ["a", "b"])
                try await connection.createTopic("w")
            }
        }
    }

    @Test("a partition whose folder cannot be removed keeps no other from being deleted")
    func deletion() async throws {
        try await RestartTests.withFolder { folder in
            let files = FaultyFileSystem(POSIXFileSystem())
            try await withBroker(in: folder, files: files) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t", partitions: 3)
                _ = try await connection.produce(batch(["old"]), to: "t", partition: 1)
                var plan = FaultPlan()
                plan.add(.rename, on: "t-1", .fail(errno: 5))
                files.use(plan)
                #expect(try await connection.deleteTopic("t").errorCode == .none)
                #expect(try await connection.metadata(nil).topics.isEmpty)
                let left = try files.list(FilePath(folder)).filter { $0.hasPrefix("t-") }
                #expect(left == ["t-1"])
                try await connection.createTopic("t", partitions: 3)
                #expect(try await connection.fetch(fetchRequest("t", from: 0, partition: 1)).texts == [])
            }
        }
    }
}
