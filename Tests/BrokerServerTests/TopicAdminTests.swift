import KafkaMessages
import KafkaWire
import NIOCore
import Storage
import SystemPackage
import Testing

@testable import BrokerServer

@Suite("CreateTopics and DeleteTopics", .timeLimit(.minutes(5)))
struct TopicAdminTests {
    typealias NewTopic = CreateTopicsRequest.CreatableTopic

    static let refused: [(NewTopic, ErrorCode, String)] = [
        (NewTopic(name: "a b", numPartitions: 1), .invalidTopicException, "a topic's name has only letters"),
        (NewTopic(name: "t", numPartitions: 0), .invalidPartitions, "a topic has at least one partition, not 0"),
        (NewTopic(name: "t", numPartitions: -5), .invalidPartitions, "a topic has at least one partition, not -5"),
        (
            NewTopic(name: "t", numPartitions: .max), .invalidPartitions,
            "2147483647 partitions are over max.partitions.per.request, 10000"
        ),
        (
            NewTopic(name: "t", numPartitions: 1, replicationFactor: 3), .invalidReplicationFactor,
            "replication factor 3 does not fit one available broker"
        ),
        (
            NewTopic(name: "t", numPartitions: 1, configs: [.init(name: "retention", value: "1")]), .invalidConfig,
            "retention: is not a topic's configuration"
        ),
        (
            NewTopic(name: "t", numPartitions: 1, configs: [.init(name: "segment.bytes", value: "big")]),
            .invalidConfig, "segment.bytes: 'big' is not an integer from 14 to 2147483647"
        ),
        (
            NewTopic(name: "t", numPartitions: 1, configs: [.init(name: "segment.bytes", value: nil)]),
            .invalidConfig, "segment.bytes: has no value"
        ),
        (
            NewTopic(name: "t", numPartitions: -1, assignments: [.init(partitionIndex: 1, brokerIds: [1])]),
            .invalidReplicaAssignment, "assigned partitions are not numbered 0 to 0"
        ),
        (
            NewTopic(
                name: "t", numPartitions: -1,
                assignments: [.init(partitionIndex: 0, brokerIds: [1]), .init(partitionIndex: 0, brokerIds: [1])]),
            .invalidReplicaAssignment, "partition 0 is assigned twice"
        ),
        (
            NewTopic(name: "t", numPartitions: -1, assignments: [.init(partitionIndex: 0, brokerIds: [1, 2])]),
            .invalidReplicaAssignment, "partition 0 is assigned to [1, 2], where only broker 1 is available"
        ),
        (
            NewTopic(name: "t", numPartitions: 2, assignments: [.init(partitionIndex: 0, brokerIds: [1])]),
            .invalidRequest, "give either assignments, or a count and a replication factor"
        ),
        (
            NewTopic(name: "__cluster_metadata", numPartitions: 1), .invalidTopicException,
            "'__cluster_metadata' is the cluster's own log"
        ),
        (
            NewTopic(name: "__consumer_offsets", numPartitions: 1), .invalidTopicException,
            "'__consumer_offsets' is internal and made by the broker itself"
        ),
    ]

