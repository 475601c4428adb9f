import Groups
import KafkaWire
import NIOCore
import Testing

@Suite("The coordinator of many groups")
struct CoordinatorTests {
    @Test("a group's partition is Java's string hash over the number of partitions", arguments: [
        ("", 0), ("g", 3), ("console-consumer-12345", 6), ("gruppe-ä", 48), ("polygenelubricants", 0),
    ])
    func partition(group: String, expected: Int32) {
        #expect(GroupConfiguration().partition(forGroup: group) == expected)
    }

    @Test("a stable group and its offsets come back from the log, and its members need not join again")
    func restart() throws {
        let broker = try TestBroker()
        broker.stabilise(["a", "b"], instances: ["b": "two"])
        broker.commit("a", offset: 9, metadata: "m")
        let again = try TestBroker(replaying: broker.log)
        #expect(again.coordinator.group("g")?.leaderId == "a")
        #expect(again.heartbeat("a") == ErrorCode.none)
        #expect(again.heartbeat("b", instance: "two") == ErrorCode.none)
        #expect(again.synced(again.sync("b"))?.assignment.text == "b@1")
        #expect(again.joined(again.join("b", instance: "two"))?.generation == 1)
        #expect(again.offset()?.offset == 9)
        again.keepAlive(["a"], for: .seconds(12))
        #expect(again.heartbeat("a") == .rebalanceInProgress)
    }

    @Test("a group over its size after a restart rebalances, and turns away the last to come back")
    func overCapacity() throws {
        let broker = try TestBroker()
        broker.stabilise(["a", "b", "c"])
        let again = try TestBroker({ $0.maximumGroupSize = 2 }, replaying: broker.log)
        #expect(again.state == .preparingRebalance)
        let first = again.join("b")
        again.join("c")
        #expect(again.joined(again.join("a"))?.errorCode == .groupMaxSizeReached)
        #expect(again.joined(first)?.generation == 2)
    }

    @Test("while its partition loads, a group answers so; elsewhere it is not coordinated")
    func availability() throws {
        let broker = try TestBroker()
        var configuration = GroupConfiguration()
        configuration.offsetsTopicPartitions = 1
        broker.coordinator = GroupCoordinatorState(configuration: configuration)
        #expect(broker.joined(broker.join())?.errorCode == .notCoordinator)
        #expect(broker.coordinator.fetchOffsets(groupId: "g", partitions: nil).errorCode == .notCoordinator)
        broker.coordinator.startLoading(0)
        #expect(broker.joined(broker.join())?.errorCode == .coordinatorLoadInProgress)
        #expect(broker.synced(broker.sync("a"))?.errorCode == .rebalanceInProgress)
        #expect(broker.heartbeat("a") == ErrorCode.none)
        #expect(broker.leave(MemberIdentity(memberId: "a"))?.errorCode == .coordinatorLoadInProgress)
        #expect(broker.committed(broker.commit(offset: 1)) == .coordinatorLoadInProgress)
    }

    @Test("when a partition moves away everyone who waits is told, and late outcomes are ignored")
    func unload() throws {
        let broker = try TestBroker()
        broker.stabilise(["a", "b"], instances: ["b": "two"])
        broker.holdsAppends = true
        let commit = broker.commit("a", offset: 1)
        let replacement = broker.join(instance: "two", as: "b2")
        let join = broker.join("a")
        broker.perform(broker.coordinator.unload(0, now: broker.now))
        #expect(broker.committed(commit) == .notCoordinator)
        #expect(broker.joined(replacement)?.errorCode == .notCoordinator)
        #expect(broker.joined(join)?.errorCode == .notCoordinator)
        #expect(broker.coordinator.parkedTickets.isEmpty)
        broker.releaseAppends()
        #expect(broker.coordinator.groupCount == 0)
        #expect(broker.coordinator.pendingAppendCount == 0)
    }

    @Test("a session timeout outside the bounds is refused", arguments: [Duration.milliseconds(5_999), .seconds(1_801)])
    func sessionBounds(session: Duration) throws {
        let broker = try TestBroker()
        #expect(broker.joined(broker.join(session: session))?.errorCode == .invalidSessionTimeout)
        #expect(broker.coordinator.groupCount == 0)
    }

