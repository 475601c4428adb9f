import KafkaRecords
import KafkaWire
import NIOCore

/// Why a read was refused.
public enum ReadError: Error, Hashable, Sendable {
    /// There is no such offset: records below `start` are gone, those from `end` on are not written yet.
    case offsetOutOfRange(Offset, start: Offset, end: Offset)
    /// The disk.
    case storage(StorageError)

    /// The answer to the reader.
    public var errorCode: ErrorCode {
        switch self {
        case .offsetOutOfRange: .offsetOutOfRange
        // Asking again would not help: a consumer must hear that the records are damaged.
        case .storage(.corrupt), .storage(.endOfFile): .corruptMessage
        case .storage(let error): error.errorCode
        }
    }
}

/// Batches that a read found.
public struct LogRead: Sendable {
    /// Whole batches of one segment, in memory or as a range of its file; empty where there are none.
    public var payload: RecordsPayload
    public var byteCount: Int
    /// The base offset of the first batch, at or before the offset asked for; `nil` where the payload is empty.
    public var firstBatchBase: Offset?
    /// Where a reader goes on that takes everything.
    public var nextOffset: Offset
}

extension PartitionLog {
    /// Reads of up to this many bytes are copied into memory; for more, the file itself is handed out.
    public static let inMemoryReadBytes = 64 * 1024

    /// Reads batches from the one that holds an offset on.
    ///
    /// Ends at a batch boundary, at `maxBytes` or the segment's end at the latest: a reader that wants more asks again
    /// from `nextOffset`. Empty at the log's end and at `upperBound`.
    /// - Parameters:
    ///   - maxBytes: not exceeded but for the next.
    ///   - atLeastOneBatch: whether a first batch that is larger than `maxBytes` is returned whole, or nothing is.
    ///   - upperBound: batches that reach past it are not returned: the high watermark or the last stable offset.
    public func read(
        from offset: Offset, maxBytes: Int, atLeastOneBatch: Bool = true, below upperBound: Offset
    ) throws(ReadError) -> LogRead {
        do { try checkOnline() } catch { throw .storage(error) }
        guard offset >= logStart, offset <= logEnd else {
            throw .offsetOutOfRange(offset, start: logStart, end: logEnd)
        }
        do {
            guard offset < upperBound, let (index, start) = try locate(offset) else { return .empty(at: offset) }
            return try read(index, from: start, maxBytes, atLeastOneBatch, upperBound) ?? .empty(at: offset)
        } catch {
            throw .storage(error)
        }
    }

    private func read(
        _ index: Int, from start: BatchPosition, _ maxBytes: Int, _ atLeastOneBatch: Bool, _ upperBound: Offset
    ) throws(StorageError) -> LogRead? {
        let segment = try openSegment(index)
        var end = try endOfReadable(index, segment, below: upperBound)
        let limit = start.position + Int64(max(0, maxBytes))
        if end.position > limit, let crossing = try segment.firstBatch(endingAfter: limit, from: start.position) {
            if crossing.position > start.position {
                end = BatchPosition(crossing, segment)
            } else if atLeastOneBatch, crossing.end <= end.position {
                end = BatchPosition(
                    offset: crossing.header.nextOffset, segment: segment.baseOffset, position: crossing.end)
            } else {
                return nil
            }
        }
        guard end.position > start.position else { return nil }
        positions.remember(end, replacing: start)
        return LogRead(
            payload: try payload(segment, from: start.position, to: end.position),
            byteCount: Int(end.position - start.position), firstBatchBase: start.offset, nextOffset: end.offset)
    }

    /// Where batches end that may be read.
    private func endOfReadable(
        _ index: Int, _ segment: OpenSegment, below upperBound: Offset
    ) throws(StorageError) -> BatchPosition {
        let endOffset = endOffset(ofSegment: index)
        if upperBound < endOffset {
            if let known = positions[upperBound, segment.baseOffset] { return known }
            if let found = try segment.locate(upperBound) {
                let bound = BatchPosition(found, segment)
                positions.remember(bound, replacing: nil)
                return bound
            }
        }
        return BatchPosition(offset: endOffset, segment: segment.baseOffset, position: segment.byteCount)
    }

    private func payload(
        _ segment: OpenSegment, from start: Int64, to end: Int64
    ) throws(StorageError) -> RecordsPayload {
        let byteCount = Int(end - start)
        let file = try segment.log()
        if byteCount <= Self.inMemoryReadBytes {
            return RecordsPayload(try file.readExactly(byteCount, at: start))
        }
        return RecordsPayload(pieces: [.file(FileSlice(source: file, position: start, byteCount: byteCount))])
    }

    /// The batch that holds an offset, or the first after it; `nil` at the log's end.
    func locate(_ offset: Offset) throws(StorageError) -> (segment: Int, batch: BatchPosition)? {
        if offset >= logEnd { return nil }
        var index = segmentIndex(of: offset)
        while index <= closed.count {
            let base = index == closed.count ? active.baseOffset : closed[index].baseOffset
            if let known = positions[offset, base] { return (index, known) }
            let segment = try openSegment(index)
            if let found = try segment.locate(offset) { return (index, BatchPosition(found, segment)) }
            index += 1
        }
        return nil
    }
}

extension LogRead {
    fileprivate static func empty(at offset: Offset) -> LogRead {
        LogRead(payload: .empty, byteCount: 0, firstBatchBase: nil, nextOffset: offset)
    }
}

/// Where a batch starts.
struct BatchPosition: Hashable {
    /// Its base offset.
    var offset: Offset
    /// The base offset of its segment.
    var segment: Offset
    var position: Int64
}

extension BatchPosition {
    init(_ found: BatchCursor.Found, _ segment: OpenSegment) {
        self.init(offset: found.header.baseOffset, segment: segment.baseOffset, position: found.position)
    }
}

/// Remembers where the last readers stopped, so that going on costs no search.
struct PositionCache {
    /// Readers of one partition that are remembered.
    static let capacity = 8

    private var ends: [BatchPosition] = []
    private var oldest = 0
    var lastAppend: BatchPosition?

    subscript(offset: Offset, segment: Offset) -> BatchPosition? {
        if let lastAppend, lastAppend.offset == offset, lastAppend.segment == segment { return lastAppend }
        return ends.first { $0.offset == offset && $0.segment == segment }
    }

    /// Remembers where a reader stopped, in the place of where it started.
    mutating func remember(_ end: BatchPosition, replacing start: BatchPosition?) {
        if ends.contains(end) { return }
        if let start, let place = ends.firstIndex(of: start) {
            ends[place] = end
        } else if ends.count < Self.capacity {
            ends.append(end)
        } else {
            ends[oldest] = end
            oldest = (oldest + 1) % Self.capacity
        }
    }

    /// Forgets positions in segments that were written anew.
    mutating func forget(segments bases: Set<Offset>) {
        ends.removeAll { bases.contains($0.segment) }
        oldest = 0
        if let lastAppend, bases.contains(lastAppend.segment) { self.lastAppend = nil }
    }

    /// Forgets positions in segments that are gone.
    mutating func forget(below offset: Offset) {
        ends.removeAll { $0.segment < offset }
        oldest = 0
        if let lastAppend, lastAppend.segment < offset { self.lastAppend = nil }
    }
}
