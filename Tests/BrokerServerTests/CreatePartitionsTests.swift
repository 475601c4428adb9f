import KafkaMessages
import KafkaWire
import Storage
import Testing

@testable import BrokerServer

@Suite("CreatePartitions", .timeLimit(.minutes(5)))
struct CreatePartitionsTests {
    typealias Growth = CreatePartitionsRequest.CreatePartitionsTopic

    static let refused: [(Growth, ErrorCode, String)] = [
        (Growth(name: "none", count: 2, assignments: nil), .unknownTopicOrPartition, "there is no topic 'none'"),
        (Growth(name: "t", count: 2, assignments: nil), .invalidPartitions, "topic 't' has 2 partitions already"),
        (
            Growth(name: "t", count: 1, assignments: nil), .invalidPartitions,
            "topic 't' has 2 partitions, 1 would not be more"
        ),
        (
            Growth(name: "t", count: -1, assignments: nil), .invalidPartitions,
            "topic 't' has 2 partitions, -1 would not be more"
        ),
        (
            Growth(name: "t", count: .max, assignments: nil), .invalidPartitions,
            "2147483645 more partitions are over max.partitions.per.request, 10000"
        ),
        (
            Growth(name: "t", count: 4, assignments: [.init(brokerIds: [1])]), .invalidReplicaAssignment,
            "2 partitions are to be added, but 1 are assigned"
        ),
        (
            Growth(name: "t", count: 3, assignments: [.init(brokerIds: [7])]), .invalidReplicaAssignment,
            "partition 2 is assigned to [7], where only broker 1 is available"
        ),
        (
            Growth(name: "__consumer_offsets", count: 9, assignments: nil), .invalidTopicException,
            "'__consumer_offsets' is internal: what belongs to which of its partitions depends on their number"
        ),
    ]

    @Test("what cannot grow is told why, the others of the request grow", arguments: refused)
    func refusals(growth: Growth, code: ErrorCode, message: String) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", partitions: 2)
            try await connection.createTopic("other")
            _ = try await connection.call(FindCoordinatorRequest(key: "g"), version: 0)
            let request = CreatePartitionsRequest(topics: [growth, Growth(name: "other", count: 3, assignments: nil)])
            let response = try await connection.call(request)
            #expect(response.results.map(\.errorCode) == [code, .none])
            #expect(response.results[0].errorMessage == message)
            #expect(response.results[1].errorMessage == nil)
            #expect(try await connection.metadata(["t"]).topics[0].partitions.count == 2)
            #expect(try await connection.metadata(["other"]).topics[0].partitions.count == 3)
        }
    }

    @Test("twice in one request is refused once")
    func duplicates() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let response = try await connection.call(
                CreatePartitionsRequest(topics: [
                    Growth(name: "t", count: 2, assignments: nil), Growth(name: "t", count: 3, assignments: nil),
                ]))
            #expect(response.results.map(\.errorCode) == [.invalidRequest])
            #expect(try await connection.metadata(["t"]).topics[0].partitions.count == 1)
        }
    }

    @Test("validate_only answers the same and adds nothing, at every version")
    func everyVersion() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            for version in CreatePartitionsRequest.versions {
                let count = Int32(version) + 2
                let growth = Growth(name: "t", count: count, assignments: [.init(brokerIds: [1])])
                for validateOnly in [true, false] {
                    let response = try await connection.call(
                        CreatePartitionsRequest(
                            topics: [growth, Growth(name: "t2", count: 1, assignments: nil)], validateOnly: validateOnly
                        ),
                        version: version)
                    #expect(response.results.map(\.errorCode) == [.none, .unknownTopicOrPartition])
                    let partitions = try await connection.metadata(["t"]).topics[0].partitions.count
                    #expect(partitions == Int(validateOnly ? count - 1 : count))
                }
            }
        }
    }

    @Test("new partitions are written and read at once, old ones keep their records, all survive a restart")
    func survives() async throws {
        try await RestartTests.withFolder { folder in
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t")
                _ = try await connection.produce(batch(["old"]), to: "t")
                let grown = try await connection.call(
                    CreatePartitionsRequest(topics: [Growth(name: "t", count: 3, assignments: nil)]))
                #expect(grown.results.map(\.errorCode) == [.none])
                #expect(try await connection.produce(batch(["new"]), to: "t", partition: 2).errorCode == .none)
            }
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                #expect(try await connection.metadata(["t"]).topics[0].partitions.map(\.partitionIndex) == [0, 1, 2])
                #expect(try await connection.fetch(fetchRequest("t", from: 0)).texts == ["old"])
                #expect(try await connection.fetch(fetchRequest("t", from: 0, partition: 2)).texts == ["new"])
            }
        }
    }

    @Test("a fault of the disk adds no partition, and a later attempt does")
    func diskFault() async throws {
        try await RestartTests.withFolder { folder in
            let files = FaultyFileSystem(POSIXFileSystem())
            try await withBroker(in: folder, files: files) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t")
                var plan = FaultPlan()
                plan.add(.create, on: "t-2/00000000000000000000.log", .fail(errno: 28))
                files.use(plan)
                let request = CreatePartitionsRequest(topics: [Growth(name: "t", count: 4, assignments: nil)])
                #expect(try await connection.call(request).results.map(\.errorCode) == [.kafkaStorageError])
                #expect(try await connection.metadata(["t"]).topics[0].partitions.count == 1)
                #expect(try await connection.call(request).results.map(\.errorCode) == [.none])
                #expect(try await connection.produce(batch(["x"]), to: "t", partition: 3).baseOffset == 0)
            }
        }
    }
}
