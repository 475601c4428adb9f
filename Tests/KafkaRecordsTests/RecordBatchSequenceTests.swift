import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@Suite("Batches one after the other")
struct RecordBatchSequenceTests {
    private func concatenated(_ batches: [ByteBuffer]) -> ByteBuffer {
        var all = ByteBuffer()
        for batch in batches { all.writeImmutableBuffer(batch) }
        return all
    }

    private func collect(
        _ buffer: ByteBuffer, _ trailing: RecordBatchSequence.TrailingPartialBatch
    ) throws(RecordError) -> [ByteBuffer] {
        var sequence = RecordBatchSequence(buffer, trailing: trailing)
        var found: [ByteBuffer] = []
        while let batch = try sequence.next() { found.append(batch.bytes) }
        return found
    }

    @Test("every batch comes out as it went in")
    func whole() throws {
        let batches = [Samples.plain, try Samples.repeated(.zstd), Samples.idempotent]
        #expect(try collect(concatenated(batches), .error) == batches)
        #expect(try collect(concatenated(batches), .stop) == batches)
        #expect(try collect(ByteBuffer(), .error).isEmpty)
    }

    @Test("a batch's slice starts where the batch starts, also behind a moved reader index")
    func slices() throws {
        var buffer = concatenated([Samples.plain, Samples.idempotent])
        buffer.moveReaderIndex(forwardBy: Samples.plain.readableBytes)
        var sequence = RecordBatchSequence(buffer, trailing: .error)
        let batch = try #require(try sequence.next())
        #expect(batch.bytes == Samples.idempotent)
        #expect(try batch.header == RecordBatchHeader(peeking: batch.bytes))
        #expect(sequence.position == buffer.writerIndex)
        var reader = try RecordBatchReader(batch, maximumDecompressedBytes: 0)
        #expect(try reader.readAll() == Samples.plainRecords)
    }

    @Test("a last batch that is cut at any byte ends a fetch and fails a produce")
    func partial() throws {
        let whole = concatenated([Samples.idempotent, Samples.plain])
        let first = Samples.idempotent.readableBytes
        for length in (first + 1)..<whole.readableBytes {
            let cut = try #require(whole.getSlice(at: 0, length: length))
            #expect(try collect(cut, .stop) == [Samples.idempotent])
            #expect(throws: RecordError.self) { try collect(cut, .error) }
            var skipping = RecordBatchSequence(cut, trailing: .stop)
            #expect(try skipping.skip()?.producerID == 4711)
            #expect(try skipping.skip() == nil)
            #expect(skipping.position == first)
        }
    }

    @Test("a length that no batch has throws instead of looping", arguments: [Int32.min, -1, 0, 48])
    func impossibleLengths(length: Int32) {
        var buffer = Samples.plain
        buffer.setInteger(length, at: 8)
        for trailing in [RecordBatchSequence.TrailingPartialBatch.stop, .error] {
            #expect(throws: RecordError.invalidBatchLength(Int(length))) { try collect(buffer, trailing) }
        }
    }

    @Test("a length of 2 GiB is a batch that is not complete")
    func hugeLength() throws {
        var buffer = Samples.plain
        buffer.setInteger(Int32.max, at: 8)
        #expect(try collect(buffer, .stop).isEmpty)
        #expect(throws: RecordError.self) { try collect(buffer, .error) }
    }

    @Test("an old format throws in both modes", arguments: [0, 1, 3, -1] as [Int8])
    func magic(magic: Int8) {
        var buffer = Samples.plain
        buffer.setInteger(magic, at: 16)
        for trailing in [RecordBatchSequence.TrailingPartialBatch.stop, .error] {
            #expect(throws: RecordError.unsupportedMagic(magic)) { try collect(buffer, trailing) }
        }
    }
}
