import KafkaMessages
import KafkaRecords
import KafkaWire
import NIOCore

/// One producer's place in its sequence.
struct Producer {
    var id: Int64
    var epoch: Int16 = 0
    var sequence: Int32
}

/// A batch with a record for each value, one millisecond apart.
func batch(
    _ values: [String], timestamp: Int64 = 1000, key: String? = nil, producer: Producer? = nil
) throws -> ByteBuffer {
    var builder = RecordBatchBuilder(capacity: 256)
    for (number, value) in values.enumerated() {
        builder.append(
            timestamp: timestamp + Int64(number), key: key.map(ByteBuffer.init(string:)),
            value: ByteBuffer(string: value))
    }
    return try builder.finish(
        producerID: ProducerID(producer?.id ?? -1), producerEpoch: producer?.epoch ?? -1,
        baseSequence: producer?.sequence ?? -1)
}

extension RecordsPayload {
    /// Every record; checks each batch's checksum.
    func records() throws -> [Record] {
        var batches = RecordBatchSequence(try contiguous(), trailing: .error)
        var records: [Record] = []
        while let batch = try batches.next() {
            try batch.header.verifyChecksum(of: batch.bytes)
            var reader = try RecordBatchReader(batch, maximumDecompressedBytes: 16 << 20)
            records += try reader.readAll()
        }
        return records
    }
}

extension Record {
    var text: String { value.map { String(buffer: $0) } ?? "" }
}

extension FetchResponse.PartitionData {
    var texts: [String] {
        get throws { try (records ?? .empty).records().map(\.text) }
    }
}

/// A batch of records with keys and values, or without.
func records(_ pairs: [(key: String?, value: String?)], timestamp: Int64 = 1000) throws -> ByteBuffer {
    var builder = RecordBatchBuilder(capacity: 256)
    for pair in pairs {
        builder.append(
            timestamp: timestamp, key: pair.key.map(ByteBuffer.init(string:)),
            value: pair.value.map(ByteBuffer.init(string:)))
    }
    return try builder.finish()
}
