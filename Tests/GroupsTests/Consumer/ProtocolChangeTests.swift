import Groups
import KafkaWire
import NIOCore
import Testing

@Suite("A group between the classic and the next-generation protocol")
struct ProtocolChangeTests {
    @Test("an empty classic group becomes a consumer group and keeps its offsets, over a restart too")
    func upgrade() throws {
        let broker = try TestBroker()
        broker.topic("t", partitions: 2)
        broker.stabilise(["old"])
        broker.commit("old", offset: 7)
        var a = TestConsumer("a")
        a.beat(broker)
        #expect(a.lastError == .groupIdNotFound)
        broker.leave(MemberIdentity(memberId: "old"))
        a.beat(broker)
        #expect(a.partitions() == [0, 1])
        #expect(broker.offset()?.offset == 7)
        #expect(broker.coordinator.listedGroups.map(\.type) == [.consumer])
        let again = try TestBroker(replaying: broker.log)
        #expect(again.consumer()?.members.count == 1)
        #expect(again.offset()?.offset == 7)
        #expect(again.coordinator.listedGroups.map(\.state) == ["Stable"])
    }

    @Test("a consumer group with members takes no classic ones; an empty one becomes classic")
    func downgrade() throws {
        let broker = try TestBroker()
        broker.topic("t", partitions: 2)
        var a = TestConsumer("a")
        a.beat(broker)
        #expect(broker.joined(broker.join())?.errorCode == .inconsistentGroupProtocol)
        #expect(broker.heartbeat("a", generation: 1) == .unknownMemberId)
        #expect(broker.synced(broker.sync("a", generation: 1))?.errorCode == .unknownMemberId)
        a.leave(broker)
        #expect(broker.consumer()?.state == .empty)
        broker.stabilise(["old"])
        #expect(broker.coordinator.listedGroups.map(\.type) == [.classic])
        let again = try TestBroker(replaying: broker.log)
        #expect(again.coordinator.listedGroups.map(\.type) == [.classic])
        #expect(again.coordinator.listedGroups.map(\.state) == ["Stable"])
    }

    @Test("an empty consumer group is deleted by request, and by time once its offsets are gone")
    func deletion() throws {
        let broker = try TestBroker()
        broker.topic("t", partitions: 2)
        var a = TestConsumer("a")
        a.beat(broker)
        let refused = broker.delete()
        #expect(broker.replies[refused]?.errorCode == .nonEmptyGroup)
        a.leave(broker)
        let deleted = broker.delete()
        #expect(broker.replies[deleted]?.errorCode == ErrorCode.none)
        #expect(broker.coordinator.groupCount == 0)
        #expect(try TestBroker(replaying: broker.log).coordinator.groupCount == 0)
        a.beat(broker)
        a.leave(broker)
        broker.advance(by: .seconds(1_200))
        #expect(broker.coordinator.groupCount == 0)
    }

    @Test("while an empty consumer group is being removed, a classic member is told to come again")
    func joinDuringRemoval() throws {
        let broker = try TestBroker()
        broker.topic("t", partitions: 2)
        var a = TestConsumer("a")
        a.beat(broker)
        a.leave(broker)
        broker.holdsAppends = true
        _ = broker.delete()
        #expect(broker.joined(broker.join())?.errorCode == .coordinatorNotAvailable)
        broker.releaseAppends()
        broker.stabilise(["old"])
        #expect(broker.coordinator.listedGroups.map(\.type) == [.classic])
    }

    @Test("members' metadata is bounded over all groups, in both protocols, and given back")
    func metadataBound() throws {
        let broker = try TestBroker { $0.maximumMetadataBytes = 100 }
        let large = String(repeating: "x", count: 60)
        let first = broker.join(protocols: [("range", large)], as: "a")
        broker.advance(by: .seconds(3))
        #expect(broker.joined(first)?.errorCode == ErrorCode.none)
        #expect(broker.coordinator.metadataBytes == 65)
        let refused = broker.join(group: "other", protocols: [("range", large)])
        #expect(broker.joined(refused)?.errorCode == .policyViolation)
        #expect(broker.coordinator.groupCount == 1)
        var consumer = TestConsumer("c", topics: [large])
        consumer.group = "third"
        consumer.beat(broker)
        #expect(consumer.lastError == .policyViolation)
        #expect(consumer.lastMessage?.contains("signalbox.group.max.metadata.bytes") == true)
        broker.leave(MemberIdentity(memberId: "a"))
        #expect(broker.coordinator.metadataBytes == 0)
        consumer.beat(broker)
        #expect(consumer.lastError == .none && broker.coordinator.metadataBytes == 60)
        #expect(try TestBroker(replaying: broker.log).coordinator.metadataBytes == 60)
        consumer.leave(broker)
        #expect(broker.coordinator.metadataBytes == 0)
    }
}
