import Groups
import KafkaWire
import Testing

@Suite("Groups of the next-generation protocol")
struct ConsumerGroupTests {
    @Test("one member gets everything at once; a second one gets its half only when it was given up")
    func rebalance() throws {
        let broker = try TestBroker()
        broker.topic("t", partitions: 6)
        var a = TestConsumer("a")
        a.beat(broker)
        #expect(a.epoch == 1 && a.partitions() == [0, 1, 2, 3, 4, 5])
        var b = TestConsumer("b")
        b.beat(broker)
        #expect(b.epoch == 2 && b.partitions().isEmpty)
        #expect(broker.consumer()?.state == .reconciling)
        let before = a.held
        a.beat(broker)
        // It still says that it held all six, so nothing is released yet.
        #expect(a.epoch == 1 && a.partitions().count == 3 && a.held != before)
        b.beat(broker)
        #expect(b.partitions().isEmpty)
        a.beat(broker)
        #expect(a.epoch == 2)
        b.beat(broker)
        #expect(b.partitions().count == 3 && Set(a.partitions() + b.partitions()).count == 6)
        #expect(broker.consumer()?.state == .stable)
    }

    @Test("a heartbeat that changes nothing writes nothing and answers no assignment")
    func steady() throws {
        let broker = try TestBroker()
        broker.topic("t", partitions: 2)
        var a = TestConsumer("a")
        a.beat(broker)
        let written = broker.log.count
        let reply = broker.beat(a.request(broker, isFull: false))
        #expect(reply?.errorCode == ErrorCode.none && reply?.assignment == nil)
        #expect(reply?.heartbeatInterval == .seconds(5))
        #expect(broker.log.count == written)
    }

    @Test("a heartbeat that says everything is answered with the assignment, by names as by a pattern")
    func whole() throws {
        for (topics, regex) in [(["t"], nil), (nil, "t")] as [([String]?, String?)] {
            let broker = try TestBroker()
            broker.topic("t", partitions: 2)
            var member = TestConsumer("a", topics: topics, regex: regex)
            member.beat(broker)
            let reply = broker.beat(member.request(broker))
            #expect(reply?.assignment == member.held && member.partitions() == [0, 1])
        }
    }

    @Test("a silent member is given up after its session, and its share goes to the others")
    func session() throws {
        let broker = try TestBroker()
        broker.topic("t", partitions: 4)
        var members = [TestConsumer("a"), TestConsumer("b")]
        members.settle(broker)
        for _ in 0..<10 {
            broker.advance(by: .seconds(5))
            members[0].beat(broker, isFull: false)
        }
        #expect(broker.consumer()?.members.keys.sorted() == ["a"])
        #expect(members[0].partitions() == [0, 1, 2, 3])
        members[1].beat(broker)
        #expect(members[1].lastError == .unknownMemberId)
    }

    @Test("a member that does not give up what it was told to is given up itself")
    func revocationTimeout() throws {
        let broker = try TestBroker()
        broker.topic("t", partitions: 2)
        var a = TestConsumer("a")
        a.beat(broker)
        var b = TestConsumer("b")
        b.beat(broker)
        a.beat(broker)
        for _ in 0..<13 {
            broker.advance(by: .seconds(5))
            // It lives, but never says that it holds less.
            _ = broker.beat(a.request(broker, isFull: false))
            b.beat(broker)
        }
        #expect(broker.consumer()?.members.keys.sorted() == ["b"])
        #expect(b.partitions() == [0, 1])
    }

