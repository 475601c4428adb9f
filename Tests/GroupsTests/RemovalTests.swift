import Groups
import KafkaWire
import NIOCore
import Testing

@Suite("Deleting groups and offsets")
struct RemovalTests {
    private func outcome(_ broker: TestBroker, _ ticket: RequestTicket) -> ErrorCode? {
        broker.replies[ticket]?.errorCode
    }

    private let first = TopicPartition(topic: "t", partition: 0)

    @Test("an empty group goes with its offsets and stays away after a restart")
    func emptyGroup() throws {
        let broker = try TestBroker()
        broker.stabilise(["a"])
        broker.commit("a", offset: 4)
        #expect(outcome(broker, broker.delete()) == .nonEmptyGroup)
        broker.leave(MemberIdentity(memberId: "a"))
        #expect(outcome(broker, broker.delete()) == ErrorCode.none)
        #expect(broker.coordinator.groupCount == 0)
        #expect(try TestBroker(replaying: broker.log).coordinator.groupCount == 0)
        #expect(outcome(broker, broker.delete()) == .groupIdNotFound)
    }

    @Test("a group that only stores offsets goes too, with what a transaction has pending")
    func simpleGroup() throws {
        let broker = try TestBroker()
        broker.commit(offset: 4)
        broker.commit(partition: 1, offset: 4, producer: 7)
        #expect(outcome(broker, broker.delete()) == ErrorCode.none)
        broker.endTransaction(of: 7, isCommit: true)
        #expect(broker.coordinator.groupCount == 0)
        #expect(try TestBroker(replaying: broker.log).coordinator.groupCount == 0)
    }

    @Test("while the tombstones are on their way nobody gets in; if they fail the group is as before")
    func failedDeletion() throws {
        let broker = try TestBroker()
        broker.stabilise(["a"])
        broker.leave(MemberIdentity(memberId: "a"))
        broker.holdsAppends = true
        let ticket = broker.delete()
        #expect(outcome(broker, ticket) == nil)
        #expect(broker.joined(broker.join())?.errorCode == .coordinatorNotAvailable)
        #expect(outcome(broker, broker.delete()) == .groupIdNotFound)
        broker.completeAppend(.kafkaStorageError)
        #expect(outcome(broker, ticket) == .notCoordinator)
        #expect(broker.state == .empty)
    }

    @Test("a group of which only handed out ids are known goes at once, and the ids lapse")
    func pendingMembers() throws {
        let broker = try TestBroker()
        broker.join(as: "a", version: 4)
        #expect(outcome(broker, broker.delete()) == ErrorCode.none)
        #expect(broker.coordinator.groupCount == 0)
        #expect(broker.joined(broker.join("a", version: 4))?.errorCode == .unknownMemberId)
    }

    @Test("offsets of topics that members read stay, those of others go")
    func offsetsOfLiveGroup() throws {
        let broker = try TestBroker()
        let subscription = String(
            decoding: [0, 0, 0, 0, 0, 1, 0, 1, UInt8(ascii: "t"), 0, 0, 0, 0] as [UInt8], as: UTF8.self)
        broker.stabilise(["a"], protocols: [("range", subscription)])
        broker.commit("a", offset: 1)
        broker.commit("a", topic: "old", offset: 1)
        let other = TopicPartition(topic: "old", partition: 0)
        let none = TopicPartition(topic: "none", partition: 0)
        let reply = broker.deleteOffsets(first, other, none)
        #expect(reply?.errorCode == ErrorCode.none)
        #expect(reply?.partitions.map(\.errorCode) == [.groupSubscribedToTopic, .none, .none])
        #expect(broker.offset()?.offset == 1)
        #expect(broker.offset("old") == nil)
        #expect(try TestBroker(replaying: broker.log).offset("old") == nil)
    }

    @Test("of a live group that is not made of consumers no offset is deleted")
    func otherProtocolType() throws {
        let broker = try TestBroker()
        broker.join(type: "connect", as: "a")
        broker.advance(by: .seconds(3))
        broker.sync("a", assigning: ["a"])
        #expect(broker.deleteOffsets(first)?.errorCode == .nonEmptyGroup)
        #expect(broker.deleteOffsets(first, group: "none")?.errorCode == .groupIdNotFound)
    }

    @Test("a deleted topic's offsets go, committed and pending")
    func deletedTopic() throws {
        let broker = try TestBroker()
        broker.commit(offset: 1)
        broker.commit(partition: 1, offset: 1, producer: 3)
        broker.commit(topic: "u", offset: 1)
        broker.perform(broker.coordinator.topicsDeleted(["t"], now: broker.now))
        broker.endTransaction(of: 3, isCommit: true)
        #expect(broker.offset() == nil)
        #expect(broker.offset("t", 1) == nil)
        #expect(broker.offset("u")?.offset == 1)
    }
}
