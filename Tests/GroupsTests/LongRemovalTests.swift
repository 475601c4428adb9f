import Groups
import KafkaWire
import NIOCore
import Testing

@Suite("Removals that are larger than one batch may be")
struct LongRemovalTests {
    /// A group with offsets of many partitions in a coordinator whose batches have room for a few.
    private func broker(offsets: Int32 = 40, members: [String] = []) throws -> TestBroker {
        let broker = try TestBroker()
        if !members.isEmpty { broker.stabilise(members) }
        for partition in 0..<offsets { broker.commit(members.first ?? "", partition: partition, offset: 1) }
        for member in members { broker.leave(MemberIdentity(memberId: member)) }
        broker.coordinator.maximumAppendBytes = 300
        return broker
    }

    private func bytes(of records: [LogEntry]) -> Int {
        records.reduce(61) { sum, entry in
            guard case .record(let record, _) = entry else { return sum }
            return sum + record.key.readableBytes + (record.value?.readableBytes ?? 0)
        }
    }

    @Test("a group is deleted in several appends, none too large, answered after the last, where its own tombstone is")
    func deletion() throws {
        let broker = try broker(members: ["a"])
        broker.holdsAppends = true
        let ticket = broker.delete()
        #expect(broker.appends.count > 5)
        #expect(broker.appends.allSatisfy { bytes(of: $0.records) <= 300 })
        #expect(broker.joined(broker.join())?.errorCode == .coordinatorNotAvailable)
        while broker.appends.count > 1 { broker.completeAppend() }
        #expect(broker.replies[ticket] == nil)
        #expect(broker.coordinator.groupCount == 1)
        broker.completeAppend()
        #expect(broker.replies[ticket]?.errorCode == ErrorCode.none)
        #expect(broker.coordinator.groupCount == 0)
        #expect(try TestBroker(replaying: broker.log).coordinator.groupCount == 0)
    }

    @Test("a crash between two of the appends leaves a group with fewer offsets, which can be deleted again")
    func crash() throws {
        let broker = try broker(members: ["a"])
        broker.holdsAppends = true
        _ = broker.delete()
        broker.completeAppend()
        broker.completeAppend()
        let again = try TestBroker(replaying: broker.log)
        let left = again.coordinator.fetchOffsets(groupId: "g", partitions: nil).partitions.count
        #expect(0 < left && left < 40)
        #expect(again.state == .empty)
        let ticket = again.delete()
        #expect(again.replies[ticket]?.errorCode == ErrorCode.none)
        #expect(again.coordinator.groupCount == 0)
    }

    @Test("if one of the appends fails the request fails, memory says what the log says, and a repeat succeeds")
    func failure() throws {
        let broker = try broker(members: ["a"])
        broker.holdsAppends = true
        let ticket = broker.delete()
        broker.completeAppend()
        broker.completeAppend(.kafkaStorageError)
        broker.releaseAppends()
        #expect(broker.replies[ticket]?.errorCode == .notCoordinator)
        let replayed = try TestBroker(replaying: broker.log).coordinator.fetchOffsets(groupId: "g", partitions: nil)
        #expect(broker.coordinator.fetchOffsets(groupId: "g", partitions: nil) == replayed)
        #expect(!replayed.partitions.isEmpty)
        let repeated = broker.delete()
        #expect(broker.replies[repeated]?.errorCode == ErrorCode.none)
        #expect(broker.coordinator.groupCount == 0)
    }

    @Test("many offsets expire, and the commit that comes while they do stays")
    func expiry() throws {
        let broker = try broker()
        broker.holdsAppends = true
        broker.advance(by: .seconds(7 * 24 * 3_600 + 1_200))
        #expect(broker.appends.count > 5)
        let ticket = broker.commit(partition: 39, offset: 5)
        broker.releaseAppends()
        #expect(broker.committed(ticket) == ErrorCode.none)
        let left = broker.coordinator.fetchOffsets(groupId: "g", partitions: nil).partitions
        #expect(left.map(\.offset?.offset) == [5])
        #expect(try TestBroker(replaying: broker.log).offset("t", 39)?.offset == 5)
    }

    @Test("a deleted topic's offsets go, however many")
    func deletedTopic() throws {
        let broker = try broker()
        broker.topic("t", partitions: 0)
        #expect(broker.coordinator.groupCount == 0)
        #expect(try TestBroker(replaying: broker.log).coordinator.groupCount == 0)
    }
}
