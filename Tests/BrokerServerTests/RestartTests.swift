import KafkaMessages
import KafkaWire
import Storage
import SystemPackage
import TestSupport
import Testing

@testable import BrokerServer

@Suite("Stop and start", .timeLimit(.minutes(5)))
struct RestartTests {
    static func withFolder<Value: Sendable>(
        _ operation: @Sendable (String) async throws -> Value
    ) async throws -> Value {
        try await withTemporaryDirectory { try await operation($0) }
    }

    /// Makes the next start think that the process was killed.
    static func makeUnclean(_ folder: String) throws {
        let wasClean = try CleanShutdownMarker.take(in: FilePath(folder), files: POSIXFileSystem())
        try #require(wasClean, "the broker was to stop cleanly")
    }

    @Test("topics, ids, configurations, records and committed offsets are as before", arguments: [true, false])
    func everythingKept(isClean: Bool) async throws {
        try await Self.withFolder { folder in
            let id = try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                let id = try await connection.createTopic("t", partitions: 3, ["segment.bytes": "1000"])
                for number in 0..<30 {
                    _ = try await connection.produce(batch(["\(number)"]), to: "t", partition: 1)
                }
                _ = try await connection.call(FindCoordinatorRequest(key: "g"), version: 0)
                let commit = OffsetCommitRequest(
                    groupId: "g", generationIdOrMemberEpoch: -1,
                    topics: [
                        .init(
                            name: "t",
                            partitions: [
                                .init(partitionIndex: 1, committedOffset: 12, committedMetadata: "place")
                            ])
                    ])
                let committed = try await connection.call(commit, version: ByName.commit)
                #expect(committed.topics[0].partitions[0].errorCode == .none)
                return id
            }
            if !isClean { try Self.makeUnclean(folder) }
            // Another number of partitions in the settings changes nothing for what is there.
            let changed = ["offsets.topic.num.partitions": "7"]
            try await withBroker(in: folder, changed) { broker in
                let connection = try await broker.connect()
                let topic = try #require(try await connection.metadata(["t"]).topics.first)
                #expect(topic.topicId == id && topic.partitions.count == 3)
                let data = try await connection.fetch(fetchRequest("t", from: 0, partition: 1))
                #expect(data.errorCode == .none && data.highWatermark == 30)
                _ = try await connection.call(FindCoordinatorRequest(key: "g"), version: 0)
                let asked = OffsetFetchRequest(
                    groups: [.init(groupId: "g", topics: [.init(name: "t", partitionIndexes: [1])])])
                let fetched = try await connection.call(asked, version: ByName.offsetFetch)
                let offset = try #require(fetched.groups.first?.topics.first?.partitions.first)
                #expect(offset.committedOffset == 12 && offset.metadata == "place")
            }
        }
    }

    @Test("producer ids never repeat", arguments: [true, false])
    func producerIDs(isClean: Bool) async throws {
        try await Self.withFolder { folder in
            var seen: Set<Int64> = []
            for _ in 0..<3 {
                let ids = try await withBroker(in: folder) { broker in
                    let connection = try await broker.connect()
                    var ids: [Int64] = []
                    for _ in 0..<5 { ids.append(try await connection.call(InitProducerIdRequest()).producerId) }
                    return ids
                }
                #expect(seen.isDisjoint(with: ids))
                seen.formUnion(ids)
                if !isClean { try Self.makeUnclean(folder) }
            }
            #expect(seen.count == 15)
        }
    }

    @Test("a folder that another broker uses is refused and stays unharmed")
    func twoBrokers() async throws {
        try await Self.withFolder { folder in
            try await withBroker(in: folder) { broker in
                let error = await #expect(throws: DataFolderError.self) { try await withBroker(in: folder) { _ in } }
                #expect(error?.description == "log.dirs: \(folder) is in use by another broker")
                let connection = try await broker.connect()
                try await connection.createTopic("t")
            }
            try await withBroker(in: folder) { broker in
                let names = try await broker.connect().metadata(nil).topics.map(\.name)
                #expect(names == ["t"])
            }
        }
    }

    @Test("a folder of another broker or cluster is refused by name")
    func foreignFolder() async throws {
        try await Self.withFolder { folder in
            try await withBroker(in: folder, ["cluster.id": "north"]) { _ in }
            let properties = "\(folder)/meta.properties"
            let cases = [
                (["node.id": "2"], "node.id is 2, but \(properties) belongs to broker 1"),
                (["cluster.id": "south"], "cluster.id is south, but \(properties) belongs to cluster north"),
            ]
            for (settings, message) in cases {
                let error = await #expect(throws: DataFolderError.self) {
                    try await withBroker(in: folder, settings) { _ in }
                }
                #expect(error?.description == message)
            }
        }
    }

    @Test("a port in use is told, and costs neither the folder nor the clean stop before")
    func portInUse() async throws {
        try await withBroker { other in
            try await Self.withFolder { folder in
                try await withBroker(in: folder) { _ in }
                let address = "PLAINTEXT://127.0.0.1:\(other.port)"
                let error = await #expect(throws: ListenError.self) {
                    try await withBroker(in: folder, ["listeners": address]) { _ in }
                }
                let text = try #require(error?.description)
                #expect(text == "listeners: \(address) is in use")
                // The first of two listeners is closed again.
                _ = await #expect(throws: ListenError.self) {
                    try await withBroker(
                        in: folder, ["listeners": "FREE://127.0.0.1:0,TAKEN://127.0.0.1:\(other.port)"]
                    ) { _ in }
                }
                try Self.makeUnclean(folder)
                try await withBroker(in: folder) { _ in }
            }
        }
    }
}