    @Test("epochs fence: ahead, behind, and one behind with more than it was given; a lost answer is repeated")
    func fencing() throws {
        let broker = try TestBroker()
        broker.topic("t", partitions: 4)
        var members = [TestConsumer("a")]
        members.settle(broker)
        members.append(TestConsumer("b"))
        members.settle(broker)
        var a = members[0]
        let known = a.epoch
        a.epoch = known + 1
        #expect(broker.beat(a.request(broker))?.errorCode == .fencedMemberEpoch)
        a.epoch = known - 1
        #expect(broker.beat(a.request(broker))?.errorCode == ErrorCode.none)
        a.held = AssignedPartitions([TestBroker.topicID("t"): [0, 1, 2, 3]])
        #expect(broker.beat(a.request(broker))?.errorCode == .fencedMemberEpoch)
        a.epoch = 0
        a.held = AssignedPartitions()
        #expect(broker.beat(a.request(broker))?.assignment?.count == 2)
    }

    @Test("a topic that appears, grows or vanishes changes the target with the next heartbeat")
    func topics() throws {
        let broker = try TestBroker(topics: [])
        var a = TestConsumer("a", topics: ["t", "u"])
        a.beat(broker)
        #expect(a.epoch == 1 && a.held.isEmpty)
        broker.topic("t", partitions: 1)
        broker.topic("other", partitions: 9)
        a.beat(broker)
        #expect(a.epoch == 2 && a.partitions() == [0])
        broker.topic("t", partitions: 3)
        a.beat(broker)
        #expect(a.epoch == 3 && a.partitions() == [0, 1, 2])
        broker.topic("t", partitions: 0)
        a.beat(broker)
        a.beat(broker)
        #expect(a.epoch == 4 && a.held.isEmpty)
        broker.topic("t", partitions: 2, salt: 1)
        a.beat(broker)
        #expect(a.held.count == 2)
        broker.topic("other", partitions: 10)
        a.beat(broker)
        #expect(a.epoch == 5)
    }

    @Test("a pattern reads what matches it as a whole, now and later, and nothing internal")
    func pattern() throws {
        let broker = try TestBroker()
        broker.topic("log-1", partitions: 1)
        broker.topic("my-log-1", partitions: 1)
        broker.topic("log-internal", partitions: 1, isInternal: true)
        var a = TestConsumer("a", topics: nil, regex: "log-.*")
        a.beat(broker)
        #expect(a.held.count == 1 && a.partitions("log-1") == [0])
        broker.topic("log-2", partitions: 2)
        a.beat(broker)
        #expect(a.partitions("log-2") == [0, 1])
        a.regex = "log-(2"
        a.beat(broker)
        #expect(a.lastError == .invalidRegularExpression && a.lastMessage?.contains("log-(2") == true)
        a.regex = ""
        a.topics = ["my-log-1"]
        a.beat(broker)
        a.beat(broker)
        #expect(a.held.count == 1 && a.partitions("my-log-1") == [0])
    }

    @Test("a static member that leaves for a while finds its share again under a new id")
    func staticMember() throws {
        let broker = try TestBroker()
        broker.topic("t", partitions: 4)
        var members = [TestConsumer("a", instance: "one"), TestConsumer("b", instance: "two")]
        members.settle(broker)
        let share = members[0].held
        let epoch = broker.consumer()?.epoch
        members[0].leave(broker, forAWhile: true)
        #expect(members[0].lastError == .none)
        members[1].beat(broker)
        #expect(members[1].held.count == 2)
        var back = TestConsumer("c", instance: "one")
        back.beat(broker)
        #expect(back.held == share && broker.consumer()?.epoch == epoch)
        #expect(broker.consumer()?.members.keys.sorted() == ["b", "c"])
        var impostor = TestConsumer("d", instance: "one")
        impostor.beat(broker)
        #expect(impostor.lastError == .unreleasedInstanceId)
        members[0].epoch = 2
        #expect(broker.beat(members[0].request(broker))?.errorCode == .fencedInstanceId)
        back.leave(broker)
        members[1].beat(broker)
        #expect(members[1].held.count == 4)
    }

