import KafkaMessages
import KafkaWire
import NIOCore
import Storage
import SystemPackage
import Testing

@testable import BrokerServer

@Suite("Damage on the disk, as clients see it", .timeLimit(.minutes(5)))
struct DamageWireTests {
    private static let firstLog = "00000000000000000000.log"

    private func overwrite(_ path: String, at position: Int64, _ bytes: [UInt8]) throws {
        try POSIXFileSystem().open(FilePath(path)).write([ByteBuffer(bytes: bytes)], at: position)
    }

    @Test(
        "a partition that cannot be opened is offline, all others are served, and it is back once it can be",
        arguments: [FileOperation.open, .list, .size, .read])
    func unopenable(operation: FileOperation) async throws {
        try await RestartTests.withFolder { folder in
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t", partitions: 2)
                for partition in Int32(0)..<2 {
                    _ = try await connection.produce(batch(["a"]), to: "t", partition: partition)
                }
            }
            try RestartTests.makeUnclean(folder)
            let files = FaultyFileSystem(POSIXFileSystem())
            var plan = FaultPlan()
            let suffix = operation == .list ? "t-0" : "t-0/\(Self.firstLog)"
            plan.add(operation, on: suffix, times: .max, .fail(errno: 5))
            files.use(plan)
            try await withBroker(in: folder, files: files) { broker in
                let connection = try await broker.connect()
                #expect(try await connection.fetch(fetchRequest("t", from: 0)).errorCode == .kafkaStorageError)
                #expect(try await connection.produce(batch(["x"]), to: "t").errorCode == .kafkaStorageError)
                #expect(try await connection.listOffset(-1, of: "t").errorCode == .kafkaStorageError)
                #expect(try await connection.fetch(fetchRequest("t", from: 0, partition: 1)).texts == ["a"])
                #expect(try await connection.produce(batch(["b"]), to: "t", partition: 1).errorCode == .none)
                let partitions = try #require(try await connection.metadata(["t"]).topics.first).partitions
                #expect(partitions.map(\.offlineReplicas) == [[1], []])
            }
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                #expect(try await connection.fetch(fetchRequest("t", from: 0)).texts == ["a"])
                #expect(try await connection.fetch(fetchRequest("t", from: 0, partition: 1)).texts == ["a", "b"])
            }
        }
    }

    @Test("an offline partition can be deleted with its topic, and a new one of that name is empty and online")
    func deleteOffline() async throws {
        try await RestartTests.withFolder { folder in
            let files = FaultyFileSystem(POSIXFileSystem())
            try await withBroker(in: folder, files: files) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t", ["flush.messages": "1"])
                var plan = FaultPlan()
                plan.add(.sync, on: "t-0/\(Self.firstLog)", .fail(errno: 5))
                files.use(plan)
                #expect(try await connection.produce(batch(["x"]), to: "t").errorCode == .kafkaStorageError)
                #expect(try await connection.deleteTopic("t").errorCode == .none)
                #expect(try files.list(FilePath(folder)).filter { $0.hasPrefix("t-") } == [])
                try await connection.createTopic("t")
                #expect(try await connection.produce(batch(["y"]), to: "t").baseOffset == 0)
            }
        }
    }

    @Test("a bit flipped in a record is served for the consumer's checksum to find; in a header it is CORRUPT_MESSAGE")
    func fetched() async throws {
        try await RestartTests.withFolder { folder in
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t", partitions: 2)
                for partition in Int32(0)..<2 {
                    for value in ["a", "b", "c"] {
                        _ = try await connection.produce(batch([value]), to: "t", partition: partition)
                    }
                }
            }
            let size = try #require(try POSIXFileSystem().byteCount(of: FilePath("\(folder)/t-0/\(Self.firstLog)"))) / 3
            try overwrite("\(folder)/t-0/\(Self.firstLog)", at: size + 66, [0xEE])
            try overwrite("\(folder)/t-1/\(Self.firstLog)", at: size + 8, [0x7F])
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                let served = try await connection.fetch(fetchRequest("t", from: 0))
                #expect(served.errorCode == .none && served.records?.byteCount == Int(size * 3))
                #expect(throws: (any Error).self) { try served.texts }
                #expect(try await connection.fetch(fetchRequest("t", from: 2)).texts == ["c"])
                #expect(
                    try await connection.fetch(fetchRequest("t", from: 2, partition: 1)).errorCode == .corruptMessage)
                #expect(try await connection.produce(batch(["d"]), to: "t", partition: 1).baseOffset == 3)
            }
        }
    }

    @Test("damaged metadata is refused with what to do, and nothing is changed", arguments: [true, false])
    func metadata(isClean: Bool) async throws {
        try await RestartTests.withFolder { folder in
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                for name in ["t", "u", "v"] { try await connection.createTopic(name) }
                _ = try await connection.produce(batch(["a"]), to: "v")
            }
            if !isClean { try RestartTests.makeUnclean(folder) }
            let path = FilePath("\(folder)/__cluster_metadata-0/\(Self.firstLog)")
            try overwrite(path.string, at: 70, [0xEE])
            let bytes = try POSIXFileSystem().contents(of: path)
            let error = await #expect(throws: DataFolderError.self) { try await withBroker(in: folder) { _ in } }
            let text = try #require(error?.description)
            #expect(text.contains("the metadata log cannot be read") && text.contains("put __cluster_metadata-0 back"))
            #expect(try POSIXFileSystem().contents(of: path) == bytes)
            try overwrite(path.string, at: 70, [bytes?.getInteger(at: 70) ?? UInt8(0)])
        }
    }

    @Test("records of a topic that the metadata does not know are never removed to make room for a new topic")
    func stray() async throws {
        try await RestartTests.withFolder { folder in
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                try await connection.createTopic("t")
                _ = try await connection.produce(batch(["a"]), to: "t")
            }
            try POSIXFileSystem().removeFolder(FilePath("\(folder)/__cluster_metadata-0"))
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                #expect(try await connection.metadata(nil).topics.isEmpty)
                try await connection.createTopic("t")
                #expect(try await connection.fetch(fetchRequest("t", from: 0)).texts == [])
            }
            let kept = "\(folder)/t-0.1-stray/\(Self.firstLog)"
            #expect(try POSIXFileSystem().byteCount(of: FilePath(kept)) ?? 0 > 0)
            try await withBroker(in: folder) { broker in
                let connection = try await broker.connect()
                #expect(try await connection.metadata(nil).topics.map(\.name) == ["t"])
            }
        }
    }

    @Test(
        "meta.properties that says nothing, or has another version, is refused by name",
        arguments: [
            ("", nil), ("version=1\n", nil), ("cluster.id=\nnode.id=x\n", nil),
            ("version=2\ncluster.id=a\nnode.id=1\n", "has version 2, this reads 1"),
        ] as [(String, String?)])
    func properties(text: String, reason: String?) async throws {
        try await RestartTests.withFolder { folder in
            try await withBroker(in: folder) { _ in }
            let path = FilePath("\(folder)/meta.properties")
            try POSIXFileSystem().replace(path, with: ByteBuffer(string: text))
            let error = await #expect(throws: DataFolderError.self) { try await withBroker(in: folder) { _ in } }
            let expected = reason ?? "has no cluster.id and node.id; put it back as it was"
            #expect(error?.description == "\(path) \(expected)")
        }
    }

    @Test("a cluster.id that would not survive meta.properties is refused")
    func clusterID() async throws {
        for id in ["a b", "a\nnode.id=9", "é"] {
            try await RestartTests.withFolder { folder in
                let error = await #expect(throws: DataFolderError.self) {
                    try await withBroker(in: folder, ["cluster.id": id]) { _ in }
                }
                #expect(error?.description.contains("'\(id)'") == true)
            }
        }
    }

    @Test("a log.dirs that is a file is refused by name")
    func notAFolder() async throws {
        try await RestartTests.withFolder { folder in
            let path = "\(folder)/file"
            try POSIXFileSystem().create(FilePath(path)).write([ByteBuffer(string: "x")], at: 0)
            let error = await #expect(throws: DataFolderError.self) { try await withBroker(in: path) { _ in } }
            #expect(error?.description.hasPrefix("log.dirs: \(path) ") == true)
        }
    }
}
