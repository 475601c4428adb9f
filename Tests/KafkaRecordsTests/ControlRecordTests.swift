import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@Suite("Control records")
struct ControlRecordTests {
    @Test(
        "keys are version 0 and the type",
        arguments: [ControlRecord.abort: 0, .commit: 1, .other(2): 2] as [ControlRecord: Int16])
    func keys(record: ControlRecord, type: Int16) throws {
        #expect(record.type == type)
        #expect(record.key == ByteBuffer(bytes: [0, 0, 0, UInt8(type)]))
        #expect(try ControlRecord(key: record.key) == record)
    }

    @Test("later versions may add to the key; a short, missing or negative one throws")
    func otherKeys() throws {
        #expect(try ControlRecord(key: ByteBuffer(bytes: [0, 3, 0, 1, 9, 9])) == .commit)
        for bad in [ByteBuffer(), ByteBuffer(bytes: [0, 0, 0]), ByteBuffer(bytes: [0xFF, 0xFF, 0, 1])] {
            #expect(throws: RecordError.self) { try ControlRecord(key: bad) }
        }
        #expect(throws: RecordError.self) { try ControlRecord(key: nil) }
    }

    @Test("the marker of a transaction is a batch of its own")
    func marker() throws {
        var builder = RecordBatchBuilder(capacity: 0)
        builder.append(
            timestamp: 5, key: ControlRecord.commit.key, value: ControlRecord.endTransactionValue(coordinatorEpoch: 9))
        let batch = try builder.finish(producerID: 1, producerEpoch: 0, isTransactional: true, isControl: true)
        let header = try RecordBatchHeader(peeking: batch)
        #expect(header.isControl && header.isTransactional)
        let record = try #require(try Samples.read(batch).first)
        #expect(try ControlRecord(key: record.key) == .commit)
        #expect(record.value == ByteBuffer(bytes: [0, 0, 0, 0, 0, 9]))
    }
}
