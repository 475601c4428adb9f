import KafkaMessages
import KafkaWire
import Storage
import SystemPackage
import TestSupport
import Testing

@testable import BrokerServer

/// Produces, commits and makes topics while file operations fail at random, and remembers what was acknowledged.
private struct FaultRun {
    let seed: UInt64
    var random: SplitMix64
    /// Acknowledged values by partition, in the order of their offsets.
    var acknowledged: [Int32: [(offset: Int64, value: String)]] = [:]
    /// Values that were sent, whatever came of them.
    var sent: Set<String> = []
    var sequences: [Int32: Int32] = [:]
    /// The value of each partition that was refused last.
    var pending: [Int32: String] = [:]
    var committed: Int64?
    /// The topics whose creation was acknowledged.
    var topics: Set<String> = []

    init(seed: UInt64) {
        self.seed = seed
        random = SplitMix64(seed: seed)
    }

    static let partitions: Int32 = 3
    static let operations: [Set<FileOperation>] = [
        [.write], [.sync], [.write, .sync, .truncate], [.create, .open], [.rename, .remove, .syncFolder],
        [.read, .size],
        Set(FileOperation.allCases),
    ]

    mutating func plan() -> FaultPlan {
        let operations = Self.operations[random.next(upTo: Self.operations.count)]
        return FaultPlan(seed: random.next(), oneIn: 3 + random.next(upTo: 12), operations: operations)
    }

    /// Sends a new value, or the one that was refused last, as an idempotent producer does: again and again the same.
    mutating func produce(_ connection: TestConnection) async throws {
        let partition = Int32(random.next(upTo: Int(Self.partitions)))
        let value = pending[partition] ?? newValue(for: partition)
        pending[partition] = value
        let sequence = sequences[partition] ?? 0
        let bytes = try batch([value], producer: Producer(id: Int64(partition) + 500, sequence: sequence))
        for _ in 0..<3 {
            let answer = try await connection.produce(bytes, to: "t", partition: partition)
            if answer.errorCode == .none {
                acknowledged[partition, default: []].append((answer.baseOffset, value))
                sequences[partition] = sequence + 1
                pending[partition] = nil
                return
            }
            try #require(answer.errorCode == .kafkaStorageError, "\(seed): \(answer.errorCode)")
        }
        let read = try await connection.fetch(fetchRequest("t", from: 0, partition: partition))
        try #require([.none, .kafkaStorageError].contains(read.errorCode), "\(seed): \(read.errorCode)")
    }

    private mutating func newValue(for partition: Int32) -> String {
        let value = "\(partition)/\(sent.count)" + String(repeating: ".", count: random.next(upTo: 300))
        sent.insert(value)
        return value
    }

    mutating func commit(_ connection: TestConnection) async throws {
        _ = try await connection.call(FindCoordinatorRequest(key: "g"), version: 0)
        let offset = (committed ?? 0) + 1
        let answer = try await connection.call(
            OffsetCommitRequest(
                groupId: "g", generationIdOrMemberEpoch: -1,
                topics: [.init(name: "t", partitions: [.init(partitionIndex: 0, committedOffset: offset)])]),
            version: ByName.commit)
        let code = try #require(answer.topics.first?.partitions.first?.errorCode)
        if code == .none { committed = offset }
        try #require([.none, .notCoordinator, .coordinatorNotAvailable].contains(code), "\(seed): \(code)")
    }

    mutating func createTopic(_ connection: TestConnection) async throws {
        let name = "made-\(topics.count)-\(sent.count)"
        let answer = try await connection.call(
            CreateTopicsRequest(topics: [.init(name: name, numPartitions: 1, replicationFactor: 1)]))
        let code = try #require(answer.topics.first?.errorCode)
        if code == .none { topics.insert(name) }
        // A creation that was refused may have reached the disk and be there after a restart.
        try #require([.none, .kafkaStorageError, .topicAlreadyExists].contains(code), "\(seed): \(code)")
    }

    mutating func step(_ connection: TestConnection) async throws {
        switch random.next(upTo: 12) {
        case 0: try await commit(connection)
        case 1: try await createTopic(connection)
        default: try await produce(connection)
        }
    }

    /// Everything that was acknowledged is there, once and at its offset.
    func check(_ connection: TestConnection) async throws {
        for (partition, expected) in acknowledged {
            let data = try await connection.fetch(
                fetchRequest("t", from: 0, partition: partition, partitionMaxBytes: 1 << 24))
            var texts = try data.texts
            while Int64(texts.count) < data.highWatermark {
                let more = try await connection.fetch(
                    fetchRequest("t", from: Int64(texts.count), partition: partition, partitionMaxBytes: 1 << 24))
                try #require(!more.texts.isEmpty, "\(seed): \(more.errorCode)")
                texts += try more.texts
            }
            for (offset, value) in expected {
                try #require(texts.indices.contains(Int(offset)) && texts[Int(offset)] == value, "\(seed): \(offset)")
            }
            try #require(Set(texts).count == texts.count && sent.isSuperset(of: texts), "\(seed)")
        }
        let names = Set(try await connection.metadata(nil).topics.compactMap(\.name))
        try #require(names.isSuperset(of: topics), "\(seed)")
        try await checkCommitted(connection)
    }

    private func checkCommitted(_ connection: TestConnection) async throws {
        guard let committed else { return }
        _ = try await connection.call(FindCoordinatorRequest(key: "g"), version: 0)
        let asked = OffsetFetchRequest(
            groups: [.init(groupId: "g", topics: [.init(name: "t", partitionIndexes: [0])])])
        let answer = try await connection.call(asked, version: ByName.offsetFetch)
        let found = try #require(answer.groups.first?.topics.first?.partitions.first?.committedOffset)
        // A refused commit may have come through all the same.
        try #require(found == committed || found == committed + 1, "\(seed): \(found), not \(committed)")
    }
}

@Suite("A disk that fails at random", .timeLimit(.minutes(5)))
struct DiskFaultModelTests {
    @Test(
        "whatever fails, and whenever: what was acknowledged is there after the next start",
        arguments: 0..<40 as Range<UInt64>)
    func random(seed: UInt64) async throws {
        try await RestartTests.withFolder { folder in
            let settings = ["log.flush.interval.messages": seed % 2 == 0 ? "1" : "1000000"]
            let files = FaultyFileSystem(POSIXFileSystem())
            var run = FaultRun(seed: seed)
            for round in 0..<3 {
                let before = run
                let isFaultyToTheEnd = seed % 3 == 0
                run = try await withBroker(in: folder, settings, files: files) { broker in
                    var run = before
                    let connection = try await broker.connect()
                    if round == 0 {
                        try await connection.createTopic(
                            "t", partitions: FaultRun.partitions, ["segment.bytes": "1500"])
                    }
                    try await run.check(connection)
                    files.use(run.plan())
                    for _ in 0..<40 { try await run.step(connection) }
                    if !isFaultyToTheEnd { files.use(FaultPlan()) }
                    return run
                }
                files.use(FaultPlan())
                if seed % 4 < 2 {
                    _ = try CleanShutdownMarker.take(in: FilePath(folder), files: POSIXFileSystem())
                }
            }
            let last = run
            try await withBroker(in: folder, settings) { try await last.check(try await $0.connect()) }
        }
    }
}
