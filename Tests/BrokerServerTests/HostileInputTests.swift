import KafkaMessages
import KafkaTransport
import KafkaWire
import NIOCore
import TestSupport
import Testing

@testable import BrokerServer

@Suite("Input that no client should send", .timeLimit(.minutes(5)))
struct HostileInputTests {
    /// Bytes that end the connection they came over, by what is wrong with them.
    enum Attack: String, CaseIterable {
        case twoGibibytes, negativeLength, lengthOverTheLimit, emptyFrame, headerCutShort, unknownAPI, versionNotServed
        case negativeVersion, hugeArray, hugeCompactArray, negativeArray, truncatedBody, garbage
        case httpRequest, tlsHello

        var bytes: ByteBuffer {
            switch self {
            case .twoGibibytes: Self.frame(length: .max, [])
            case .negativeLength: Self.frame(length: -2, [])
            case .lengthOverTheLimit: Self.frame(length: 104_857_601, [])
            case .emptyFrame: Self.frame([])
            case .headerCutShort: Self.frame([0, 18, 0])
            case .unknownAPI: Self.frame([0x7F, 0, 0, 0] + Self.rest)
            case .versionNotServed: Self.frame([0, 3, 0, 99] + Self.rest)
            case .negativeVersion: Self.frame([0, 3, 0xFF, 0xFF] + Self.rest)
            // Metadata 1 with 2^31-1 topics.
            case .hugeArray: Self.frame([0, 3, 0, 1] + Self.rest + [0x7F, 0xFF, 0xFF, 0xFF])
            // Metadata 9: a tagged section, then 2^32-2 topics.
            case .hugeCompactArray: Self.frame([0, 3, 0, 9] + Self.rest + [0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F])
            case .negativeArray: Self.frame([0, 3, 0, 1] + Self.rest + [0x80, 0, 0, 0])
            case .truncatedBody: Self.frame([0, 1, 0, 4] + Self.rest + [0, 0])
            case .garbage: Self.frame((0..<200).map { UInt8(truncatingIfNeeded: $0 &* 97 &+ 31) })
            case .httpRequest: ByteBuffer(string: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            case .tlsHello: ByteBuffer(bytes: [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03])
            }
        }

        /// Correlation id and a null client id.
        private static let rest: [UInt8] = [0, 0, 0, 1, 0xFF, 0xFF]

        private static func frame(_ body: [UInt8]) -> ByteBuffer { frame(length: Int32(body.count), body) }

        private static func frame(length: Int32, _ body: [UInt8]) -> ByteBuffer {
            var bytes = ByteBuffer()
            bytes.writeInteger(length)
            bytes.writeBytes(body)
            return bytes
        }
    }

    @Test(
        "closes that connection; the broker, other connections and the memory for requests are as before",
        arguments: Attack.allCases)
    func attack(_ attack: Attack) async throws {
        try await withBroker { broker in
            let bystander = try await broker.connect()
            _ = try await bystander.call(ApiVersionsRequest(), version: 0)
            let attacker = try await broker.connect()
            try await attacker.send(raw: attack.bytes)
            #expect(await attacker.receiveFrame() == nil)
            #expect(try await bystander.call(ApiVersionsRequest(), version: 0).errorCode == .none)
            let next = try await broker.connect()
            #expect(try await next.call(ApiVersionsRequest(), version: 0).errorCode == .none)
            try await eventually("all memory is given back") { broker.broker.admission.usedBytes == 0 }
            #expect(broker.broker.admission.peakBytes < 1 << 20)
        }
    }

    @Test("a few bytes behind a body are passed over, as librdkafka 2.16 sends some; more close the connection")
    func trailingBytes() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            for (count, isAnswered) in [(9, true), (1024, true), (1025, false)] {
                var frame = try encode(ApiVersionsRequest(), version: 0, correlationID: 1)
                frame.writeRepeatingByte(0xFF, count: count)
                try await connection.send(frame: frame)
                #expect(await connection.receiveFrame() != nil || !isAnswered)
            }
            #expect(await connection.receiveFrame() == nil)
        }
    }

    @Test("half a frame is charged while it is held and given back when the client goes")
    func halfFrame() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            var bytes = ByteBuffer()
            bytes.writeInteger(Int32(100_000_000))
            bytes.writeRepeatingByte(0, count: 50_000)
            try await connection.send(raw: bytes)
            try await eventually("what came in is charged") { broker.broker.admission.usedBytes == 50_000 }
            try await connection.close()
            try await eventually("all memory is given back") { broker.broker.admission.usedBytes == 0 }
        }
    }

    @Test("bounds that are negative or the largest there are do no harm", arguments: [Int32.min, -1, 0, .max])
    func extremeFetch(bound: Int32) async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            try await connection.createTopic("extreme")
            _ = try await connection.produce(batch(["one"]), to: "extreme")
            let wait = min(bound, 1)
            let request = fetchRequest(
                "extreme", from: 0, minBytes: min(bound, 1), maxBytes: bound, partitionMaxBytes: bound, maxWait: wait)
            #expect(try await connection.fetch(request).texts == ["one"])
            for (offset, partition) in [(Int64.min, 0), (-1, 0), (.max, 0), (0, Int32.min), (0, -1), (0, .max)] {
                let data = try await connection.fetch(
                    fetchRequest("extreme", from: offset, partition: Int32(partition)))
                #expect(data.errorCode == (partition == 0 ? .offsetOutOfRange : .unknownTopicOrPartition))
            }
        }
    }

    @Test("requests for nothing are answered with nothing")
    func emptyRequests() async throws {
        try await withBroker { broker in
            let connection = try await broker.connect()
            #expect(try await connection.call(FetchRequest(maxWaitMs: 1000, minBytes: 1)).responses.isEmpty)
            #expect(try await connection.call(FindCoordinatorRequest()).coordinators.isEmpty)
            #expect(try await connection.call(ProduceRequest(acks: 1)).responses.isEmpty)
            #expect(try await connection.call(CreateTopicsRequest()).topics.isEmpty)
            #expect(try await connection.call(DeleteTopicsRequest()).responses.isEmpty)
            #expect(try await connection.call(ListOffsetsRequest()).topics.isEmpty)
            #expect(try await connection.call(DescribeGroupsRequest()).groups.isEmpty)
            #expect(try await connection.call(OffsetFetchRequest()).groups.isEmpty)
            #expect(try await connection.call(MetadataRequest(topics: [])).topics.isEmpty)
        }
    }
}