    @Test("a static member that does not come back within its session is given up")
    func staticMemberGone() throws {
        let broker = try TestBroker()
        broker.topic("t", partitions: 4)
        var members = [TestConsumer("a", instance: "one"), TestConsumer("b")]
        members.settle(broker)
        members[0].leave(broker, forAWhile: true)
        for _ in 0..<10 {
            broker.advance(by: .seconds(5))
            members[1].beat(broker)
        }
        #expect(members[1].held.count == 4)
    }

    @Test("requests that make no sense are refused with the error and the reason")
    func invalid() throws {
        let broker = try TestBroker { $0.consumerMaximumSize = 1 }
        broker.topic("t", partitions: 1)
        func refusal(_ change: (inout ConsumerHeartbeatInput) -> Void) -> ErrorCode? {
            var input = TestConsumer("a").request(broker)
            change(&input)
            return broker.beat(input)?.errorCode
        }
        #expect(refusal { $0.groupID = "" } == .invalidRequest)
        #expect(refusal { $0.memberID = "" } == .invalidRequest)
        #expect(refusal { $0.instanceID = "" } == .invalidRequest)
        #expect(refusal { $0.rackID = "" } == .invalidRequest)
        #expect(refusal { $0.rebalanceTimeout = nil } == .invalidRequest)
        #expect(refusal { $0.topicNames = nil } == .invalidRequest)
        #expect(refusal { $0.owned = nil } == .invalidRequest)
        #expect(refusal { $0.memberEpoch = -3 } == .invalidRequest)
        #expect(refusal { $0.memberEpoch = -2 } == .invalidRequest)
        #expect(refusal { $0.serverAssignor = "fair" } == .unsupportedAssignor)
        #expect(refusal { $0.memberEpoch = 1 } == .groupIdNotFound)
        #expect(refusal { _ in } == ErrorCode.none)
        #expect(refusal { $0.memberID = "b" } == .groupMaxSizeReached)
        #expect(refusal { $0.memberID = "b"; $0.memberEpoch = 1 } == .unknownMemberId)
        #expect(refusal { $0.memberID = ""; $0.requiresMemberID = false; $0.newMemberID = "x" }
            == .groupMaxSizeReached)
    }

    @Test("what cannot be written changes nothing, and the next heartbeat asks for it again")
    func failedAppend() throws {
        let broker = try TestBroker()
        broker.topic("t", partitions: 2)
        broker.holdsAppends = true
        let first = TestConsumer("a").request(broker)
        let second = TestConsumer("b").request(broker)
        #expect(broker.beat(first) == nil && broker.beat(second) == nil)
        #expect(broker.appends.count == 1)
        broker.completeAppend(.notEnoughReplicas)
        #expect(broker.beaten(first.ticket)?.errorCode == .coordinatorNotAvailable)
        #expect(broker.consumer()?.members.isEmpty == true)
        broker.releaseAppends()
        #expect(broker.beaten(second.ticket)?.assignment?.count == 2)
    }

    @Test("members commit and fetch with their epoch; an old one is stale")
    func offsets() throws {
        let broker = try TestBroker()
        broker.topic("t", partitions: 2)
        var members = [TestConsumer("a")]
        members.settle(broker)
        let epoch = Generation(members[0].epoch)
        #expect(broker.committed(broker.commit("a", generation: epoch, offset: 4)) == ErrorCode.none)
        #expect(broker.committed(broker.commit("a", generation: 0, offset: 5)) == .staleMemberEpoch)
        #expect(broker.committed(broker.commit("b", generation: epoch, offset: 5)) == .unknownMemberId)
        #expect(broker.committed(broker.commit(generation: -1, offset: 5)) == .unknownMemberId)
        #expect(broker.committed(broker.commit("a", generation: 0, offset: 5, producer: 1)) == .illegalGeneration)
        #expect(broker.offset()?.offset == 4)
        #expect(broker.deleteOffsets(TopicPartition(topic: "t", partition: 0))?.partitions.map(\.errorCode)
            == [.groupSubscribedToTopic])
    }
}
