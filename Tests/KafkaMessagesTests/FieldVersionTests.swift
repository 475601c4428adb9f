import KafkaWire
import NIOCore
import Testing

@testable import KafkaMessages

@Suite("Fields outside their versions")
struct FieldVersionTests {
    @Test("what would change a request's meaning is not dropped")
    func refused() {
        let request = MetadataRequest(topics: nil, allowAutoTopicCreation: false)
        #expect(throws: WireError.fieldNotInVersion("allowAutoTopicCreation", 3)) { try request.encoded(3) }
        let batched = FindCoordinatorRequest(coordinatorKeys: ["one", "two"])
        #expect(throws: WireError.fieldNotInVersion("coordinatorKeys", 3)) { try batched.encoded(3) }
        let diverging = FetchResponse.PartitionData(divergingEpoch: .init(epoch: 3, endOffset: 9))
        let response = FetchResponse(responses: [.init(partitions: [diverging])])
        #expect(throws: WireError.fieldNotInVersion("divergingEpoch", 11)) { try response.encoded(11) }
    }

    @Test("an ignorable field is dropped and reads as its default")
    func dropped() throws {
        let partition = MetadataResponse.MetadataResponsePartition(partitionIndex: 1, leaderId: 2, leaderEpoch: 3)
        let topic = MetadataResponse.MetadataResponseTopic(name: "t", partitions: [partition])
        let response = MetadataResponse(throttleTimeMs: 5, clusterId: "c", controllerId: 2, topics: [topic])
        let read = try MetadataResponse(decoding: response.encoded(0), 0)
        #expect(read.throttleTimeMs == 0)
        #expect(read.clusterId == nil)
        #expect(read.controllerId == -1)
        #expect(read.topics.first?.partitions.first?.leaderEpoch == -1)
        #expect(read.topics.first?.partitions.first?.leaderId == 2)
    }

    @Test("null where the version has none is an error both ways")
    func nulls() {
        #expect(throws: WireError.unexpectedNull) { try MetadataRequest(topics: nil).encoded(0) }
        #expect(throws: WireError.unexpectedNull) {
            try MetadataRequest(decoding: ByteBuffer(bytes: [0xFF, 0xFF, 0xFF, 0xFF]), 0)
        }
        #expect(throws: WireError.unexpectedNull) { try JoinGroupResponse(protocolName: nil).encoded(6) }
    }

    @Test("a count that cannot fit into what remains is refused before anything is reserved")
    func impossibleCounts() {
        let minimum = FetchRequest.FetchPartition.minimumByteCount(at: 11)
        #expect(minimum == 4 + 4 + 8 + 8 + 4)
        for count in [Int32.max, 3] {
            var bytes = ByteBuffer(integer: count)
            bytes.writeRepeatingByte(0, count: 3 * minimum - 1)
            #expect(throws: WireError.invalidLength(Int(count))) { try readPartitions(bytes) }
        }
    }

    private func readPartitions(_ bytes: ByteBuffer) throws(WireError) -> [FetchRequest.FetchPartition] {
        var reader = WireReader(bytes)
        return try reader.readStructs(version: 11, flexible: false)
    }

    @Test("an array reserves only its bound, however many elements a peer claims")
    func boundedReservation() throws {
        let claimed = 1_000_000
        var bytes = ByteBuffer()
        bytes.writeInteger(Int32(claimed))
        bytes.writeRepeatingByte(0xFF, count: claimed * 2)
        var reader = WireReader(bytes)
        #expect(throws: WireError.unexpectedNull) { try reader.readStrings(flexible: false) }
        #expect(DecodingBounds.reservedElements <= 4096)
    }

    @Test("records in memory are taken over as a piece of their own")
    func recordsStayPieces() throws {
        let batch = ByteBuffer(repeating: 7, count: 5000)
        let partition = FetchResponse.PartitionData(records: RecordsPayload(batch))
        let response = FetchResponse(responses: [.init(topic: "t", partitions: [partition])])
        var writer = WireWriter()
        try response.write(to: &writer, version: 12)
        let pieces = writer.finish()
        #expect(pieces.map(\.byteCount).contains(5000))
        #expect(pieces.count == 3)
    }
}
