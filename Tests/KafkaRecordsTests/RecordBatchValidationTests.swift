import KafkaRecords
import KafkaWire
import NIOCore
import Testing

@Suite("Validation of produced batches")
struct RecordBatchValidationTests {
    @Test("batches of another client pass with every codec", arguments: Compression.allCases)
    func valid(compression: Compression) throws {
        let batch = compression == .none ? Samples.idempotent : try Samples.repeated(compression)
        #expect(try RecordBatchHeader.validate(batch: batch) == RecordBatchHeader(peeking: batch))
    }

    @Test("any changed byte is refused, but for offset and epoch, which the leader sets anyway")
    func mutations() throws {
        for index in 0..<Samples.plain.readableBytes where !(12..<16).contains(index) {
            var batch = Samples.plain
            let byte = try #require(batch.getInteger(at: index, as: UInt8.self))
            batch.setInteger(byte ^ 0x10, at: index)
            #expect(throws: RecordError.self, "byte \(index)") { try RecordBatchHeader.validate(batch: batch) }
        }
    }

    @Test("a batch must be there exactly: not shorter and not longer")
    func lengths() throws {
        for length in 0..<Samples.plain.readableBytes {
            let cut = try #require(Samples.plain.getSlice(at: 0, length: length))
            #expect(throws: RecordError.self) { try RecordBatchHeader.validate(batch: cut) }
        }
        var longer = Samples.plain
        longer.writeInteger(0 as UInt8)
        #expect(throws: RecordError.invalidBatchLength(119)) { try RecordBatchHeader.validate(batch: longer) }
    }

    @Test("the formats before 0.11 are named as such", arguments: [0, 1] as [Int8])
    func oldMagic(magic: Int8) throws {
        var batch = Samples.plain
        batch.setInteger(magic, at: 16)
        let error = try #require(refusal(of: batch))
        #expect(error == .unsupportedMagic(magic))
        #expect(error.errorCode == .invalidRecord)
    }

    /// A field's new value, the error, and the producer's answer; the checksum is made right again.
    struct Refusal: Sendable, CustomTestStringConvertible {
        var name: String
        var change: @Sendable (inout ByteBuffer) -> Void
        var error: RecordError
        var code: ErrorCode
        var testDescription: String { name }
    }

    static let refusals: [Refusal] = [
        Refusal(
            name: "fewer records than offsets", change: { $0.setInteger(2 as Int32, at: 57) },
            error: .invalidRecordCount(records: 2, offsets: 3), code: .invalidRecord),
        Refusal(
            name: "no records",
            change: {
                $0.setInteger(0 as Int32, at: 57)
                $0.setInteger(-1 as Int32, at: 23)
            }, error: .invalidRecordCount(records: 0, offsets: 0), code: .invalidRecord),
        Refusal(
            name: "a count and an offset at the edge of their type",
            change: {
                $0.setInteger(Int32.min, at: 57)
                $0.setInteger(Int32.max, at: 23)
            }, error: .invalidRecordCount(records: Int(Int32.min), offsets: 1 << 31), code: .invalidRecord),
        Refusal(
            name: "a codec that does not exist", change: { $0.setInteger(5 as Int16, at: 21) },
            error: .unknownCompression(5), code: .unsupportedCompressionType),
        Refusal(
            name: "a control batch", change: { $0.setInteger(32 as Int16, at: 21) },
            error: .invalidField("a control batch"), code: .invalidRecord),
        Refusal(
            name: "a delete horizon", change: { $0.setInteger(64 as Int16, at: 21) },
            error: .invalidField("a delete horizon"), code: .invalidRecord),
        Refusal(
            name: "the broker's clock", change: { $0.setInteger(8 as Int16, at: 21) },
            error: .invalidTimestamp(1_700_000_000_250), code: .invalidTimestamp),
        Refusal(
            name: "a base timestamp below -1", change: { $0.setInteger(-2 as Int64, at: 27) },
            error: .invalidTimestamp(-2), code: .invalidTimestamp),
        Refusal(
            name: "a maximum timestamp below -1", change: { $0.setInteger(Int64.min, at: 35) },
            error: .invalidTimestamp(.min), code: .invalidTimestamp),
        Refusal(
            name: "an offset of the producer's own", change: { $0.setInteger(9 as Int64, at: 0) },
            error: .invalidField("a base offset of 9"), code: .invalidRecord),
        Refusal(
            name: "a producer id without an epoch", change: { $0.setInteger(-1 as Int16, at: 51) },
            error: .invalidField("a producer id with epoch -1"), code: .invalidRecord),
        Refusal(
            name: "a producer id without a sequence", change: { $0.setInteger(-1 as Int32, at: 53) },
            error: .invalidField("a producer id with sequence -1"), code: .invalidRecord),
        Refusal(
            name: "a transaction without a producer id",
            change: {
                $0.setInteger(16 as Int16, at: 21)
                $0.setInteger(-1 as Int64, at: 43)
            }, error: .invalidField("a transaction without a producer id"), code: .invalidRecord),
    ]

    @Test("each field that a producer may not send is refused with its own error", arguments: refusals)
    func refused(refusal: Refusal) throws {
        var batch = Samples.idempotent
        refusal.change(&batch)
        let error = try #require(self.refusal(of: Samples.resealed(batch)))
        #expect(error == refusal.error)
        #expect(error.errorCode == refusal.code)
        #expect(!error.description.isEmpty)
    }

    @Test("damage is CORRUPT_MESSAGE, which a producer may send again")
    func damage() throws {
        var batch = Samples.plain
        batch.setInteger(0 as UInt32, at: 17)
        let error = try #require(refusal(of: batch))
        #expect(error == .checksumMismatch(stored: 0, computed: 0x2721_0071))
        #expect(error.errorCode == .corruptMessage)
        #expect(error.description == "checksum is 0x27210071, the batch says 0x00000000")
    }

    private func refusal(of batch: ByteBuffer) -> RecordError? {
        do throws(RecordError) {
            _ = try RecordBatchHeader.validate(batch: batch)
            return nil
        } catch {
            return error
        }
    }
}
