import Groups
import KafkaWire
import NIOCore
import Testing

@Suite("Groups as real clients make them")
struct ScenarioTests {
    @Test("three members that start together share the first generation, and each gets its own assignment")
    func threeStart() throws {
        let broker = try TestBroker()
        let joins = ["a", "b", "c"].map { broker.join(as: $0) }
        #expect(joins.allSatisfy { broker.joined($0) == nil })
        broker.advance(by: .seconds(6))
        let answers = try joins.map { try #require(broker.joined($0)) }
        #expect(answers.allSatisfy { $0.errorCode == .none && $0.generation == 1 && $0.leader == "a" })
        #expect(answers.map(\.members.count) == [3, 0, 0])
        #expect(answers.allSatisfy { $0.protocolName == "range" && $0.protocolType == "consumer" })

        let follower = broker.sync("b")
        #expect(broker.synced(follower) == nil)
        let leader = broker.sync("a", assigning: ["a", "b", "c"])
        #expect(broker.synced(follower)?.assignment.text == "b@1")
        #expect(broker.synced(leader)?.assignment.text == "a@1")
        #expect(broker.state == .stable)
        #expect(broker.synced(broker.sync("c"))?.assignment.text == "c@1")
    }

    @Test("each newcomer puts the first rebalance off by the delay, but not beyond the rebalance timeout")
    func initialDelay() throws {
        let broker = try TestBroker()
        let first = broker.join(rebalance: .seconds(8), as: "a")
        broker.advance(by: .seconds(2))
        broker.join(rebalance: .seconds(8), as: "b")
        broker.advance(by: .milliseconds(3_999))
        #expect(broker.joined(first) == nil)
        broker.join(rebalance: .seconds(8), as: "c")
        broker.advance(by: .milliseconds(1))
        #expect(broker.joined(first) == nil)
        broker.advance(by: .milliseconds(1_999))
        broker.join(rebalance: .seconds(8), as: "d")
        broker.advance(by: .milliseconds(1))
        #expect(broker.joined(first)?.members.count == 4)
    }

    @Test("without an initial delay the first member goes on at once")
    func noInitialDelay() throws {
        let broker = try TestBroker { $0.initialRebalanceDelay = .zero }
        #expect(broker.joined(broker.join(as: "a"))?.generation == 1)
    }

    @Test("a client is given its member id first, and joins with it")
    func memberIdRequired() throws {
        let broker = try TestBroker()
        let required = try #require(broker.joined(broker.join(as: "a", version: 4)))
        #expect(required.errorCode == .memberIdRequired)
        #expect(required.memberId == "a")
        let second = broker.join("a", version: 4)
        broker.advance(by: .seconds(3))
        #expect(broker.joined(second)?.memberId == "a")
    }

    @Test("a rebalance waits for a client that was given an id, but only as long as its session")
    func pendingMember() throws {
        let broker = try TestBroker()
        broker.stabilise(["a"])
        broker.join(session: .seconds(7), as: "b", version: 4)
        let again = broker.join("a")
        #expect(broker.joined(again) == nil)
        broker.advance(by: .seconds(7))
        #expect(broker.joined(again)?.generation == 2)
        #expect(broker.joined(broker.join("b", version: 4))?.errorCode == .unknownMemberId)
    }

    @Test("a pending client may leave, which lets the others go on without starting a rebalance")
    func pendingLeaves() throws {
        let broker = try TestBroker()
        broker.stabilise(["a"])
        broker.join(as: "b", version: 4)
        #expect(broker.leave(MemberIdentity(memberId: "b"))?.members.first?.errorCode == ErrorCode.none)
        #expect(broker.state == .stable)
        broker.join(as: "c", version: 4)
        let again = broker.join("a")
        broker.leave(MemberIdentity(memberId: "c"))
        #expect(broker.joined(again)?.generation == 2)
    }

    @Test("a member that is silent for its session is given up; the others learn it by heartbeat and go on")
    func oneDies() throws {
        let broker = try TestBroker()
        broker.stabilise(["a", "b", "c"])
        broker.keepAlive(["a", "b"], for: .seconds(12))
        #expect(broker.state == .preparingRebalance)
        #expect(broker.heartbeat("a") == .rebalanceInProgress)
        #expect(broker.heartbeat("c") == .unknownMemberId)
        let leader = broker.join("a")
        let follower = broker.join("b")
        #expect(broker.joined(leader)?.members.map(\.memberId) == ["a", "b"])
        #expect(broker.joined(follower)?.generation == 2)
    }

    @Test("a member that beats but never joins again is dropped when the barrier's time is up")
    func droppedAtBarrier() throws {
        let broker = try TestBroker()
        broker.stabilise(["a", "b"])
        let leader = broker.join("a")
        for _ in 0..<19 { broker.keepAlive(["b"], for: .seconds(3)) }
        #expect(broker.joined(leader) == nil)
        #expect(broker.heartbeat("b") == .rebalanceInProgress)
        broker.advance(by: .seconds(3))
        #expect(broker.joined(leader)?.members.map(\.memberId) == ["a"])
        #expect(broker.heartbeat("b") == .unknownMemberId)
    }

    @Test("when the leader leaves, another member leads")
    func leaderLeaves() throws {
        let broker = try TestBroker()
        broker.stabilise(["a", "b", "c"])
        broker.leave(MemberIdentity(memberId: "a"))
        let joins = ["c", "b"].map { broker.join($0) }
        let answers = joins.compactMap { broker.joined($0) }
        #expect(answers.map(\.leader) == ["b", "b"])
        #expect(broker.coordinator.group("g")?.leaderId == "b")
    }

    @Test("a leader that does not join again loses the lead to a member that has")
    func leaderIsLate() throws {
        let broker = try TestBroker()
        broker.stabilise(["a", "b"])
        let changed = broker.join("b", protocols: [("range", "more topics")])
        broker.keepAlive(["a"], for: .seconds(60))
        #expect(broker.joined(changed)?.leader == "b")
    }

    @Test("a follower that joins again with nothing new gets the current generation and disturbs nobody")
    func followerRejoins() throws {
        let broker = try TestBroker()
        broker.stabilise(["a", "b"])
        let again = try #require(broker.joined(broker.join("b")))
        #expect(again.generation == 1)
        #expect(again.members.isEmpty)
        #expect(broker.synced(broker.sync("b"))?.assignment.text == "b@1")
        #expect(broker.state == .stable)
    }

    @Test("in the cooperative protocol a follower that gave up partitions joins again with new metadata")
    func cooperative() throws {
        let broker = try TestBroker()
        let protocols = [("cooperative-sticky", "owned: 0 1 2")]
        broker.stabilise(["a", "b"], protocols: protocols)
        let revoked = broker.join("b", protocols: [("cooperative-sticky", "owned: 0")])
        #expect(broker.heartbeat("a") == .rebalanceInProgress)
        let commit = broker.commit("a", offset: 5)
        #expect(broker.committed(commit) == ErrorCode.none)
        let leader = broker.join("a", protocols: protocols)
        #expect(broker.joined(revoked)?.generation == 2)
        #expect(broker.joined(leader)?.members.map(\.metadata.text).sorted() == ["owned: 0", "owned: 0 1 2"])
    }

    @Test("the protocol that all members offer and most prefer is chosen")
    func votes() throws {
        let broker = try TestBroker()
        let first = broker.join(protocols: [("only-a", ""), ("range", "r"), ("sticky", "s")], as: "a")
        broker.join(protocols: [("sticky", "s"), ("range", "r")], as: "b")
        broker.join(protocols: [("sticky", "s"), ("range", "r")], as: "c")
        let stranger = broker.join(protocols: [("only-a", "")], as: "d")
        #expect(broker.joined(stranger)?.errorCode == .inconsistentGroupProtocol)
        broker.advance(by: .seconds(6))
        #expect(broker.joined(first)?.protocolName == "sticky")
        #expect(broker.joined(first)?.members.allSatisfy { $0.metadata.text == "s" } == true)
        #expect(broker.synced(broker.sync("b", protocolName: "range"))?.errorCode == .inconsistentGroupProtocol)
    }

    @Test("members that never ask for their assignment are given up when the rebalance timeout has passed")
    func syncTimeout() throws {
        let broker = try TestBroker()
        broker.join(as: "a")
        broker.join(as: "b")
        broker.advance(by: .seconds(6))
        let waiting = broker.sync("b")
        broker.keepAlive(["a"], for: .seconds(60))
        #expect(broker.synced(waiting)?.errorCode == .rebalanceInProgress)
        #expect(broker.heartbeat("a") == .unknownMemberId)
        #expect(broker.heartbeat("b") == .rebalanceInProgress)
        #expect(broker.joined(broker.join("b"))?.leader == "b")
    }

    @Test("a new member that waits too long for its first generation is told to start over")
    func newMemberJoinTimeout() throws {
        let broker = try TestBroker()
        broker.join(rebalance: .seconds(900), as: "a")
        broker.advance(by: .seconds(3))
        broker.sync("a", assigning: ["a"])
        let late = broker.join(as: "b")
        broker.keepAlive(["a"], for: .seconds(300))
        #expect(broker.joined(late)?.errorCode == .unknownMemberId)
    }

    @Test("a request that is sent again takes the place of the first, which is answered too")
    func sentAgain() throws {
        let broker = try TestBroker()
        broker.stabilise(["a", "b"])
        let first = broker.join("a")
        let second = broker.join("a")
        #expect(broker.joined(first)?.errorCode == .coordinatorLoadInProgress)
        broker.join("b")
        #expect(broker.joined(second)?.errorCode == ErrorCode.none)
        let sync = broker.sync("b")
        let syncAgain = broker.sync("b")
        #expect(broker.synced(sync)?.errorCode == .rebalanceInProgress)
        broker.sync("a", assigning: ["b"])
        #expect(broker.synced(syncAgain)?.assignment.text == "b@2")
    }

    @Test("an assignment that could not be written starts another rebalance", arguments: [
        (ErrorCode.notEnoughReplicas, ErrorCode.coordinatorNotAvailable),
        (.notLeaderOrFollower, .notCoordinator), (.messageTooLarge, .unknownServerError),
    ])
    func assignmentFails(error: ErrorCode, answer: ErrorCode) throws {
        let broker = try TestBroker()
        broker.join(as: "a")
        broker.advance(by: .seconds(3))
        broker.holdsAppends = true
        let sync = broker.sync("a", assigning: ["a"])
        #expect(broker.synced(sync) == nil)
        #expect(broker.state == .completingRebalance)
        broker.completeAppend(error)
        #expect(broker.synced(sync)?.errorCode == answer)
        #expect(broker.state == .preparingRebalance)
        #expect(broker.joined(broker.join("a"))?.generation == 2)
    }

    @Test("a leader that sends its assignment twice has it written once")
    func leaderSyncsTwice() throws {
        let broker = try TestBroker()
        broker.join(as: "a")
        broker.advance(by: .seconds(3))
        broker.holdsAppends = true
        let first = broker.sync("a", assigning: ["a"])
        let second = broker.sync("a", assigning: [])
        #expect(broker.appends.count == 1)
        broker.releaseAppends()
        #expect(broker.synced(first)?.errorCode == .rebalanceInProgress)
        #expect(broker.synced(second)?.assignment.text == "a@1")
    }

    @Test("an assignment of a generation that is over by the time it is written changes nothing")
    func staleAssignment() throws {
        let broker = try TestBroker()
        broker.join(as: "a")
        broker.advance(by: .seconds(3))
        broker.holdsAppends = true
        let sync = broker.sync("a", assigning: ["a"])
        broker.join(as: "b")
        #expect(broker.synced(sync)?.errorCode == .rebalanceInProgress)
        broker.releaseAppends()
        #expect(broker.state == .preparingRebalance)
    }

    @Test("when the last member leaves the group is empty, and a new one starts over with the next generation")
    func lastLeaves() throws {
        let broker = try TestBroker()
        broker.stabilise(["a"])
        broker.leave(MemberIdentity(memberId: "a"))
        #expect(broker.state == .empty)
        #expect(broker.generation == 2)
        let join = broker.join(as: "b")
        broker.advance(by: .seconds(3))
        #expect(broker.joined(join)?.generation == 3)
    }
}
