import KafkaWire
import NIOCore

/// One batch: its header, and all of its bytes as a slice of where it was found.
public struct RecordBatch: Equatable, Sendable {
    /// What was read from the first 61 bytes.
    public let header: RecordBatchHeader
    /// Header and records, exactly.
    public let bytes: ByteBuffer

    /// A batch whose header has been read already.
    public init(header: RecordBatchHeader, bytes: ByteBuffer) {
        self.header = header
        self.bytes = bytes
    }
}

/// Steps through the batches that stand one after the other in a buffer, without copying.
///
/// Looks at headers only: format and length. Checksums and records are the caller's to check.
///
///     var batches = RecordBatchSequence(bytes, trailing: .stop)
///     while let batch = try batches.next() { … }
public struct RecordBatchSequence: Sendable {
    /// What to do about a last batch that is not complete.
    public enum TrailingPartialBatch: Sendable {
        /// End before it: a fetch response is cut at a number of bytes, a log file perhaps by a crash.
        case stop
        /// Throw `truncated`: a producer sends whole batches.
        case error
    }

    private let buffer: ByteBuffer
    private let trailing: TrailingPartialBatch

    /// Where the next batch starts, as an index of the buffer; after the end, where the complete batches ended.
    public private(set) var position: Int

    /// - Parameter buffer: its readable bytes are the batches.
    public init(_ buffer: ByteBuffer, trailing: TrailingPartialBatch) {
        self.buffer = buffer
        self.trailing = trailing
        position = buffer.readerIndex
    }

    /// The next batch, or `nil` after the last.
    ///
    /// Throws `unsupportedMagic` and `invalidBatchLength` in any case: nothing after such a batch can be found.
    public mutating func next() throws(RecordError) -> RecordBatch? {
        guard let header = try nextHeader(), let bytes = buffer.getSlice(at: position, length: header.totalBytes)
        else { return nil }
        position += header.totalBytes
        return RecordBatch(header: header, bytes: bytes)
    }

    /// As ``next()``, for whoever needs no bytes.
    public mutating func skip() throws(RecordError) -> RecordBatchHeader? {
        guard let header = try nextHeader() else { return nil }
        position += header.totalBytes
        return header
    }

    private func nextHeader() throws(RecordError) -> RecordBatchHeader? {
        let remaining = buffer.writerIndex - position
        guard remaining > 0 else { return nil }
        guard remaining >= RecordBatchHeader.byteCount else {
            return try partial(needed: RecordBatchHeader.byteCount, remaining: remaining)
        }
        let header = try RecordBatchHeader(peeking: buffer, at: position)
        guard remaining >= header.totalBytes else {
            return try partial(needed: header.totalBytes, remaining: remaining)
        }
        return header
    }

    private func partial(needed: Int, remaining: Int) throws(RecordError) -> RecordBatchHeader? {
        switch trailing {
        case .stop: return nil
        case .error: throw .truncated(needed: needed, remaining: remaining)
        }
    }
}
