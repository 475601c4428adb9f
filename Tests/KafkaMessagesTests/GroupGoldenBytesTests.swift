import KafkaMessages
import KafkaWire
import NIOCore
import Testing

@Suite("Bytes known from the protocol: groups")
struct GroupGoldenBytesTests {
    private let metadata = ByteBuffer(string: "xy")

    @Test("FindCoordinator: one key, several keys")
    func findCoordinator() throws {
        try expectGolden(FindCoordinatorRequest(key: "g"), 0, "0001 'g'")
        try expectGolden(FindCoordinatorRequest(key: "g"), 3, "02 'g' 00 00")
        try expectGolden(FindCoordinatorRequest(coordinatorKeys: ["g"]), 4, "00 02 02 'g' 00")
        try expectGolden(
            FindCoordinatorResponse(coordinators: [.init(key: "g", nodeId: 1, host: "h", port: 9092)]), 4,
            "00000000 02 02 'g' 00000001 02 'h' 00002384 0000 00 00 00")
    }

    @Test("JoinGroup")
    func joinGroup() throws {
        try expectGolden(
            JoinGroupRequest(
                groupId: "g", sessionTimeoutMs: 45000, rebalanceTimeoutMs: 300000, protocolType: "consumer",
                protocols: [.init(name: "range", metadata: metadata)]), 5,
            "0001 'g' 0000afc8 000493e0 0000 ffff 0008 'consumer' 00000001 0005 'range' 00000002 'xy'")
        try expectGolden(
            JoinGroupResponse(
                generationId: 1, protocolType: "consumer", protocolName: "range", leader: "m", memberId: "m",
                members: [.init(memberId: "m", metadata: metadata)]), 9,
            "00000000 0000 00000001 09 'consumer' 06 'range' 02 'm' 00 02 'm' 02 02 'm' 00 03 'xy' 00 00")
    }

    @Test("SyncGroup, Heartbeat, LeaveGroup")
    func members() throws {
        try expectGolden(
            SyncGroupRequest(
                groupId: "g", generationId: 1, memberId: "m",
                assignments: [.init(memberId: "m", assignment: metadata)]), 3,
            "0001 'g' 00000001 0001 'm' ffff 00000001 0001 'm' 00000002 'xy'")
        try expectGolden(
            SyncGroupResponse(protocolType: "consumer", protocolName: "range", assignment: metadata), 5,
            "00000000 0000 09 'consumer' 06 'range' 03 'xy' 00")
        try expectGolden(
            HeartbeatRequest(groupId: "g", generationId: 1, memberId: "m"), 4, "02 'g' 00000001 02 'm' 00 00")
        try expectGolden(LeaveGroupRequest(groupId: "g", memberId: "m"), 1, "0001 'g' 0001 'm'")
        try expectGolden(
            LeaveGroupRequest(groupId: "g", members: [.init(memberId: "m")]), 3, "0001 'g' 00000001 0001 'm' ffff")
    }

    @Test("OffsetCommit: fixed with a retention time, flexible, by topic id")
    func offsetCommit() throws {
        let partition = OffsetCommitRequest.OffsetCommitRequestPartition(committedOffset: 10)
        var request = OffsetCommitRequest(
            groupId: "g", generationIdOrMemberEpoch: 1, memberId: "m",
            topics: [.init(name: "t", partitions: [partition])])
        try expectGolden(
            request, 2,
            "0001 'g' 00000001 0001 'm' \(minusOne64) 00000001 0001 't' 00000001 00000000 000000000000000a 0000")
        let position = "02 00000000 000000000000000a ffffffff 01 00 00 00"
        try expectGolden(request, 9, "02 'g' 00000001 02 'm' 00 02 02 't' \(position)")
        request.topics = [.init(topicId: goldenID, partitions: [partition])]
        try expectGolden(request, 10, "02 'g' 00000001 02 'm' 00 02 \(goldenIDBytes) \(position)")
    }

    @Test("OffsetFetch: one group, several groups")
    func offsetFetch() throws {
        try expectGolden(
            OffsetFetchRequest(groupId: "g", topics: [.init(name: "t", partitionIndexes: [0])]), 1,
            "0001 'g' 00000001 0001 't' 00000001 00000000")
        try expectGolden(
            OffsetFetchRequest(groups: [.init(groupId: "g", topics: nil)], requireStable: true), 8,
            "02 02 'g' 00 00 01 00")
        try expectGolden(
            OffsetFetchResponse(groups: [
                .init(groupId: "g", topics: [.init(name: "t", partitions: [.init(committedOffset: 10)])])
            ]), 8,
            "00000000 02 02 'g' 02 02 't' 02 00000000 000000000000000a ffffffff 01 0000 00 00 0000 00 00")
    }

