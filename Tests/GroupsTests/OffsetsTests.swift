import Groups
import KafkaWire
import NIOCore
import Testing

@Suite("Committed offsets")
struct OffsetsTests {
    @Test("a commit is there once its record is, with metadata, leader epoch and time")
    func commit() throws {
        let broker = try TestBroker()
        broker.stabilise(["a"])
        broker.holdsAppends = true
        let ticket = broker.commit("a", offset: 7, metadata: "host one")
        #expect(broker.committed(ticket) == nil)
        #expect(broker.offset() == nil)
        broker.releaseAppends()
        #expect(broker.committed(ticket) == ErrorCode.none)
        #expect(broker.offset()?.offset == 7)
        #expect(broker.offset()?.metadata == "host one")
        #expect(broker.offset()?.commitTimestamp == broker.now.wallMilliseconds)
    }

    @Test("a commit that could not be written changes nothing", arguments: [
        (ErrorCode.requestTimedOut, ErrorCode.coordinatorNotAvailable),
        (.kafkaStorageError, .notCoordinator), (.messageTooLarge, .invalidCommitOffsetSize),
    ])
    func commitFails(error: ErrorCode, answer: ErrorCode) throws {
        let broker = try TestBroker()
        broker.commit(offset: 1)
        broker.holdsAppends = true
        let ticket = broker.commit(offset: 2)
        broker.completeAppend(error)
        #expect(broker.committed(ticket) == answer)
        #expect(broker.offset()?.offset == 1)
    }

    @Test("nothing committed reads as none; all partitions come by topic and partition")
    func fetch() throws {
        let broker = try TestBroker()
        #expect(broker.offset() == nil)
        broker.commit(topic: "z", partition: 1, offset: 3)
        broker.commit(topic: "z", partition: 0, offset: 2)
        broker.commit(topic: "a", partition: 9, offset: 1)
        let all = broker.coordinator.fetchOffsets(groupId: "g", partitions: nil)
        #expect(all.partitions.map(\.topicPartition.description) == ["a-9", "z-0", "z-1"])
        #expect(broker.coordinator.fetchOffsets(groupId: "none", partitions: nil).partitions.isEmpty)
    }

    @Test("metadata has a bound in bytes, and only the partition that breaks it fails")
    func metadataBound() throws {
        let broker = try TestBroker { $0.maximumOffsetMetadataBytes = 4 }
        let ticket = broker.ticket()
        let partitions: [OffsetCommitInput.Partition] = [
            .init(TopicPartition(topic: "t", partition: 0), offset: 1, metadata: "four"),
            .init(TopicPartition(topic: "t", partition: 1), offset: 1, metadata: "fünf"),
            .init(TopicPartition(topic: "x", partition: 0), offset: 1, refusal: .unknownTopicOrPartition),
        ]
        let input = OffsetCommitInput(ticket: ticket, groupId: "g", partitions: partitions)
        broker.perform(broker.coordinator.commitOffsets(input, now: broker.now))
        guard case .offsetCommit(let reply)? = broker.replies[ticket] else {
            Issue.record("no answer")
            return
        }
        let expected: [ErrorCode] = [.none, .offsetMetadataTooLarge, .unknownTopicOrPartition]
        #expect(reply.partitions.map(\.errorCode) == expected)
        #expect(broker.offset("t", 1) == nil)
    }

    @Test("a simple consumer commits without a member id as long as the group has no members")
    func simpleConsumer() throws {
        let broker = try TestBroker()
        #expect(broker.committed(broker.commit(offset: 1)) == ErrorCode.none)
        broker.stabilise(["a"])
        #expect(broker.committed(broker.commit(offset: 2)) == .unknownMemberId)
        #expect(broker.committed(broker.commit("a", generation: 0, offset: 2)) == .illegalGeneration)
        broker.leave(MemberIdentity(memberId: "a"))
        #expect(broker.committed(broker.commit(offset: 3)) == ErrorCode.none)
    }

    @Test("a member's commit to a group that is gone says so")
    func missingGroup() throws {
        let broker = try TestBroker()
        #expect(broker.committed(broker.commit("a", generation: 4, offset: 1)) == .groupIdNotFound)
        #expect(broker.coordinator.groupCount == 0)
    }

