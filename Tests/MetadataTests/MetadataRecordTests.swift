import KafkaWire
import Metadata
import NIOCore
import Testing

@Suite("Metadata record")
struct MetadataRecordTests {
    static let id = KafkaUUID(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10)

    static let records: [MetadataRecord] = [
        .topic(name: "station-events", id: id),
        .partition(
            PartitionRecord(
                partition: 3, topicID: id, replicas: [1, 2, 3], inSyncReplicas: [1], leader: 1, leaderEpoch: 9)),
        .partition(
            PartitionRecord(
                partition: 0, topicID: id, replicas: [], inSyncReplicas: [], leader: -1, leaderEpoch: .none)),
        .config(.init(.topic, "t"), key: "segment.bytes", value: "1000"),
        .config(.init(.topic, "t"), key: "segment.bytes", value: nil),
        .removeTopic(id: id),
        .producerIDs(broker: 1, next: ProducerID(.max)),
    ]

    @Test("every record is read back as it was written", arguments: records)
    func roundTrip(record: MetadataRecord) throws {
        #expect(try MetadataRecord(decoding: record.encode()) == record)
    }

    @Test("cut at any byte, or with a byte too many, it is no record", arguments: records)
    func truncated(record: MetadataRecord) throws {
        let bytes = try record.encode()
        for length in 0..<bytes.readableBytes {
            let part = try #require(bytes.getSlice(at: bytes.readerIndex, length: length))
            #expect(throws: MetadataRecordError.self, "cut at \(length)") { try MetadataRecord(decoding: part) }
        }
        var longer = bytes
        longer.writeInteger(UInt8(0))
        #expect(throws: MetadataRecordError.malformed(.trailingBytes(1))) { try MetadataRecord(decoding: longer) }
    }

    @Test("bytes are those of Kafka's metadata records")
    func golden() throws {
        let topic = try MetadataRecord.topic(name: "ab", id: Self.id).encode()
        #expect(Array(topic.readableBytesView) == [1, 2, 0, 3, 0x61, 0x62] + Array(1...16) + [0])
        let removal = try MetadataRecord.removeTopic(id: Self.id).encode()
        #expect(Array(removal.readableBytesView) == [1, 9, 0] + Array(1...16) + [0])
        let configuration = try MetadataRecord.config(.init(.topic, "t"), key: "k", value: nil).encode()
        #expect(Array(configuration.readableBytesView) == [1, 4, 0, 2, 2, 0x74, 2, 0x6B, 0, 0])
    }

    @Test(
        "a type or version of a newer build is an error that says which",
        arguments: [
            ([UInt8(1), 99, 0], MetadataRecordError.unknown(type: 99, version: 0)),
            ([1, 2, 1], .unknown(type: 2, version: 1)),
        ])
    func unknown(bytes: [UInt8], error: MetadataRecordError) {
        #expect(throws: error) { try MetadataRecord(decoding: ByteBuffer(bytes: bytes)) }
    }

    @Test("a count of brokers that the bytes have no room for is refused")
    func hugeCount() {
        let bytes = [1, 3, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 16) + [0xFF, 0xFF, 0xFF, 0xFF, 0x0F]
        #expect(throws: MetadataRecordError.self) { try MetadataRecord(decoding: ByteBuffer(bytes: bytes)) }
    }
}
