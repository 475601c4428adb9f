import KafkaMessages
import KafkaRecords
import KafkaTransport
import KafkaWire
import NIOCore
import TestSupport
import Testing

@testable import BrokerServer

@Suite("Damaged requests", .timeLimit(.minutes(5)))
struct FuzzTests {
    /// Numbers that are the same in every run with the same seed.
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }

    /// One request of an API at every version, as bytes.
    private static func frames<Request: KafkaRequest>(_ request: Request) -> [ByteBuffer] {
        // A version that has no room for a field of the sample is left out.
        Request.versions.compactMap { version in
            do { return try encode(request, version: version, correlationID: 1) } catch { return nil }
        }
    }

    private static func samples() throws -> [ByteBuffer] {
        let records = try batch(["a", "b"], key: "k")
        let join = JoinGroupRequest(
            groupId: "g", sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, memberId: "",
            protocolType: "consumer", protocols: [.init(name: "range", metadata: ByteBuffer(string: "abc"))])
        let commit = OffsetCommitRequest(
            groupId: "g", generationIdOrMemberEpoch: -1,
            topics: [.init(name: "t", partitions: [.init(partitionIndex: 0, committedOffset: 1)])])
        let create = CreateTopicsRequest(
            topics: [
                .init(
                    name: "made", numPartitions: 1, replicationFactor: 1, configs: [.init(name: "flush.ms", value: "1")]
                )
            ])
        return frames(produceRequest(records, to: "t")) + frames(fetchRequest("t", from: 0, minBytes: 1))
            + frames(ListOffsetsRequest(topics: [.init(name: "t", partitions: [.init(timestamp: 1000)])]))
            + frames(MetadataRequest(topics: [.init(name: "t")])) + frames(commit) + frames(join) + frames(create)
            + frames(OffsetFetchRequest(groupId: "g", topics: [.init(name: "t", partitionIndexes: [0])]))
            + frames(
                OffsetFetchRequest(groups: [.init(groupId: "g", topics: [.init(name: "t", partitionIndexes: [0])])]))
            + frames(FindCoordinatorRequest(key: "g")) + frames(FindCoordinatorRequest(coordinatorKeys: ["g", "h"]))
            + frames(
                SyncGroupRequest(groupId: "g", generationId: 1, memberId: "m", assignments: [.init(memberId: "m")]))
            + frames(HeartbeatRequest(groupId: "g", generationId: 1, memberId: "m"))
            + frames(LeaveGroupRequest(groupId: "g", members: [.init(memberId: "m")]))
            + frames(DescribeGroupsRequest(groups: ["g"])) + frames(ListGroupsRequest())
            + frames(InitProducerIdRequest())
            + frames(DeleteTopicsRequest(topicNames: ["made"])) + frames(ApiVersionsRequest())
    }

    @Test("of any kind leave the broker alive and its memory free", arguments: [UInt64(1), 2, 3])
    func anyRequest(seed: UInt64) async throws {
        try await withBroker(["max.partitions.per.request": "8", "queued.max.requests": "1"]) { broker in
            let bystander = try await broker.connect()
            try await bystander.createTopic("t")
            _ = try await bystander.call(FindCoordinatorRequest(key: "g"), version: 0)
            var random = Seeded(state: seed)
            for sample in try Self.samples() {
                var damaged = sample
                // The API and version stay, or most frames would be refused for those.
                for _ in 0..<Int.random(in: 1...3, using: &random) where damaged.readableBytes > 8 {
                    let position = Int.random(in: 8..<damaged.readableBytes, using: &random)
                    let values: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF, .random(in: 0...255, using: &random)]
                    damaged.setInteger(values.randomElement(using: &random) ?? 0, at: position)
                }
                let connection = try await broker.connect()
                try await connection.send(frame: damaged)
                try await connection.close()
            }
            #expect(try await bystander.call(ApiVersionsRequest(), version: 0).errorCode == .none)
            try await eventually("only one connection is left") { broker.broker.connections.current == 1 }
            try await eventually("all memory is given back") { broker.broker.admission.usedBytes == 0 }
            #expect(try await bystander.produce(batch(["after"]), to: "t").errorCode == .none)
        }
    }

    @Test(
        "batches with any one byte of the header wrong and a right checksum are answered, and the log goes on",
        arguments: [
            UInt8(0), 0x7F, 0x80, 0xFF,
        ])
    func batchHeaders(value: UInt8) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", ["segment.bytes": "500", "index.interval.bytes": "0"])
            try await connection.createTopic("compacted", ["cleanup.policy": "compact"])
            let whole = try batch(["a", "b"], key: "k", producer: Producer(id: 5, sequence: 0))
            for position in 0..<RecordBatchHeader.byteCount {
                var damaged = whole
                damaged.setInteger(value, at: position)
                let covered = try #require(damaged.getSlice(at: 21, length: damaged.readableBytes - 21))
                if !(17..<21).contains(position) { damaged.setInteger(CRC32C.checksum(covered), at: 17) }
                _ = try await connection.produce(damaged, to: "t")
                _ = try await connection.produce(damaged, to: "compacted")
            }
            let partition = try #require(broker.broker.topics.partition(TopicPartition(topic: "t", partition: 0)))
            try await partition.applyRetention()
            for timestamp in [Int64.min, -3, 0, 1000, .max] {
                _ = try await connection.listOffset(timestamp, of: "t")
            }
            let last = try await connection.produce(batch(["after"]), to: "t")
            #expect(last.errorCode == .none)
            let data = try await connection.fetch(fetchRequest("t", from: last.baseOffset))
            #expect(try data.texts == ["after"])
        }
    }

    @Test(
        "configurations at their limits make topics that work",
        arguments: [
            ["retention.ms": "9223372036854775807", "segment.ms": "9223372036854775807"],
            ["retention.ms": "0", "segment.ms": "1"], ["retention.bytes": "0"],
            ["flush.messages": "1", "flush.ms": "0"],
            ["retention.bytes": "9223372036854775807", "flush.messages": "9223372036854775807"],
            ["flush.ms": "9223372036854775807"], ["segment.index.bytes": "4", "index.interval.bytes": "0"],
            ["segment.bytes": "100"], ["message.timestamp.type": "LogAppendTime", "retention.ms": "-1"],
        ])
    func extremeTopics(configurations: [String: String]) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t", configurations)
            let partition = try #require(broker.broker.topics.partition(TopicPartition(topic: "t", partition: 0)))
            for number in Int64(0)..<5 {
                broker.clock.advance(by: 10)
                let answer = try await connection.produce(batch(["x"], timestamp: broker.clock.now), to: "t")
                #expect(answer.errorCode == .none && answer.baseOffset == number)
                try await partition.applyRetention()
            }
            for timestamp in [Int64.min, .max] {
                let answer = try await connection.produce(
                    batch(["x"], timestamp: timestamp - (timestamp > 0 ? 1 : 0)), to: "t")
                #expect([.none, .invalidTimestamp].contains(answer.errorCode))
                try await partition.applyRetention()
            }
        }
    }

    @Test("times and numbers of groups that cannot be are answered", arguments: [Int32.min, -1, 0, .max])
    func extremeGroups(number: Int32) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("t")
            _ = try await connection.call(FindCoordinatorRequest(key: "g"), version: 0)
            let joined = try await connection.call(
                JoinGroupRequest(
                    groupId: "g", sessionTimeoutMs: number, rebalanceTimeoutMs: number, protocolType: "consumer",
                    protocols: [.init(name: "range")]), version: 1)
            #expect(joined.errorCode == .invalidSessionTimeout)
            let parked = try await broker.connect()
            try await parked.send(
                JoinGroupRequest(
                    groupId: "g", sessionTimeoutMs: 10_000, rebalanceTimeoutMs: number, protocolType: "consumer",
                    protocols: [.init(name: "range")]), version: 1)
            let commit = OffsetCommitRequest(
                groupId: "other", generationIdOrMemberEpoch: number < 0 ? -1 : number,
                retentionTimeMs: Int64(number) << 31,
                topics: [
                    .init(
                        name: "t",
                        partitions: [.init(partitionIndex: number, committedOffset: .min)])
                ])
            #expect(try await connection.call(commit, version: 4).topics.count == 1)
            #expect(try await connection.call(ApiVersionsRequest(), version: 0).errorCode == .none)
        }
    }
}
