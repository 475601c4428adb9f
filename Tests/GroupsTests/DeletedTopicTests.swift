import Groups
import KafkaWire
import Testing

@Suite("Offsets of a topic that was deleted")
struct DeletedTopicTests {
    @Test("are gone after a crash before their tombstones were written", arguments: [nil, ProducerID(3)])
    func crash(producer: ProducerID?) throws {
        let broker = try TestBroker()
        broker.commit(offset: 9, producer: producer)
        broker.commit(topic: "u", offset: 4)
        let again = try TestBroker(replaying: broker.log, topics: ["u"])
        if let producer { again.endTransaction(of: producer, isCommit: true) }
        again.topic("t", partitions: 1, salt: 1)
        #expect(again.offset() == nil)
        #expect(again.offset("u")?.offset == 4)
        let third = try TestBroker(replaying: again.log)
        #expect(third.offset() == nil)
    }

    @Test("are gone too where the topic was made anew before the crash: its id tells them apart")
    func madeAnew() throws {
        let broker = try TestBroker()
        broker.commit(offset: 9)
        let again = try TestBroker(topics: [])
        again.topic("t", partitions: 1, salt: 1)
        try again.replay(broker.log)
        #expect(again.offset() == nil)
        #expect(again.coordinator.groupCount == 0)
        again.commit(offset: 2)
        #expect(again.offset()?.offset == 2)
    }

    @Test("do not show while their tombstones are on their way, and are tried again if these failed")
    func failedTombstones() throws {
        let broker = try TestBroker()
        broker.commit(offset: 9)
        broker.holdsAppends = true
        broker.topic("t", partitions: 0)
        broker.topic("t", partitions: 1, salt: 1)
        #expect(broker.offset() == nil)
        broker.completeAppend(.kafkaStorageError)
        broker.holdsAppends = false
        #expect(broker.offset() == nil)
        #expect(broker.coordinator.groupCount == 1)
        broker.advance(by: .seconds(601))
        #expect(broker.coordinator.groupCount == 0)
        #expect(try TestBroker(replaying: broker.log).coordinator.groupCount == 0)
    }

    @Test("records without the topic's id, as older brokers wrote them, count for the topic of that name")
    func withoutID() throws {
        let position = TopicPartition(topic: "t", partition: 0)
        let offset = CommittedOffset(offset: 7, commitTimestamp: TestBroker.wallStart)
        let record = try GroupRecord(.offset(groupId: "g", position, offset))
        let broker = try TestBroker(replaying: [.record(record, nil)])
        #expect(broker.offset()?.offset == 7)
    }

    @Test("groups that come and go do not pile up deadlines")
    func deadlines() throws {
        let broker = try TestBroker()
        for round in 0..<1_000 {
            broker.join(group: "g\(round)", session: .seconds(1_800), as: "a\(round)", version: 4)
            broker.leave(MemberIdentity(memberId: "a\(round)"), group: "g\(round)")
        }
        #expect(broker.coordinator.groupCount == 0)
        #expect(broker.coordinator.deadlineCount <= 70)
        broker.stabilise(["b"])
        broker.advance(by: .seconds(10))
        #expect(broker.state == .empty)
    }
}
