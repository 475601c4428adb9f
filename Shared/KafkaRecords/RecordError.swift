import KafkaWire

/// Why bytes are not record batches, or records could not be made into one.
///
/// Every case carries the numbers a log line needs; all of them come from a peer or a disk.
public enum RecordError: Error, Hashable, Sendable {
    /// The bytes end `needed - remaining` bytes too early.
    case truncated(needed: Int, remaining: Int)
    /// A batch of a format this build does not read; 0 and 1 are Kafka's formats before 0.11.
    case unsupportedMagic(Int8)
    /// A batch length that no batch can have.
    case invalidBatchLength(Int)
    /// The stored checksum is not that of the bytes.
    case checksumMismatch(stored: UInt32, computed: UInt32)
    /// The number of records is not positive or not that of the offsets the batch covers.
    case invalidRecordCount(records: Int, offsets: Int)
    /// A compression codec that the format does not know.
    case unknownCompression(Int)
    /// A timestamp below -1, or one that only a broker may set.
    case invalidTimestamp(Int64)
    /// A header field that a producer may not send; the text names it.
    case invalidField(String)
    /// A length, count or varint inside the records that their bytes contradict; the text names it.
    case malformedRecord(String)
    /// Bytes left after the last record, or after the compressed data.
    case trailingBytes(Int)
    /// The records take more than `limit` bytes once decompressed.
    case decompressedTooLarge(limit: Int)
    /// The compressed data is damaged, or the codec could not do its work; the reason is the library's.
    case compressionFailed(Compression, reason: String)
}

extension RecordError {
    /// How a broker answers a producer that sent such bytes.
    public var errorCode: ErrorCode {
        switch self {
        case .unsupportedMagic(let magic):
            magic == 0 || magic == 1 ? .invalidRecord : .corruptMessage
        case .truncated, .invalidBatchLength, .checksumMismatch, .trailingBytes, .compressionFailed:
            .corruptMessage
        case .invalidRecordCount, .invalidField, .malformedRecord:
            .invalidRecord
        case .invalidTimestamp:
            .invalidTimestamp
        case .unknownCompression:
            .unsupportedCompressionType
        case .decompressedTooLarge:
            .messageTooLarge
        }
    }
}

extension RecordError: CustomStringConvertible {
    /// One line for a log, with the numbers.
    public var description: String {
        switch self {
        case .truncated(let needed, let remaining): "needs \(needed) bytes, \(remaining) remain"
        case .unsupportedMagic(let magic): "record format \(magic) is not supported, only format 2"
        case .invalidBatchLength(let length): "batch length \(length) is not possible"
        case .checksumMismatch(let stored, let computed):
            "checksum is \(Self.hexadecimal(computed)), the batch says \(Self.hexadecimal(stored))"
        case .invalidRecordCount(let records, let offsets): "\(records) records cannot cover \(offsets) offsets"
        case .unknownCompression(let codec): "compression codec \(codec) does not exist"
        case .invalidTimestamp(let timestamp): "timestamp \(timestamp) is not allowed here"
        case .invalidField(let name): "\(name) is not allowed here"
        case .malformedRecord(let name): "\(name) of a record contradicts its bytes"
        case .trailingBytes(let count): "\(count) bytes follow the last record"
        case .decompressedTooLarge(let limit): "records take more than \(limit) bytes decompressed"
        case .compressionFailed(let codec, let reason): "\(codec): \(reason)"
        }
    }

    private static func hexadecimal(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}
