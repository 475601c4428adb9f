import Groups
import KafkaMessages
import KafkaWire
import NIOCore
import Testing

@Suite("Between messages and rules")
struct GroupMessagesTests {
    @Test("an offset's record has Kafka's bytes")
    func offsetRecord() throws {
        let position = TopicPartition(topic: "t", partition: 2)
        let offset = CommittedOffset(offset: 5, leaderEpoch: 1, metadata: "m", commitTimestamp: 3)
        let record = try GroupRecord(.offset(groupId: "g", position, offset))
        #expect(Array(record.key.readableBytesView) == [0, 1, 0, 1, 0x67, 0, 1, 0x74, 0, 0, 0, 2])
        let value: [UInt8] = [0, 3, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1, 0, 1, 0x6D, 0, 0, 0, 0, 0, 0, 0, 3]
        #expect(record.value.map { Array($0.readableBytesView) } == value)
        #expect(try record.decode() == .offset(groupId: "g", position, offset))
        #expect(try GroupRecord(.offset(groupId: "g", position, nil)).decode() == .offset(groupId: "g", position, nil))
    }

    @Test("a group's record comes back as it was")
    func groupRecord() throws {
        let metadata = GroupMetadata(
            protocolType: "consumer", generation: 7, protocolName: "range", leader: "a", stateTimestamp: 12,
            members: [
                .init(
                    memberId: "a", groupInstanceId: "one", clientId: "c", clientHost: "/127.0.0.1",
                    sessionTimeout: .seconds(10), rebalanceTimeout: .seconds(60),
                    subscription: ByteBuffer(string: "s"), assignment: ByteBuffer(string: "x"))
            ])
        let record = try GroupRecord(.group(groupId: "g", metadata))
        #expect(Array(record.key.readableBytesView) == [0, 2, 0, 1, 0x67])
        #expect(record.value?.getInteger(at: 0, as: Int16.self) == 3)
        #expect(try record.decode() == .group(groupId: "g", metadata))
    }

    @Test("every answer can be written at every version", arguments: Array(JoinGroupRequest.versions))
    func join(version: Int16) throws {
        let request = JoinGroupRequest(
            groupId: "g", sessionTimeoutMs: 10_000, rebalanceTimeoutMs: version == 0 ? -1 : 60_000,
            protocolType: "consumer", protocols: [.init(name: "range"), .init(name: "range")])
        let origin = RequestOrigin(ticket: 1, clientId: "c")
        let input = JoinInput(request, version: version, origin: origin, unique: "u")
        #expect(input.requiresKnownMemberId == (version >= 4))
        #expect(input.supportsSkippingAssignment == (version >= 9))
        #expect(input.rebalanceTimeout == .seconds(version == 0 ? 10 : 60))
        #expect(input.protocols.count == 1)
        #expect(input.newMemberId == "c-u")
        var writer = WireWriter()
        let refusal = JoinReply(.unknownMemberId, memberId: "")
        try JoinGroupResponse(refusal, version: version).write(to: &writer, version: version)
    }

    @Test("leaving names one member before version 3 and answers as a whole", arguments: [Int16(2), 3])
    func leave(version: Int16) throws {
        let request =
            version < 3
            ? LeaveGroupRequest(groupId: "g", memberId: "a")
            : LeaveGroupRequest(groupId: "g", members: [.init(memberId: "a")])
        let input = LeaveInput(request, version: version, origin: RequestOrigin(ticket: 1))
        #expect(input.members == [MemberIdentity(memberId: "a")])
        let member = LeaveReply.Member(identity: input.members[0], errorCode: .unknownMemberId)
        let response = LeaveGroupResponse(LeaveReply(.none, members: [member]), version: version)
        #expect(response.errorCode == (version < 3 ? .unknownMemberId : ErrorCode.none))
        #expect(response.members.count == (version < 3 ? 0 : 1))
    }

    @Test("offsets are committed and fetched at every version", arguments: Array(OffsetFetchRequest.versions))
    func offsets(version: Int16) throws {
        let broker = try TestBroker()
        broker.commit(topic: "t", partition: 1, offset: 6, metadata: "m")
        let id = KafkaUUID(high: 1, low: 2)
        let request =
            version < 8
            ? OffsetFetchRequest(groupId: "g", topics: [.init(name: "t", partitionIndexes: [0, 1])])
            : OffsetFetchRequest(groups: [
                .init(
                    groupId: "g",
                    topics: [
                        .init(name: "t", topicId: id, partitionIndexes: [0, 1]), .init(name: "", partitionIndexes: [0]),
                    ]),
                .init(groupId: "g", topics: nil),
            ])
        let response = broker.coordinator.fetchOffsets(request, version: version) { $0 == "t" ? id : nil }
        if version < 8 {
            #expect(response.topics.first?.partitions.map(\.committedOffset) == [-1, 6])
            #expect(response.topics.first?.partitions.map(\.metadata) == ["", "m"])
        } else {
            #expect(response.groups[0].topics.first?.partitions.map(\.committedOffset) == [-1, 6])
            #expect(response.groups[1].topics.map(\.topicId) == [version < 10 ? .zero : id])
            let unknown = response.groups[0].topics.last?.partitions.first?.errorCode
            #expect(unknown == (version < 10 ? ErrorCode.none : .unknownTopicId))
        }
        var writer = WireWriter()
        try response.write(to: &writer, version: version)
    }

    @Test("a commit carries topic ids through, and fails topics whose id is not known", arguments: [Int16(2), 9, 10])
    func commit(version: Int16) throws {
        let broker = try TestBroker()
        let id = KafkaUUID(high: 1, low: 2)
        let request = OffsetCommitRequest(
            groupId: "g",
            topics: [
                .init(name: "t", topicId: id, partitions: [.init(partitionIndex: 0, committedOffset: 4)]),
                .init(name: "", topicId: id, partitions: [.init(partitionIndex: 0, committedOffset: 4)]),
            ])
        let ticket = broker.ticket()
        let input = OffsetCommitInput(request, version: version, origin: RequestOrigin(ticket: ticket)) {
            $0.topic.isEmpty ? .unknownTopicOrPartition : nil
        }
        broker.perform(broker.coordinator.commitOffsets(input, now: broker.now))
        guard case .offsetCommit(let reply)? = broker.replies[ticket] else {
            Issue.record("no answer")
            return
        }
        let response = OffsetCommitResponse(reply)
        #expect(response.topics.map(\.topicId) == [id, id])
        let refusal: ErrorCode = version < 10 ? .unknownTopicOrPartition : .unknownTopicId
        #expect(response.topics.flatMap(\.partitions).map(\.errorCode) == [.none, refusal])
        #expect(broker.offset()?.offset == 4)
    }
}
