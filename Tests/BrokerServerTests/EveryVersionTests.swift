import KafkaMessages
import KafkaWire
import NIOCore
import Testing

@testable import BrokerServer

@Suite("Every API at every version", .timeLimit(.minutes(5)))
struct EveryVersionTests {
    /// A request of each API that finds something to answer, made for a version.
    private struct Samples {
        let topicID: KafkaUUID

        func produce(_ version: Int16) throws -> ProduceRequest {
            ProduceRequest(
                acks: 1,
                topicData: [
                    .init(
                        name: version < 13 ? "t" : "", topicId: version < 13 ? .zero : topicID,
                        partitionData: [.init(index: 0, records: RecordsPayload(try batch(["x"])))])
                ])
        }

        func fetch(_ version: Int16) -> FetchRequest {
            FetchRequest(
                topics: [
                    .init(
                        topic: version < 13 ? "t" : "", topicId: version < 13 ? .zero : topicID,
                        partitions: [.init(partition: 0, partitionMaxBytes: 100)])
                ])
        }

        func commit(_ version: Int16) -> OffsetCommitRequest {
            OffsetCommitRequest(
                groupId: "simple", generationIdOrMemberEpoch: -1,
                topics: [
                    .init(
                        name: version < 10 ? "t" : "", topicId: version < 10 ? .zero : topicID,
                        partitions: [.init(partitionIndex: 0, committedOffset: Int64(version))])
                ])
        }

        func offsets(_ version: Int16) -> OffsetFetchRequest {
            if version < 8 {
                return OffsetFetchRequest(groupId: "simple", topics: [.init(name: "t", partitionIndexes: [0])])
            }
            let topic = OffsetFetchRequest.OffsetFetchRequestTopics(
                name: version < 10 ? "t" : "", topicId: version < 10 ? .zero : topicID, partitionIndexes: [0])
            return OffsetFetchRequest(groups: [.init(groupId: "simple", topics: [topic])])
        }
    }

    /// Answers of every version of one API; each must decode to its end.
    private func answers<Request: KafkaRequest>(
        _ connection: TestConnection, _ request: (Int16) throws -> Request
    ) async throws -> [(version: Int16, response: Request.Response)] {
        var answers: [(Int16, Request.Response)] = []
        for version in Request.versions {
            answers.append((version, try await connection.call(request(version), version: version)))
        }
        return answers
    }