    @Test("DescribeGroups and ListGroups")
    func tools() throws {
        try expectGolden(DescribeGroupsRequest(groups: ["g"]), 5, "02 02 'g' 00 00")
        try expectGolden(
            DescribeGroupsResponse(groups: [.init(errorCode: .groupIdNotFound, errorMessage: "no", groupId: "g")]), 6,
            "00000000 02 0045 03 'no' 02 'g' 01 01 01 01 80000000 00 00")
        try expectGolden(ListGroupsRequest(statesFilter: ["Stable"]), 4, "02 07 'Stable' 00")
        try expectGolden(
            ListGroupsResponse(groups: [.init(groupId: "g", protocolType: "consumer")]), 0,
            "0000 00000001 0001 'g' 0008 'consumer'")
    }
}

@Suite("Messages behind their own version")
struct VersionedMessageTests {
    private func expectVersioned<Message: KafkaMessage>(
        _ message: Message, _ version: Int16, _ bytes: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        #expect(try message.versioned(version) == hex(bytes), sourceLocation: sourceLocation)
        #expect(try Message(versioned: hex(bytes)) == message, sourceLocation: sourceLocation)
    }

    @Test("subscriptions and assignments of consumers")
    func consumerProtocol() throws {
        try expectVersioned(
            ConsumerProtocolSubscription(topics: ["t"], ownedPartitions: [.init(topic: "t", partitions: [0, 1])]), 1,
            "0001 00000001 0001 't' ffffffff 00000001 0001 't' 00000002 00000000 00000001")
        try expectVersioned(
            ConsumerProtocolAssignment(assignedPartitions: [.init(topic: "t", partitions: [0])]), 0,
            "0000 00000001 0001 't' 00000001 00000000 ffffffff")
    }

    @Test("keys and values of __consumer_offsets")
    func offsetsTopic() throws {
        try expectVersioned(OffsetCommitKey(group: "g", topic: "t"), 1, "0001 0001 'g' 0001 't' 00000000")
        let value = OffsetCommitValue(offset: 10, commitTimestamp: 1_700_000_000_000)
        try expectVersioned(value, 3, "0003 000000000000000a ffffffff 0000 0000018bcfe56800")
        try expectVersioned(value, 4, "0004 000000000000000a ffffffff 01 0000018bcfe56800 00")
        try expectVersioned(GroupMetadataKey(group: "g"), 2, "0002 0001 'g'")
        let member = GroupMetadataValue.MemberMetadata(
            memberId: "m", clientId: "c", clientHost: "/h", rebalanceTimeout: 300000, sessionTimeout: 45000,
            subscription: ByteBuffer(string: "xy"), assignment: ByteBuffer(string: "zz"))
        try expectVersioned(
            GroupMetadataValue(
                protocolType: "consumer", generation: 1, protocol: "range", leader: "m",
                currentStateTimestamp: 1_700_000_000_000, members: [member]), 3,
            """
            0003 0008 'consumer' 00000001 0005 'range' 0001 'm' 0000018bcfe56800 00000001 0001 'm' ffff 0001 'c'
            0002 '/h' 000493e0 0000afc8 00000002 'xy' 00000002 'zz'
            """)
    }

    @Test("a newer version is read as the highest known one only where that is asked for")
    func newer() throws {
        let bytes = hex("0009 00000000 ffffffff 00000000 00000007 ffff aabbcc")
        let subscription = try ConsumerProtocolSubscription(versioned: bytes, acceptsNewer: true)
        #expect(subscription.generationId == 7)
        #expect(throws: WireError.unsupportedVersion(9)) { try ConsumerProtocolSubscription(versioned: bytes) }
        #expect(throws: WireError.trailingBytes(1)) { try GroupMetadataKey(versioned: hex("0002 0001 'g' 00")) }
        #expect(throws: WireError.self) {
            try ConsumerProtocolSubscription(versioned: hex("ffff"), acceptsNewer: true)
        }
    }
}
