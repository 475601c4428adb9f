import KafkaWire
import NIOCore

/// Takes records out of batches and leaves the rest as it was, as compaction does.
///
/// The batch keeps its offsets, producer and sequence, whatever is left of it. Records that stay are copied as bytes;
/// compressed ones are compressed again with the batch's codec. A value that keeps its working memory: use one for many
/// batches.
public struct RecordBatchFilter {
    /// A record that may stay or go.
    public struct Candidate {
        public let offset: Offset
        /// Valid during the call only; `nil` for a record without a key.
        public let key: UnsafeRawBufferPointer?
        /// Whether the record has no value.
        public let isTombstone: Bool
    }

    /// What became of a batch.
    public enum Outcome: Equatable {
        /// Every record stays, and nothing else changes.
        case unchanged
        /// The batch with the records that stay.
        case changed(ByteBuffer)
        /// No record stays.
        case empty
    }

    /// How the records of one batch are filtered.
    public struct Options {
        /// The most that compressed records may grow to; more throws `decompressedTooLarge`.
        public var maximumDecompressedBytes: Int
        /// Milliseconds since 1970: from when on tombstones that stay may go. Set on a batch that has tombstones and no
        /// horizon yet (KIP-534).
        public var deleteHorizon: Int64
        /// Sets the horizon on a batch without tombstones as well: for the markers of transactions.
        public var needsHorizon: Bool

        public init(maximumDecompressedBytes: Int, deleteHorizon: Int64, needsHorizon: Bool = false) {
            self.maximumDecompressedBytes = maximumDecompressedBytes
            self.deleteHorizon = deleteHorizon
            self.needsHorizon = needsHorizon
        }
    }

    /// Bytes of records that stay, neighbours put together.
    private var kept: [Range<Int>] = []
    private var keptCount = 0
    private var hasTombstones = false
    private var maxTimestamp: Int64 = -1

    public init() {}

    /// Filters one batch; an error leaves nothing half done.
    /// - Parameter keep: asked once for every record in order; whether it stays.
    public mutating func apply(
        _ batch: RecordBatch, _ options: Options, keep: (Candidate) -> Bool
    ) throws(RecordError) -> Outcome {
        let records = try batch.plainRecords(maximumBytes: options.maximumDecompressedBytes)
        let header = batch.header
        try select(records, header, keep)
        if keptCount == 0 { return .empty }
        let setsHorizon = !header.attributes.hasDeleteHorizon && (hasTombstones || options.needsHorizon)
        if keptCount == Int(header.recordsCount), !setsHorizon { return .unchanged }
        var plain = ByteBuffer()
        plain.reserveCapacity(kept.reduce(RecordBatchHeader.byteCount) { $0 + $1.count } + 10 * keptCount)
        plain.writeRepeatingByte(0, count: RecordBatchHeader.byteCount)
        var changed = header
        if setsHorizon {
            try rebase(records, by: header.baseTimestamp &- options.deleteHorizon, into: &plain)
            changed.attributes.hasDeleteHorizon = true
            changed.baseTimestamp = options.deleteHorizon
        } else {
            records.withUnsafeReadableBytes { bytes in
                for range in kept { plain.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[range])) }
            }
        }
        changed.recordsCount = Int32(keptCount)
        if header.timestampType == .createTime { changed.maxTimestamp = maxTimestamp }
        return .changed(try changed.seal(plain, compression: header.compression ?? .none))
    }

    private mutating func select(
        _ records: ByteBuffer, _ header: RecordBatchHeader, _ keep: (Candidate) -> Bool
    ) throws(RecordError) {
        kept.removeAll(keepingCapacity: true)
        (keptCount, hasTombstones, maxTimestamp) = (0, false, -1)
        var failure: RecordError?
        records.withUnsafeReadableBytes { bytes in
            do throws(RecordError) {
                var position = 0
                for _ in 0..<header.recordsCount {
                    var cursor = RecordCursor(bytes, position: position)
                    let layout = try cursor.readRecordUpToValue()
                    guard layout.offsetDelta >= 0, layout.offsetDelta <= Int(header.lastOffsetDelta) else {
                        throw .malformedRecord("the offset")
                    }
                    let candidate = Candidate(
                        offset: header.baseOffset + Int64(layout.offsetDelta),
                        key: layout.key.map { UnsafeRawBufferPointer(rebasing: bytes[$0]) },
                        isTombstone: layout.value == nil)
                    if keep(candidate) { note(position..<layout.end, layout, header) }
                    position = layout.end
                }
                guard position == bytes.count else { throw .trailingBytes(bytes.count - position) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private mutating func note(_ range: Range<Int>, _ layout: RecordLayout, _ header: RecordBatchHeader) {
        keptCount += 1
        if layout.value == nil { hasTombstones = true }
        maxTimestamp = max(maxTimestamp, header.baseTimestamp &+ layout.timestampDelta)
        if let last = kept.last, last.upperBound == range.lowerBound {
            kept[kept.count - 1] = last.lowerBound..<range.upperBound
        } else {
            kept.append(range)
        }
    }

    /// Copies the records with timestamps that count from another base.
    private func rebase(
        _ records: ByteBuffer, by shift: Int64, into plain: inout ByteBuffer
    ) throws(RecordError) {
        var failure: RecordError?
        records.withUnsafeReadableBytes { bytes in
            do throws(RecordError) {
                for range in kept {
                    var position = range.lowerBound
                    while position < range.upperBound {
                        var cursor = RecordCursor(bytes, position: position)
                        position = try cursor.copyRecord(movingTimestampBy: shift, into: &plain)
                    }
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}

extension RecordCursor {
    /// Writes the record at the cursor with another timestamp; returns where the next one starts.
    fileprivate mutating func copyRecord(
        movingTimestampBy shift: Int64, into output: inout ByteBuffer
    ) throws(RecordError) -> Int {
        let length = try readVarint("the length")
        guard length >= 0, length <= remaining else { throw Self.malformed("the length") }
        enter(length: length)
        let attributes = try readByte("the attributes")
        let timestamp = Int(try readVarlong("the timestamp") &+ shift)
        let rest = UnsafeRawBufferPointer(rebasing: bytes[position..<end])
        let newLength = 1 + Varint.byteCount(timestamp) + rest.count
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: Varint.maximumBytes + newLength) { target in
            guard let start = target.baseAddress else { return 0 }
            var pointer = start
            Varint.store(newLength, at: &pointer)
            pointer.storeBytes(of: attributes, as: UInt8.self)
            pointer += 1
            Varint.store(timestamp, at: &pointer)
            if let source = rest.baseAddress { pointer.copyMemory(from: source, byteCount: rest.count) }
            return pointer - start + rest.count
        }
        return end
    }
}
