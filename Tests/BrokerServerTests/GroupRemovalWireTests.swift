import Groups
import KafkaMessages
import KafkaWire
import TestSupport
import Testing

@testable import BrokerServer

@Suite("What is left of groups and topics that were deleted, over the wire", .timeLimit(.minutes(5)))
struct GroupRemovalWireTests {
    private func commit(_ partitions: Range<Int32>, of topic: String = "t") -> OffsetCommitRequest {
        OffsetCommitRequest(
            groupId: "g",
            topics: [
                .init(name: topic, partitions: partitions.map { .init(partitionIndex: $0, committedOffset: 7) })
            ])
    }

    private func offsets(_ connection: TestConnection) async throws -> [Int64] {
        let asked = OffsetFetchRequest(groups: [.init(groupId: "g", topics: nil)])
        let fetched = try await connection.call(asked, version: ByName.offsetFetch)
        return fetched.groups.flatMap(\.topics).flatMap(\.partitions).map(\.committedOffset)
    }

    @Test("a group with more offsets than one batch has room for is deleted, over a restart too")
    func manyOffsets() async throws {
        try await withTemporaryDirectory { folder in
            try await withBroker(in: folder, ["message.max.bytes": "1000"]) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t", partitions: 60)
                _ = try await connection.call(FindCoordinatorRequest(coordinatorKeys: ["g"]))
                for first in stride(from: Int32(0), to: 60, by: 6) {
                    let answer = try await connection.call(commit(first..<first + 6), version: ByName.commit)
                    #expect(answer.topics[0].partitions.allSatisfy { $0.errorCode == .none })
                }
                #expect(try await offsets(connection).count == 60)
                let deleted = try await connection.call(DeleteGroupsRequest(groupsNames: ["g"]))
                #expect(deleted.results.map(\.errorCode) == [.none])
            }
            try await withBroker(in: folder) { broker in
                let left = try await offsets(try await broker.connect())
                #expect(left.isEmpty)
            }
        }
    }

    @Test("a topic made anew begins without the offsets of the one before, over a restart too")
    func topicMadeAnew() async throws {
        try await withTemporaryDirectory { folder in
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t")
                _ = try await connection.call(FindCoordinatorRequest(coordinatorKeys: ["g"]))
                _ = try await connection.call(commit(0..<1), version: ByName.commit)
                #expect(try await offsets(connection) == [7])
                _ = try await connection.call(DeleteTopicsRequest(topics: [.init(name: "t")]))
                try await connection.createTopic("t")
                #expect(try await offsets(connection).allSatisfy { $0 == -1 })
            }
            try await withBroker(in: folder) { broker in
                let left = try await offsets(try await broker.connect())
                #expect(left.isEmpty)
            }
        }
    }

    @Test("while the first groups load, the others are loading too, and nobody is sent elsewhere")
    func loading() async throws {
        try await withBroker(["offsets.topic.num.partitions": "50"]) { broker in
            let groups = broker.broker.coordinators.groups
            async let prepared: Void = groups.prepare()
            var states: Set<ErrorCode?> = []
            repeat {
                states = await groups.look { state in
                    Set((0..<200).map { state.availability(ofGroup: "g\($0)") })
                }
                #expect(!states.contains(.notCoordinator) || states.count == 1)
                await Task.yield()
            } while states != [nil]
            try await prepared
        }
    }
}
