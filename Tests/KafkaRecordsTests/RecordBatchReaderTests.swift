import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@Suite("Record batch reader")
struct RecordBatchReaderTests {
    @Test("records of another client come out with every codec", arguments: Compression.allCases)
    func golden(compression: Compression) throws {
        if compression == .none {
            #expect(try Samples.read(Samples.plain) == Samples.plainRecords)
            return
        }
        let records = try Samples.read(Samples.repeated(compression))
        let expected = (0..<12).map { index in
            Record(
                offset: Offset(Int64(index)), timestamp: 1_700_000_000_000 + Int64(index),
                value: ByteBuffer(string: "platform change"))
        }
        #expect(records == expected)
    }

    @Test(
        "records of every shape come back with every codec",
        arguments: Compression.allCases, 0..<20 as Range<UInt64>)
    func roundTrip(compression: Compression, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let records = Samples.records(count: Int.random(in: 1...400, using: &random), using: &random)
        let batch = try Samples.batch(records, compression: compression)
        _ = try RecordBatchHeader.validate(batch: batch)
        #expect(try Samples.read(batch) == records)
    }

    @Test("the light walk sees the same offsets, timestamps and keys", arguments: Compression.allCases)
    func positions(compression: Compression) throws {
        var random = SeededGenerator(seed: 99)
        let records = Samples.records(count: 300, using: &random)
        let batch = try Samples.batch(records, compression: compression)
        var walker = try RecordBatchReader(batch, maximumDecompressedBytes: 1 << 20)
        for record in records {
            let position = try #require(try walker.nextPosition())
            #expect(position.offset == record.offset)
            #expect(position.timestamp == record.timestamp)
            #expect(position.hasKey == (record.key != nil))
            #expect(walker.key(of: position) == record.key)
        }
        #expect(try walker.nextPosition() == nil)
    }

    @Test("a batch whose end is missing throws, whatever its length field says", arguments: Compression.allCases)
    func truncated(compression: Compression) throws {
        let batch = compression == .none ? Samples.plain : try Samples.repeated(compression)
        for missing in 1...(batch.readableBytes - RecordBatchHeader.byteCount) {
            let cut = try #require(batch.getSlice(at: 0, length: batch.readableBytes - missing))
            #expect(throws: RecordError.self) { try Samples.read(cut) }
            let shortened = try Samples.shortened(batch, by: missing)
            #expect(throws: RecordError.self, "\(missing) bytes missing") { try Samples.read(shortened) }
        }
    }

    @Test(
        "changed bytes throw or read as other records, and never more than the bound",
        arguments: Compression.allCases, 0..<10 as Range<UInt64>)
    func mutated(compression: Compression, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let records = Samples.records(count: 20, using: &random)
        let batch = try Samples.batch(records, compression: compression)
        for _ in 0..<500 {
            var changed = batch
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 21..<batch.readableBytes, using: &random)
                changed.setInteger(UInt8.random(in: 0...255, using: &random), at: index)
            }
            for light in [false, true] {
                do throws(RecordError) {
                    var reader = try RecordBatchReader(changed, maximumDecompressedBytes: 20_000)
                    #expect(reader.recordsByteCount <= max(20_000, batch.readableBytes))
                    while light ? try reader.nextPosition() != nil : try reader.next() != nil {}
                } catch {
                    #expect(!error.description.isEmpty)
                }
            }
        }
    }

    /// A batch of one record whose bytes after its length are these.
    private func batch(recordBody: [UInt8], count: Int32 = 1) throws -> ByteBuffer {
        var builder = RecordBatchBuilder()
        builder.append(timestamp: 0, key: nil, value: nil)
        var batch = try Samples.shortened(builder.finish(), by: 7)
        batch.writeInteger(UInt8(recordBody.count * 2))
        batch.writeBytes(recordBody)
        batch.setInteger(Int32(batch.readableBytes - 12), at: 8)
        batch.setInteger(count, at: 57)
        return batch
    }

    private static let maximumVarint: [UInt8] = [0xFE, 0xFF, 0xFF, 0xFF, 0x0F]

    @Test(
        "lengths and counts that the bytes contradict throw",
        arguments: [
            [0, 0, 0, 3, 1, 0],  // a key of -2 bytes
            [0, 0, 0, 1, 3, 0],  // a value of -2 bytes
            [0, 0, 0, 1, 1, 1],  // -1 headers
            [0, 0, 0] + maximumVarint + [1, 0],  // a key of 2^31 - 1 bytes
            [0, 0, 0, 1] + maximumVarint + [0],  // a value of 2^31 - 1 bytes
            [0, 0, 0, 1, 1] + maximumVarint,  // 2^31 - 1 headers
            [0, 0, 0, 1, 1, 2, 1, 1],  // a header without a name
            [0, 0, 0, 1, 1, 2, 0, 9],  // a header value of -5 bytes
            [0, 0, 0, 1, 1, 0, 0],  // a byte after the last field
            [0, 0, 0, 1, 1, 2, 0, 1, 0],  // a byte after the last header
            [0, 0, 2, 1, 1, 0],  // an offset beyond the batch's last
            [0, 0, 1, 1, 1, 0],  // an offset of -1
            [0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02, 0, 1, 1, 0],  // a timestamp of 65 bits
            [0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x1F, 1, 1, 0],  // an offset of 33 bits
            [0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 1, 1, 0],  // an offset of six bytes
        ] as [[UInt8]])
    func malformed(body: [UInt8]) throws {
        let batch = try batch(recordBody: body)
        #expect(throws: RecordError.self) { try Samples.read(batch) }
    }

    @Test("a well-formed body of that kind is read, so that the test above tests what it says")
    func wellFormed() throws {
        let records = try Samples.read(batch(recordBody: [0, 0, 0, 1, 1, 0]))
        #expect(records == [Record(offset: 0, timestamp: 0, value: nil)])
    }

    @Test("a number of records that cannot be is refused", arguments: [Int32.min, -1, 0, 2, Int32.max])
    func counts(count: Int32) throws {
        let batch = try batch(recordBody: [0, 0, 0, 1, 1, 0], count: count)
        #expect(throws: RecordError.self) { try Samples.read(batch) }
    }

    @Test("a failed read leaves the reader before the record")
    func failureKeepsPosition() throws {
        var reader = try RecordBatchReader(batch(recordBody: [0, 0, 0, 3, 1, 0]), maximumDecompressedBytes: 0)
        for _ in 0..<3 {
            #expect(throws: RecordError.malformedRecord("the key's length")) { try reader.next() }
        }
    }

    @Test("a codec that does not exist is refused")
    func unknownCodec() throws {
        var batch = Samples.plain
        batch.setInteger(6 as Int16, at: 21)
        #expect(throws: RecordError.unknownCompression(6)) { try Samples.read(batch) }
    }

    @Test("keys and values share the batch's memory")
    func sharedMemory() throws {
        let batch = Samples.plain
        let value = try #require(try Samples.read(batch)[0].value)
        let inside = batch.withUnsafeReadableBytes { all in
            value.withUnsafeReadableBytes { part in
                guard let start = all.baseAddress, let place = part.baseAddress else { return false }
                return place >= start && place + part.count <= start + all.count
            }
        }
        #expect(inside)
    }
}