    @Test("records: Produce, Fetch, ListOffsets, InitProducerId")
    func records() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let samples = Samples(topicID: try await connection.createTopic("t"))
            for (version, response) in try await answers(connection, { try samples.produce($0) }) {
                #expect(response.responses[0].partitionResponses[0].errorCode == .none, "version \(version)")
            }
            for (version, response) in try await answers(connection, { samples.fetch($0) }) {
                let topic = response.responses[0]
                #expect(version < 13 ? topic.topic == "t" : topic.topicId == samples.topicID)
                #expect(try topic.partitions[0].texts == ["x"], "version \(version)")
            }
            let list = ListOffsetsRequest(topics: [.init(name: "t", partitions: [.init(timestamp: -1)])])
            for (version, response) in try await answers(connection, { _ in list }) {
                #expect(response.topics[0].partitions[0].offset == 11, "version \(version)")
            }
            for (version, response) in try await answers(connection, { _ in InitProducerIdRequest() }) {
                #expect(response.errorCode == .none, "version \(version)")
            }
        }
    }

    @Test("refusals: records of a topic that is not there")
    func refusals() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let samples = Samples(topicID: KafkaUUID(high: 1, low: 1))
            for (version, response) in try await answers(connection, { try samples.produce($0) }) {
                let code = response.responses[0].partitionResponses[0].errorCode
                #expect(code == (version < 13 ? .unknownTopicOrPartition : .unknownTopicId))
            }
            for (version, response) in try await answers(connection, { samples.fetch($0) }) {
                let code = response.responses[0].partitions[0].errorCode
                #expect(code == (version < 13 ? .unknownTopicOrPartition : .unknownTopicId))
            }
            let transactional = InitProducerIdRequest(transactionalId: "t", transactionTimeoutMs: 1000)
            for (_, response) in try await answers(connection, { _ in transactional }) {
                #expect(response.errorCode == .notCoordinator)
            }
            _ = try await connection.call(FindCoordinatorRequest(key: "simple"), version: 0)
            for (version, response) in try await answers(connection, { samples.commit($0) }) {
                let code = response.topics[0].partitions[0].errorCode
                #expect(code == (version < 10 ? .unknownTopicOrPartition : .unknownTopicId), "version \(version)")
            }
        }
    }

    @Test("topics: ApiVersions, Metadata, CreateTopics, DeleteTopics")
    func topics() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let id = try await connection.createTopic("t")
            let hello = ApiVersionsRequest(clientSoftwareName: "x", clientSoftwareVersion: "1")
            for (version, response) in try await answers(connection, { $0 < 3 ? ApiVersionsRequest() : hello }) {
                #expect(
                    response.errorCode == .none && response.apiKeys.count == broker.broker.registry.all.count,
                    "version \(version)")
            }
            for (version, response) in try await answers(
                connection, { _ in MetadataRequest(topics: [.init(name: "t")]) })
            {
                #expect(response.topics[0].errorCode == .none && response.topics[0].partitions.count == 1)
                #expect(response.topics[0].topicId == (version < 10 ? .zero : id))
            }
            let refused = try await answers(connection) { _ in MetadataRequest(topics: [.init(name: "a b")]) }
            #expect(refused.allSatisfy { $0.response.topics[0].errorCode == .invalidTopicException })
            let created = try await answers(connection) { version in
                CreateTopicsRequest(topics: [
                    .init(
                        name: "made-\(version)", numPartitions: 1, replicationFactor: 1,
                        configs: [.init(name: "segment.bytes", value: "1000")]),
                    .init(name: "a b", numPartitions: 1, replicationFactor: 1),
                ])
            }
            for (version, response) in created {
                #expect(response.topics.map(\.errorCode) == [.none, .invalidTopicException], "version \(version)")
            }
            let deleted = try await answers(connection) { version in
                let names = ["made-\(version + 1)", "never"]
                return version < 6
                    ? DeleteTopicsRequest(topicNames: names)
                    : DeleteTopicsRequest(topics: names.map { .init(name: $0) })
            }
            for (version, response) in deleted {
                #expect(response.responses.map(\.errorCode) == [.none, .unknownTopicOrPartition], "version \(version)")
            }
        }
    }

    @Test("groups: everything from FindCoordinator to LeaveGroup")
    func groups() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let samples = Samples(topicID: try await connection.createTopic("t"))
            let found = try await answers(connection) {
                $0 < 4 ? FindCoordinatorRequest(key: "g") : FindCoordinatorRequest(coordinatorKeys: ["g", "h"])
            }
            for (version, response) in found {
                #expect(version < 4 ? response.nodeId == 1 : response.coordinators.map(\.nodeId) == [1, 1])
            }
            for (version, response) in try await answers(connection, { samples.commit($0) }) {
                #expect(response.topics[0].partitions[0].errorCode == .none, "version \(version)")
            }
            for (version, response) in try await answers(connection, { samples.offsets($0) }) {
                let old = response.topics.first?.partitions.first?.committedOffset
                let new = response.groups.first?.topics.first?.partitions.first?.committedOffset
                #expect((version < 8 ? old : new) == 10, "version \(version)")
            }
            let joined = try await answers(connection) { version in
                JoinGroupRequest(
                    groupId: "join-\(version)", sessionTimeoutMs: 600_000, rebalanceTimeoutMs: 600_000,
                    protocolType: "consumer", protocols: [.init(name: "range")])
            }
            for (version, response) in joined {
                #expect(response.errorCode == (version < 4 ? .none : .memberIdRequired), "version \(version)")
            }
            let member = "nobody"
            for (version, response) in try await answers(
                connection, { _ in SyncGroupRequest(groupId: "g", memberId: member) })
            {
                // From version 5 on a member has to say which protocol it means.
                let expected: ErrorCode = version < 5 ? .unknownMemberId : .inconsistentGroupProtocol
                #expect(response.errorCode == expected, "version \(version)")
            }
            for (version, response) in try await answers(
                connection, { _ in HeartbeatRequest(groupId: "g", memberId: member) })
            {
                #expect(response.errorCode == .unknownMemberId, "version \(version)")
            }
            let left = try await answers(connection) { version in
                version < 3
                    ? LeaveGroupRequest(groupId: "g", memberId: member)
                    : LeaveGroupRequest(groupId: "g", members: [.init(memberId: member)])
            }
            for (version, response) in left {
                let code = version < 3 ? response.errorCode : response.members.first?.errorCode
                #expect(code == .unknownMemberId, "version \(version)")
            }
            for (version, response) in try await answers(
                connection, { _ in DescribeGroupsRequest(groups: ["join-0", "none"]) })
            {
                #expect(response.groups.map(\.groupId) == ["join-0", "none"], "version \(version)")
                #expect(response.groups[0].members.count == 1)
            }
            for (version, response) in try await answers(connection, { _ in ListGroupsRequest() }) {
                #expect(response.groups.contains { $0.groupId == "join-0" }, "version \(version)")
            }
        }
    }
}
