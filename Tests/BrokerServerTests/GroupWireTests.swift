import KafkaMessages
import KafkaWire
import NIOCore
import Testing

@testable import BrokerServer

@Suite("A consumer group over the wire", .timeLimit(.minutes(5)))
struct GroupWireTests {
    private func join(_ memberID: String = "", instance: String? = nil, metadata: String = "m") -> JoinGroupRequest {
        JoinGroupRequest(
            groupId: "g", sessionTimeoutMs: 600_000, rebalanceTimeoutMs: 600_000, memberId: memberID,
            groupInstanceId: instance, protocolType: "consumer",
            protocols: [.init(name: "range", metadata: ByteBuffer(string: metadata))])
    }

    private func commit(_ offset: Int64, generation: Int32, member: String) -> OffsetCommitRequest {
        OffsetCommitRequest(
            groupId: "g", generationIdOrMemberEpoch: generation, memberId: member,
            topics: [
                .init(
                    name: "t",
                    partitions: [.init(partitionIndex: 0, committedOffset: offset, committedMetadata: "here")])
            ])
    }

    /// The member id that the coordinator gives to who comes without one.
    private func newMember(_ connection: TestConnection) async throws -> String {
        let asked = try await connection.call(join())
        try #require(asked.errorCode == .memberIdRequired)
        return asked.memberId
    }

    @Test("one member joins, is assigned, commits, reads its commit and leaves")
    func happyPath() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            let found = try await connection.call(FindCoordinatorRequest(coordinatorKeys: ["g"]))
            #expect(found.coordinators.map(\.port) == [Int32(broker.port)])
            let member = try await newMember(connection)
            let joined = try await connection.call(join(member))
            #expect(joined.errorCode == .none && joined.leader == member && joined.generationId == 1)
            #expect(joined.members.map { String(buffer: $0.metadata) } == ["m"])
            let synced = try await connection.call(
                SyncGroupRequest(
                    groupId: "g", generationId: 1, memberId: member, protocolType: "consumer", protocolName: "range",
                    assignments: [.init(memberId: member, assignment: ByteBuffer(string: "all of it"))]))
            #expect(synced.errorCode == .none && String(buffer: synced.assignment) == "all of it")
            let beat = HeartbeatRequest(groupId: "g", generationId: 1, memberId: member)
            #expect(try await connection.call(beat).errorCode == .none)
            let stale = try await connection.call(
                commit(3, generation: 0, member: member), version: ByName.commit)
            #expect(stale.topics[0].partitions[0].errorCode == .illegalGeneration)
            let committed = try await connection.call(
                commit(4, generation: 1, member: member), version: ByName.commit)
            #expect(committed.topics[0].partitions[0].errorCode == .none)
            let asked = OffsetFetchRequest(groups: [.init(groupId: "g", topics: nil)])
            let fetched = try await connection.call(asked, version: ByName.offsetFetch)
            let partition = try #require(fetched.groups.first?.topics.first?.partitions.first)
            #expect(partition.committedOffset == 4 && partition.metadata == "here")
            let described = try await connection.call(DescribeGroupsRequest(groups: ["g"])).groups[0]
            #expect(described.groupState == "Stable" && described.members.map(\.clientHost) == ["/127.0.0.1"])
            let left = try await connection.call(LeaveGroupRequest(groupId: "g", members: [.init(memberId: member)]))
            #expect(left.errorCode == .none && left.members.map(\.errorCode) == [.none])
            #expect(try await connection.call(beat).errorCode == .unknownMemberId)
            #expect(try await connection.call(DescribeGroupsRequest(groups: ["g"])).groups[0].groupState == "Empty")
        }
    }

    @Test("a second member makes the first rejoin; both are in the next generation")
    func rebalance() async throws {
        try await withBroker { broker in
            let first = try await broker.connect()
            let second = try await broker.connect()
            _ = try await first.call(FindCoordinatorRequest(coordinatorKeys: ["g"]))
            let one = try await newMember(first)
            #expect(try await first.call(join(one)).generationId == 1)
            let sync = SyncGroupRequest(
                groupId: "g", generationId: 1, memberId: one, protocolType: "consumer", protocolName: "range",
                assignments: [.init(memberId: one)])
            #expect(try await first.call(sync).errorCode == .none)

            let two = try await newMember(second)
            try await second.send(join(two))
            // The join is begun before anything that is asked after its bytes were taken in.
            var code = ErrorCode.none
            while code == .none {
                code = try await first.call(HeartbeatRequest(groupId: "g", generationId: 1, memberId: one)).errorCode
            }
            #expect(code == .rebalanceInProgress)
            let rejoined = try await first.call(join(one))
            let joined = try await second.receive(JoinGroupRequest.self)
            #expect(rejoined.generationId == 2 && joined.generationId == 2)
            #expect(rejoined.leader == one && Set(rejoined.members.map(\.memberId)) == [one, two])
            #expect(joined.members.isEmpty)
            try await second.send(
                SyncGroupRequest(
                    groupId: "g", generationId: 2, memberId: two, protocolType: "consumer", protocolName: "range"))
            let assignments: [SyncGroupRequest.SyncGroupRequestAssignment] = [
                .init(memberId: one, assignment: ByteBuffer(string: "north")),
                .init(memberId: two, assignment: ByteBuffer(string: "south")),
            ]
            let north = try await first.call(
                SyncGroupRequest(
                    groupId: "g", generationId: 2, memberId: one, protocolType: "consumer", protocolName: "range",
                    assignments: assignments))
            let south = try await second.receive(SyncGroupRequest.self)
            #expect([north, south].map { String(buffer: $0.assignment) } == ["north", "south"])
        }
    }

    @Test("a heartbeat behind a parked join on the same connection waits for it in the order of responses")
    func orderWithinConnection() async throws {
        try await withBroker(["group.initial.rebalance.delay.ms": "50"]) { broker in
            let connection = try await broker.connect()
            _ = try await connection.call(FindCoordinatorRequest(coordinatorKeys: ["g"]))
            try await connection.send(join(), version: 3, correlationID: 1)
            try await connection.send(HeartbeatRequest(groupId: "other", memberId: "x"), correlationID: 2)
            #expect(
                try await connection.receive(JoinGroupRequest.self, version: 3, correlationID: 1).errorCode == .none)
            let beat = try await connection.receive(HeartbeatRequest.self, correlationID: 2)
            #expect(beat.errorCode == .unknownMemberId)
        }
    }

    @Test("groups that asked for no coordinator first are told to")
    func unprepared() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            #expect(try await connection.call(join()).errorCode == .notCoordinator)
            let beat = HeartbeatRequest(groupId: "g", memberId: "m")
            #expect(try await connection.call(beat).errorCode == .notCoordinator)
            _ = try await connection.call(FindCoordinatorRequest(coordinatorKeys: ["g"]))
            #expect(try await connection.call(join()).errorCode == .memberIdRequired)
        }
    }

    @Test("keys of a type that is not served are told one by one")
    func otherCoordinators() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            let answer = try await connection.call(FindCoordinatorRequest(keyType: 2, coordinatorKeys: ["a", "b"]))
            #expect(answer.coordinators.map(\.errorCode) == [.invalidRequest, .invalidRequest])
            #expect(answer.coordinators.map(\.key) == ["a", "b"])
        }
    }
}
