import Groups
import KafkaWire
import NIOCore
import Testing

@Suite("Static members")
struct StaticMemberTests {
    private func stableGroup() throws -> TestBroker {
        let broker = try TestBroker()
        broker.stabilise(["a", "b"], instances: ["a": "one", "b": "two"])
        return broker
    }

    @Test("one that restarts in time has its assignment back without a rebalance")
    func restart() throws {
        let broker = try stableGroup()
        broker.advance(by: .seconds(5))
        let back = try #require(broker.joined(broker.join(instance: "two", as: "b2", version: 9)))
        #expect(back.errorCode == .none)
        #expect(back.memberId == "b2")
        #expect(back.generation == 1)
        #expect(back.members.isEmpty)
        #expect(broker.synced(broker.sync("b2", instance: "two"))?.assignment.text == "b@1")
        #expect(broker.state == .stable)
        #expect(broker.heartbeat("a", instance: "one") == ErrorCode.none)
    }

    @Test("the old incarnation is fenced")
    func fenced() throws {
        let broker = try stableGroup()
        broker.join(instance: "two", as: "b2")
        #expect(broker.heartbeat("b", instance: "two") == .fencedInstanceId)
        #expect(broker.heartbeat("b") == .unknownMemberId)
        #expect(broker.synced(broker.sync("b", instance: "two"))?.errorCode == .fencedInstanceId)
        #expect(broker.joined(broker.join("b", instance: "two"))?.errorCode == .fencedInstanceId)
        let left = broker.leave(MemberIdentity(memberId: "b", groupInstanceId: "two"))
        #expect(left?.members.first?.errorCode == .fencedInstanceId)
    }

    @Test("a leader that restarts is told not to assign: by the flag, or before version 9 by not being the leader")
    func leaderRestarts() throws {
        let broker = try stableGroup()
        let new = try #require(broker.joined(broker.join(instance: "one", as: "a2", version: 9)))
        #expect(new.skipAssignment)
        #expect(new.leader == "a2")
        #expect(new.members.count == 2)
        let old = try #require(broker.joined(broker.join(instance: "one", as: "a3", version: 8)))
        #expect(!old.skipAssignment)
        #expect(old.leader == "a2")
        #expect(old.members.isEmpty)
        #expect(broker.coordinator.group("g")?.leaderId == "a3")
    }

    @Test("nobody sees the new id before the log has it; if it cannot be written the old one stays")
    func replacementFails() throws {
        let broker = try stableGroup()
        broker.holdsAppends = true
        let join = broker.join(instance: "two", as: "b2")
        #expect(broker.joined(join) == nil)
        #expect(broker.heartbeat("b", instance: "two") == ErrorCode.none)
        let impatient = broker.join(instance: "two", as: "b3")
        #expect(broker.joined(impatient)?.errorCode == .coordinatorLoadInProgress)
        broker.completeAppend(.notEnoughReplicas)
        #expect(broker.joined(join)?.errorCode == .coordinatorNotAvailable)
        #expect(broker.heartbeat("b", instance: "two") == ErrorCode.none)
    }

    @Test("a rebalance that begins while the new id is being written sends the client back to join again")
    func replacementOvertaken() throws {
        let broker = try stableGroup()
        broker.holdsAppends = true
        let join = broker.join(instance: "two", as: "b2")
        broker.join("a", instance: "one")
        broker.releaseAppends()
        #expect(broker.joined(join)?.errorCode == .coordinatorLoadInProgress)
        let again = broker.join(instance: "two", as: "b3")
        #expect(broker.joined(again)?.generation == 2)
    }

    @Test("one that comes back with other protocols, so that another would be chosen, starts a rebalance")
    func otherProtocols() throws {
        let broker = try TestBroker()
        broker.stabilise(
            ["a", "b"], protocols: [("range", ""), ("sticky", "")], instances: ["a": "one", "b": "two"])
        let back = broker.join(instance: "two", protocols: [("sticky", "")], as: "b2")
        #expect(broker.state == .preparingRebalance)
        broker.join("a", instance: "one", protocols: [("range", ""), ("sticky", "")])
        #expect(broker.joined(back)?.protocolName == "sticky")
    }

    @Test("one that comes back while the assignment is awaited starts a rebalance, and fences the old one's requests")
    func duringCompleting() throws {
        let broker = try stableGroup()
        broker.join("a", instance: "one")
        broker.join("b", instance: "two")
        let waiting = broker.sync("b", instance: "two")
        let back = broker.join(instance: "two", as: "b2")
        #expect(broker.synced(waiting)?.errorCode == .fencedInstanceId)
        #expect(broker.state == .preparingRebalance)
        let parked = broker.join(instance: "two", as: "b3")
        #expect(broker.joined(back)?.errorCode == .fencedInstanceId)
        broker.join("a", instance: "one")
        #expect(broker.joined(parked)?.generation == 3)
    }

    @Test("one that is away over a rebalance keeps its place until its session ends")
    func awayOverRebalance() throws {
        let broker = try TestBroker()
        broker.stabilise(["a", "b"], instances: ["b": "two"])
        let leader = broker.join("a", rebalance: .seconds(5))
        broker.join("b", instance: "two", rebalance: .seconds(5))
        broker.sync("a", assigning: ["a", "b"])
        broker.sync("b", instance: "two")
        #expect(broker.joined(leader)?.generation == 2)
        let again = broker.join("a", rebalance: .seconds(5))
        broker.advance(by: .seconds(5))
        #expect(broker.joined(again)?.members.map(\.memberId) == ["a", "b"])
    }

    @Test("an administrator removes one by its instance id")
    func removedByInstance() throws {
        let broker = try stableGroup()
        let reply = broker.leave(
            MemberIdentity(memberId: "", groupInstanceId: "two"), MemberIdentity(memberId: "", groupInstanceId: "x"))
        #expect(reply?.members.map(\.errorCode) == [ErrorCode.none, .unknownMemberId])
        #expect(broker.heartbeat("b", instance: "two") == .unknownMemberId)
        #expect(broker.state == .preparingRebalance)
    }

    @Test("a full group lets its own static member come back")
    func fullGroup() throws {
        let broker = try TestBroker { $0.maximumGroupSize = 2 }
        broker.stabilise(["a", "b"], instances: ["a": "one", "b": "two"])
        #expect(broker.joined(broker.join(instance: "two", as: "b2"))?.errorCode == ErrorCode.none)
        #expect(broker.joined(broker.join(instance: "three"))?.errorCode == .groupMaxSizeReached)
    }
}