    @Test("a commit keeps a member's session alive")
    func commitIsASignOfLife() throws {
        let broker = try TestBroker()
        broker.stabilise(["a"])
        for _ in 0..<5 {
            broker.advance(by: .seconds(8))
            broker.commit("a", offset: 1)
        }
        #expect(broker.state == .stable)
    }

    // MARK: Retention

    private let week: Duration = .seconds(10_080 * 60)

    @Test("a simple group's offsets go a retention after their commit, and the group with them")
    func simpleExpiry() throws {
        let broker = try TestBroker()
        broker.commit(offset: 1)
        broker.advance(by: .seconds(3_600))
        broker.commit(partition: 1, offset: 1)
        broker.advance(by: week - .seconds(3_000))
        #expect(broker.offset() == nil)
        #expect(broker.offset("t", 1)?.offset == 1)
        broker.advance(by: .seconds(3_600))
        #expect(broker.coordinator.groupCount == 0)
        #expect(try TestBroker(replaying: broker.log).coordinator.groupCount == 0)
    }

    @Test("a consumer group's offsets count from when its last member left; then the group is removed")
    func emptyGroupExpiry() throws {
        let broker = try TestBroker()
        broker.stabilise(["a"])
        broker.commit("a", offset: 5)
        broker.keepAlive(["a"], for: .seconds(1_000))
        broker.leave(MemberIdentity(memberId: "a"))
        broker.advance(by: week - .seconds(600))
        #expect(broker.offset()?.offset == 5)
        broker.advance(by: .seconds(1_200))
        #expect(broker.coordinator.groupCount == 0)
        #expect(try TestBroker(replaying: broker.log).coordinator.groupCount == 0)
    }

    @Test("a live group keeps the offsets of topics it subscribes to and loses those of others")
    func liveGroupExpiry() throws {
        let broker = try TestBroker { $0.maximumSessionTimeout = .seconds(1_000_000) }
        let subscription = String(decoding: [0, 0, 0, 0, 0, 1, 0, 1, UInt8(ascii: "t"), 0, 0, 0, 0] as [UInt8],
            as: UTF8.self)
        let join = broker.join(protocols: [("range", subscription)], session: .seconds(1_000_000), as: "a")
        broker.advance(by: .seconds(3))
        #expect(broker.joined(join) != nil)
        broker.sync("a", assigning: ["a"])
        broker.commit("a", topic: "t", offset: 1)
        broker.commit("a", topic: "old", offset: 1)
        broker.advance(by: week + .seconds(600))
        #expect(broker.offset("t")?.offset == 1)
        #expect(broker.offset("old") == nil)
    }

    @Test("a retention of the commit's own counts, also after a restart")
    func ownRetention() throws {
        let broker = try TestBroker()
        broker.commit(offset: 1, retention: .seconds(60))
        #expect(try TestBroker(replaying: broker.log).offset()?.expireTimestamp == TestBroker.wallStart + 60_000)
        broker.advance(by: .seconds(600))
        #expect(broker.offset() == nil)
    }

    @Test("while its removal is being written a group lets nobody in, and stays if that fails")
    func removalFails() throws {
        let broker = try TestBroker()
        broker.stabilise(["a"])
        broker.leave(MemberIdentity(memberId: "a"))
        broker.holdsAppends = true
        broker.advance(by: .seconds(600))
        #expect(broker.state == .dead)
        #expect(broker.joined(broker.join(as: "b"))?.errorCode == .coordinatorNotAvailable)
        #expect(broker.committed(broker.commit(offset: 1)) == .coordinatorNotAvailable)
        broker.completeAppend(.notEnoughReplicas)
        #expect(broker.state == .empty)
        #expect(broker.generation == 2)
        broker.releaseAppends()
        broker.advance(by: .seconds(600))
        #expect(broker.coordinator.groupCount == 0)
    }

    @Test("an offset with a commit on its way does not expire")
    func pendingCommitIsKept() throws {
        let broker = try TestBroker()
        broker.commit(offset: 1)
        broker.advance(by: week - .seconds(60))
        broker.holdsAppends = true
        broker.commit(offset: 2)
        broker.advance(by: .seconds(600))
        #expect(broker.appends.count == 1)
        broker.releaseAppends()
        #expect(broker.offset()?.offset == 2)
    }
}