    @Test("a topic that cannot be made is told why, the others of the request are made", arguments: refused)
    func refusals(topic: NewTopic, code: ErrorCode, message: String) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let good = NewTopic(name: "good", numPartitions: 1, replicationFactor: -1)
            let version = CreateTopicsRequest.versions.upperBound
            var bad = topic
            if bad.replicationFactor == 0 { bad.replicationFactor = -1 }
            let response = try await connection.call(CreateTopicsRequest(topics: [bad, good]), version: version)
            #expect(response.topics.map(\.errorCode) == [code, .none])
            let told = response.topics[0].errorMessage ?? ""
            #expect(told.hasPrefix(message), "\(told)")
            #expect(try await connection.metadata(nil).topics.map(\.name) == ["good"])
        }
    }

    @Test("one request makes so many partitions and no more, whatever makes them")
    func allowance() async throws {
        try await withBroker(["max.partitions.per.request": "10", "num.partitions": "4"]) { broker in
            let connection = try await broker.connect()
            func topic(_ name: String, _ count: Int32) -> NewTopic {
                NewTopic(name: name, numPartitions: count, replicationFactor: 1)
            }
            for validateOnly in [true, false] {
                let created = try await connection.call(
                    CreateTopicsRequest(
                        topics: [topic("a", 6), topic("b", 5), topic("c", 4)], validateOnly: validateOnly))
                #expect(created.topics.map(\.errorCode) == [.none, .policyViolation, .none])
                #expect(created.topics[1].errorMessage?.contains("max.partitions.per.request, 10") == true)
            }
            let growths = [("a", Int32(13)), ("c", 8), ("c", 7)].map {
                CreatePartitionsRequest.CreatePartitionsTopic(name: $0.0, count: $0.1, assignments: nil)
            }
            let grown = try await connection.call(CreatePartitionsRequest(topics: Array(growths.prefix(2))))
            #expect(grown.results.map(\.errorCode) == [.none, .policyViolation])
            let found = try await connection.metadata(["x", "y", "z"], mayCreate: true)
            #expect(found.topics.map(\.errorCode) == [.none, .none, .policyViolation])
            #expect(try await connection.metadata(["z"], mayCreate: true).topics[0].errorCode == .none)
        }
    }

    @Test("twice in one request is refused once, and so is what exists")
    func duplicates() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let topic = NewTopic(name: "t", numPartitions: 1, replicationFactor: 1)
            let twice = try await connection.call(CreateTopicsRequest(topics: [topic, topic]))
            #expect(twice.topics.map(\.errorMessage) == ["'t' is in the request 2 times"])
            #expect(try await connection.call(CreateTopicsRequest(topics: [topic])).topics[0].errorCode == .none)
            let again = try await connection.call(CreateTopicsRequest(topics: [topic]))
            #expect(again.topics.map(\.errorCode) == [.topicAlreadyExists])
            #expect(again.topics[0].errorMessage == "topic 't' exists already")
            let dotted = try await connection.call(
                CreateTopicsRequest(topics: [
                    NewTopic(name: "a.b", numPartitions: 1, replicationFactor: 1),
                    NewTopic(name: "a_b", numPartitions: 1, replicationFactor: 1),
                ]))
            #expect(dotted.topics.map(\.errorCode) == [.none, .invalidTopicException])
        }
    }

    @Test("validate_only answers the same and makes nothing")
    func validateOnly() async throws {
        try await withBroker(["num.partitions": "3"]) { broker in
            let connection = try await broker.connect()
            let topics = [
                NewTopic(name: "t", numPartitions: -1, replicationFactor: -1),
                NewTopic(name: "bad", numPartitions: 0, replicationFactor: 1),
            ]
            let response = try await connection.call(CreateTopicsRequest(topics: topics, validateOnly: true))
            #expect(response.topics.map(\.errorCode) == [.none, .invalidPartitions])
            #expect(response.topics[0].numPartitions == 3)
            #expect(try await connection.metadata(nil).topics.isEmpty)
        }
    }

    @Test("assignments to this broker make as many partitions")
    func assignments() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let topic = NewTopic(
                name: "t", numPartitions: -1, replicationFactor: -1,
                assignments: [.init(partitionIndex: 1, brokerIds: [1]), .init(partitionIndex: 0, brokerIds: [1])])
            let response = try await connection.call(CreateTopicsRequest(topics: [topic]))
            #expect(response.topics.map(\.errorCode) == [.none])
            #expect(try await connection.metadata(["t"]).topics[0].partitions.count == 2)
        }
    }

    @Test("topics go by name and by id, and what is not there is told")
    func delete() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("named")
            let id = try await connection.createTopic("known")
            #expect(try await connection.deleteTopic("named").errorCode == .none)
            let byID = try await connection.call(DeleteTopicsRequest(topics: [.init(name: nil, topicId: id)]))
            #expect(byID.responses.map(\.errorCode) == [.none] && byID.responses[0].name == "known")
            #expect(try await connection.deleteTopic("named").errorCode == .unknownTopicOrPartition)
            let again = try await connection.call(DeleteTopicsRequest(topics: [.init(name: nil, topicId: id)]))
            #expect(again.responses.map(\.errorCode) == [.unknownTopicId])
            #expect(try await connection.metadata(nil).topics.isEmpty)
            _ = try await connection.call(FindCoordinatorRequest(key: "g"), version: 0)
            #expect(try await connection.deleteTopic("__consumer_offsets").errorCode == .invalidTopicException)
        }
        try await withBroker(["delete.topic.enable": "false"]) { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            #expect(try await connection.deleteTopic("t").errorCode == .topicDeletionDisabled)
        }
    }

    @Test("the longest name that is allowed can be made, written, deleted and made again")
    func longestName() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let name = String(repeating: "n", count: 249)
            for _ in 0..<2 {
                try await connection.createTopic(name, partitions: 11)
                #expect(try await connection.produce(batch(["x"]), to: name, partition: 10).baseOffset == 0)
                #expect(try await connection.deleteTopic(name).errorCode == .none)
            }
        }
    }

    @Test("a topic made again after its deletion is empty and has another id")
    func again() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            var ids: Set<KafkaUUID> = []
            for _ in 0..<5 {
                ids.insert(try await connection.createTopic("t", partitions: 3))
                #expect(try await connection.produce(batch(["x"]), to: "t", partition: 2).baseOffset == 0)
                #expect(try await connection.deleteTopic("t").errorCode == .none)
            }
            #expect(ids.count == 5)
        }
    }

    @Test("creating, deleting, writing and reading one topic from all sides ends in a topic that works")
    func race() async throws {
        try await withBroker { broker in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<4 {
                    group.addTask {
                        let connection = try await broker.connect()
                        for _ in 0..<25 {
                            switch worker {
                            case 0: _ = try await connection.deleteTopic("t")
                            case 1: _ = try await connection.metadata(["t"], mayCreate: true)
                            case 2: _ = try await connection.produce(batch(["x"]), to: "t")
                            default: _ = try await connection.fetch(fetchRequest("t", from: 0, minBytes: 1, maxWait: 1))
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let connection = try await broker.connect()
            _ = try await connection.deleteTopic("t")
            try await connection.createTopic("t")
            #expect(try await connection.produce(batch(["y"]), to: "t").baseOffset == 0)
            #expect(try await connection.fetch(fetchRequest("t", from: 0)).texts == ["y"])
        }
    }

    @Test("a folder that a crash left of a deleted topic does not come back in a new one of that name")
    func leftover() async throws {
        try await RestartTests.withFolder { folder in
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t")
                _ = try await connection.produce(batch(["old"]), to: "t")
            }
            // As if the process had ended between the metadata record and the folder's removal.
            let files = POSIXFileSystem()
            let path = FilePath(folder)
            try files.rename(path.appending("t-0"), to: path.appending("kept"))
            try await withBroker(in: folder) { broker in
                let deleted = try await broker.connect().deleteTopic("t")
                #expect(deleted.errorCode == .none)
            }
            try files.rename(path.appending("kept"), to: path.appending("t-0"))
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                #expect(try await connection.metadata(nil).topics.isEmpty)
                try await connection.createTopic("t")
                #expect(try await connection.listOffset(-1, of: "t").offset == 0)
            }
        }
    }

    @Test("a topic whose folders a crash kept from being made is whole after the next start")
    func missingFolders() async throws {
        try await RestartTests.withFolder { folder in
            try await withBroker(in: folder) { broker in
                _ = try await broker.connect().createTopic("t", partitions: 3)
            }
            try POSIXFileSystem().removeFolder(FilePath(folder).appending("t-1"))
            try RestartTests.makeUnclean(folder)
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                for partition in Int32(0)..<3 {
                    #expect(try await connection.produce(batch(["x"]), to: "t", partition: partition).baseOffset == 0)
                }
            }
        }
    }
}