    @Test("groups, pending ids and pending appends each have a bound")
    func bounds() throws {
        let broker = try TestBroker {
            $0.maximumGroups = 2
            $0.maximumPendingMembers = 1
            $0.maximumPendingAppends = 1
        }
        #expect(broker.joined(broker.join(group: "g", version: 4))?.errorCode == .memberIdRequired)
        #expect(broker.joined(broker.join(group: "g", version: 4))?.errorCode == .groupMaxSizeReached)
        broker.commit(group: "h", offset: 1)
        #expect(broker.joined(broker.join(group: "i"))?.errorCode == .groupMaxSizeReached)
        #expect(broker.committed(broker.commit(group: "i", offset: 1)) == .policyViolation)
        broker.holdsAppends = true
        broker.commit(group: "h", offset: 2)
        #expect(broker.committed(broker.commit(group: "h", offset: 3)) == .coordinatorNotAvailable)
    }

    @Test("a group of which nothing came to be is forgotten when its one pending id lapses")
    func vacant() throws {
        let broker = try TestBroker()
        broker.join(version: 4)
        #expect(broker.coordinator.groupCount == 1)
        broker.advance(by: .seconds(10))
        #expect(broker.coordinator.groupCount == 0)
        #expect(broker.log.isEmpty)
    }

    @Test("a group needs a name, and one that fits into a record")
    func groupNames() throws {
        let broker = try TestBroker()
        #expect(broker.joined(broker.join(group: ""))?.errorCode == .invalidGroupId)
        #expect(broker.heartbeat("a", group: "") == .invalidGroupId)
        let long = String(repeating: "x", count: 40_000)
        #expect(broker.joined(broker.join(group: long))?.errorCode == .invalidGroupId)
        #expect(broker.committed(broker.commit(group: long, offset: 1)) == .invalidGroupId)
    }

    @Test("a member whose names do not fit into a record cannot bring its group to Stable, and nothing breaks")
    func namesTooLong() throws {
        let broker = try TestBroker()
        let name = String(repeating: "x", count: 40_000)
        broker.join(as: name)
        broker.advance(by: .seconds(3))
        let sync = broker.sync(name, assigning: [name])
        #expect(broker.synced(sync)?.errorCode == .unknownServerError)
        #expect(broker.state == .preparingRebalance)
    }

    @Test("records of an unknown kind are skipped, and broken ones are an error")
    func strangeRecords() throws {
        let broker = try TestBroker()
        var coordinator = GroupCoordinatorState(configuration: broker.coordinator.configuration)
        coordinator.startLoading(0)
        let unknown = GroupRecord(key: ByteBuffer(bytes: [0, 99, 1]), value: ByteBuffer(bytes: [1]))
        #expect(try coordinator.apply(unknown) == false)
        #expect(throws: WireError.self) {
            try coordinator.apply(GroupRecord(key: ByteBuffer(bytes: [0]), value: nil))
        }
        broker.stabilise(["a"])
        let record = try #require(broker.records.last)
        let value = try #require(record.value)
        for length in 0..<value.readableBytes {
            let cut = GroupRecord(key: record.key, value: value.getSlice(at: value.readerIndex, length: length))
            #expect(throws: WireError.self) { try coordinator.apply(cut) }
        }
    }

    @Test("describe and list show groups as tools expect them")
    func describe() throws {
        let broker = try TestBroker()
        broker.stabilise(["a", "b"])
        broker.commit(group: "simple", offset: 1)
        let stable = broker.coordinator.describe("g")
        #expect(stable.state == .stable)
        #expect(stable.protocolName == "range")
        #expect(stable.members.map(\.assignment.text) == ["a@1", "b@1"])
        #expect(broker.coordinator.describe("none").state == .dead)
        #expect(broker.coordinator.listedGroups.map(\.groupId) == ["g", "simple"])
        #expect(broker.coordinator.listedGroups.map(\.protocolType) == ["consumer", ""])
    }
}
