import KafkaWire
import NIOCore

/// Decodes the records of one batch, one at a time.
///
/// Keys and values are slices that share the batch's memory, or that of the decompressed records. The checksum is not
/// looked at; see ``RecordBatchHeader/verifyChecksum(of:)``. Everything that contradicts itself throws; after that the
/// reader stays where it was.
///
///     var reader = try RecordBatchReader(batch, maximumDecompressedBytes: 16 << 20)
///     while let record = try reader.next() { … }
public struct RecordBatchReader: Sendable {
    /// What compressed records of one batch are let grow to by whoever has no other bound.
    public static let usualMaximumBytes = 64 << 20
    /// The fewest bytes of a record: seven fields of one byte each.
    static let minimumRecordBytes = 7

    /// The batch's header.
    public let header: RecordBatchHeader
    /// The records, decompressed.
    private let records: ByteBuffer
    private var position = 0
    private var recordsLeft: Int

    /// - Parameters:
    ///   - batch: starts with a batch; bytes after it are ignored.
    ///   - maximumDecompressedBytes: the most that compressed records may grow to; more throws `decompressedTooLarge`
    ///     before it is allocated. Records without compression are as large as the batch and not bounded by it.
    public init(_ batch: ByteBuffer, maximumDecompressedBytes: Int) throws(RecordError) {
        let header = try RecordBatchHeader(peeking: batch)
        guard batch.readableBytes >= header.totalBytes else {
            throw .truncated(needed: header.totalBytes, remaining: batch.readableBytes)
        }
        try self.init(RecordBatch(header: header, bytes: batch), maximumDecompressedBytes: maximumDecompressedBytes)
    }

    /// As ``init(_:maximumDecompressedBytes:)`` for a batch that a ``RecordBatchSequence`` found.
    public init(_ batch: RecordBatch, maximumDecompressedBytes: Int) throws(RecordError) {
        header = batch.header
        guard let compression = header.compression else { throw .unknownCompression(header.attributes.codec) }
        guard header.recordsCount >= 0 else {
            throw .invalidRecordCount(records: Int(header.recordsCount), offsets: Int(header.lastOffsetDelta) + 1)
        }
        let start = batch.bytes.readerIndex + RecordBatchHeader.byteCount
        let length = header.totalBytes - RecordBatchHeader.byteCount
        guard let stored = batch.bytes.getSlice(at: start, length: length) else {
            throw .truncated(needed: header.totalBytes, remaining: batch.bytes.readableBytes)
        }
        recordsLeft = Int(header.recordsCount)
        if compression == .none || (recordsLeft == 0 && length == 0) {
            records = stored
        } else {
            records = try compression.decompress(stored, limit: maximumDecompressedBytes)
        }
        guard recordsLeft <= records.readableBytes / Self.minimumRecordBytes else {
            throw .malformedRecord("the number of records")
        }
    }

    /// Bytes of the records without compression.
    public var recordsByteCount: Int { records.readableBytes }

    /// The next record, or `nil` after the last; then throws `trailingBytes` where there are more bytes than records.
    public mutating func next() throws(RecordError) -> Record? {
        guard recordsLeft > 0 else { return try finish() }
        var headers: [RecordHeader] = []
        let layout = try Self.parse(records) { (bytes) throws(RecordError) -> RecordLayout in
            var cursor = RecordCursor(bytes, position: position)
            let layout = try cursor.readRecord()
            if layout.headersCount > 0 { headers = try readHeaders(&cursor, count: layout.headersCount) }
            return layout
        }.get()
        let offset = try offset(of: layout)
        advance(to: layout.end)
        return Record(
            offset: offset, timestamp: timestamp(of: layout), key: slice(layout.key), value: slice(layout.value),
            headers: headers)
    }

    /// Offset, timestamp and the key's place of the next record; allocates nothing.
    ///
    /// - Parameter checksRest: whether value and headers, which are not returned, are held to the format too.
    public mutating func nextPosition(checksRest: Bool = false) throws(RecordError) -> RecordPosition? {
        guard recordsLeft > 0 else { return try finish() }
        let layout = try Self.parse(records) { (bytes) throws(RecordError) -> RecordLayout in
            var cursor = RecordCursor(bytes, position: position)
            guard checksRest else { return try cursor.readRecordStart() }
            let layout = try cursor.readRecord()
            for _ in 0..<layout.headersCount { try cursor.skipHeader() }
            if layout.headersCount > 0 { try cursor.finishRecord() }
            return layout
        }.get()
        let offset = try offset(of: layout)
        advance(to: layout.end)
        return RecordPosition(offset: offset, timestamp: timestamp(of: layout), keyRange: layout.key)
    }

    /// The key of a record that ``nextPosition()`` of this reader returned.
    public func key(of position: RecordPosition) -> ByteBuffer? {
        slice(position.keyRange)
    }

    /// All records that are left.
    public mutating func readAll() throws(RecordError) -> [Record] {
        var all: [Record] = []
        all.reserveCapacity(recordsLeft)
        while let record = try next() { all.append(record) }
        return all
    }

    private func finish<Value>() throws(RecordError) -> Value? {
        let left = records.readableBytes - position
        guard left == 0 else { throw .trailingBytes(left) }
        return nil
    }

    private mutating func advance(to end: Int) {
        position = end
        recordsLeft -= 1
    }

    private func offset(of layout: RecordLayout) throws(RecordError) -> Offset {
        guard layout.offsetDelta >= 0, layout.offsetDelta <= Int(header.lastOffsetDelta) else {
            throw .malformedRecord("the offset")
        }
        return header.baseOffset + Int64(layout.offsetDelta)
    }

    private func timestamp(of layout: RecordLayout) -> Int64 {
        switch header.timestampType {
        case .createTime: header.baseTimestamp &+ layout.timestampDelta
        case .logAppendTime: header.maxTimestamp
        }
    }

    private func slice(_ range: Range<Int>?) -> ByteBuffer? {
        guard let range else { return nil }
        return records.getSlice(at: records.readerIndex + range.lowerBound, length: range.count)
    }

    /// Carries a typed error out of the buffer's untyped closure.
    @inline(__always)
    private static func parse<Value>(
        _ buffer: ByteBuffer, _ body: (UnsafeRawBufferPointer) throws(RecordError) -> Value
    ) -> Result<Value, RecordError> {
        buffer.withUnsafeReadableBytes { bytes in
            do throws(RecordError) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
    }

    private func readHeaders(_ cursor: inout RecordCursor, count: Int) throws(RecordError) -> [RecordHeader] {
        var headers: [RecordHeader] = []
        // A header in memory is twenty times its smallest form: the number alone must not reserve it.
        headers.reserveCapacity(min(count, 16))
        for _ in 0..<count {
            let (name, value) = try cursor.readHeader()
            headers.append(RecordHeader(name: name, value: slice(value)))
        }
        try cursor.finishRecord()
        return headers
    }
}
