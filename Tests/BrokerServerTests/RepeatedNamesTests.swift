import KafkaMessages
import KafkaWire
import NIOCore
import TestSupport
import Testing

@testable import BrokerServer

@Suite("What a request names more than once", .timeLimit(.minutes(5)))
struct RepeatedNamesTests {
    private static let times = 1_000

    private func repeated<Element>(_ element: Element) -> [Element] {
        Array(repeating: element, count: Self.times)
    }

    /// A broker with the topic "t" and the group "g", which has an offset of it.
    private func withGroup(_ operation: @Sendable (TestConnection) async throws -> Void) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            _ = try await connection.call(FindCoordinatorRequest(coordinatorKeys: ["g"]))
            _ = try await connection.call(FindCoordinatorRequest(keyType: 1, coordinatorKeys: ["x"]))
            let commit = OffsetCommitRequest(
                groupId: "g",
                topics: [.init(name: "t", partitions: [.init(partitionIndex: 0, committedOffset: 3)])])
            _ = try await connection.call(commit, version: ByName.commit)
            try await operation(connection)
        }
    }

    @Test("is answered once: groups, transactional ids, topics, coordinators, configurations, producers")
    func answeredOnce() async throws {
        try await withGroup { connection in
            let groups = repeated("g") + ["h"]
            let described = try await connection.call(DescribeGroupsRequest(groups: groups))
            #expect(described.groups.map(\.groupId) == ["g", "h"])
            let consumers = try await connection.call(ConsumerGroupDescribeRequest(groupIds: groups))
            #expect(consumers.groups.map(\.groupId) == ["g", "h"])
            let transactions = try await connection.call(
                DescribeTransactionsRequest(transactionalIds: repeated("x") + ["y"]))
            #expect(transactions.transactionStates.map(\.transactionalId) == ["x", "y"])
            let metadata = try await connection.call(MetadataRequest(topics: repeated(.init(name: "t"))))
            #expect(metadata.topics.map(\.name) == ["t"])
            let found = try await connection.call(FindCoordinatorRequest(coordinatorKeys: groups))
            #expect(found.coordinators.map(\.key) == ["g", "h"])
            let configurations = try await connection.call(
                DescribeConfigsRequest(resources: repeated(.init(resourceType: 2, resourceName: "t"))))
            #expect(configurations.results.count == 1)
            let producers = try await connection.call(
                DescribeProducersRequest(
                    topics: repeated(.init(name: "t", partitionIndexes: repeated(0).prefix(20) + [1]))))
            #expect(producers.topics.flatMap(\.partitions).map(\.partitionIndex) == [0, 1])
            let deleted = try await connection.call(DeleteGroupsRequest(groupsNames: groups))
            #expect(deleted.results.map(\.errorCode) == [.none, .groupIdNotFound])
        }
    }

    @Test("OffsetFetch answers a partition once, at every version", arguments: [Int16(2), 7, 8, 9, 10])
    func offsetFetch(version: Int16) async throws {
        try await withGroup { connection in
            let id = try #require(
                try await connection.call(MetadataRequest(topics: [.init(name: "t")])).topics.first?.topicId)
            if version < 8 {
                let request = OffsetFetchRequest(
                    groupId: "g", topics: repeated(.init(name: "t", partitionIndexes: [0, 0, 0])))
                let fetched = try await connection.call(request, version: version)
                #expect(fetched.topics.flatMap(\.partitions).map(\.committedOffset) == [3])
            } else {
                let group = OffsetFetchRequest.OffsetFetchRequestGroup(
                    groupId: "g", topics: repeated(.init(name: "t", topicId: id, partitionIndexes: [0, 0, 0])))
                let fetched = try await connection.call(
                    OffsetFetchRequest(groups: [group, group]), version: version)
                #expect(fetched.groups.map(\.errorCode) == [.none, .invalidRequest])
                #expect(fetched.groups.flatMap(\.topics).flatMap(\.partitions).map(\.committedOffset) == [3])
            }
        }
    }

    @Test("ListOffsets refuses it with Kafka's error")
    func listOffsets() async throws {
        try await withGroup { connection in
            let partition = ListOffsetsRequest.ListOffsetsPartition(partitionIndex: 0, timestamp: -1)
            let listed = try await connection.call(
                ListOffsetsRequest(replicaId: -1, topics: [.init(name: "t", partitions: [partition, partition])]))
            #expect(listed.topics.flatMap(\.partitions).map(\.errorCode) == [.invalidRequest, .invalidRequest])
        }
    }

    @Test("a request of more elements than signalbox.request.max.elements closes its connection, and only that")
    func elements() async throws {
        try await withBroker(["signalbox.request.max.elements": "100"]) { broker in
            let connection = try await broker.connect()
            let fits = try await connection.call(DescribeGroupsRequest(groups: (0..<100).map { "g\($0)" }))
            #expect(fits.groups.count == 100)
            try await connection.send(
                DescribeGroupsRequest(groups: (0..<101).map { "g\($0)" }), version: 5, correlationID: 7)
            #expect(await connection.receiveFrame() == nil)
            let other = try await broker.connect()
            let nested = MetadataRequest(topics: (0..<99).map { .init(name: "t\($0)") })
            #expect(try await other.call(nested).topics.count == 99)
        }
    }

    @Test("answers that wait behind another hold back further requests once they are large enough")
    func unsentAnswers() async throws {
        try await withBroker(["signalbox.queued.response.bytes": "100000", "queued.max.requests": "1000"]) {
            broker in
            let connection = try await broker.connect()
            let other = try await broker.connect()
            try await connection.createTopic("wide", partitions: 1_000)
            try await connection.createTopic("parked")
            try await connection.createTopic("behind")
            let fetch = fetchRequest("parked", from: 0, minBytes: 1, maxWait: 600_000)
            try await connection.send(fetch, version: ByName.fetch, correlationID: 0)
            let wide = MetadataRequest(topics: [.init(name: "wide")])
            for number in Int32(1)...20 { try await connection.send(wide, version: 12, correlationID: number) }
            try await connection.send(
                produceRequest(batch(["one"]), to: "behind"), version: ByName.produce, correlationID: 21)
            let parked = try #require(broker.broker.topics.partition(TopicPartition(topic: "parked", partition: 0)))
            try await eventually("the fetch is parked") { parked.progress.parkedCount == 1 }
            for _ in 0..<100 {
                #expect(try await other.fetch(fetchRequest("behind", from: 0)).texts.isEmpty)
            }
            _ = try await other.produce(batch(["go"]), to: "parked")
            _ = try await connection.receive(FetchRequest.self, version: ByName.fetch, correlationID: 0)
            for number in Int32(1)...20 {
                let answer = try await connection.receive(MetadataRequest.self, version: 12, correlationID: number)
                #expect(answer.topics.first?.partitions.count == 1_000)
            }
            let produced = try await connection.receive(
                ProduceRequest.self, version: ByName.produce, correlationID: 21)
            #expect(produced.responses[0].partitionResponses[0].errorCode == .none)
            #expect(try await other.fetch(fetchRequest("behind", from: 0)).texts == ["one"])
        }
    }
}
