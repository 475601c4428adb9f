import KafkaRecords
import KafkaWire
import NIOCore
import SystemPackage

/// Walks the batches of a segment file, reading ahead in windows.
struct BatchCursor {
    /// Reads ahead this much when only headers matter.
    static let headerWindowBytes = 4096
    /// Reads ahead this much when every byte is looked at.
    static let scanWindowBytes = 1 << 20

    /// A batch and where it starts.
    struct Found {
        var header: RecordBatchHeader
        var position: Int64
        var end: Int64 { position + Int64(header.totalBytes) }
    }

    private let file: any File
    private let end: Int64
    private let windowBytes: Int
    private var window = ByteBuffer()
    private var windowStart: Int64 = 0

    /// Where the next batch starts.
    private(set) var position: Int64

    /// - Parameter end: batches end here at the latest.
    init(_ file: any File, from position: Int64, to end: Int64, windowBytes: Int = headerWindowBytes) {
        self.file = file
        self.position = position
        self.end = end
        self.windowBytes = windowBytes
    }

    /// The next batch's header, or `nil` at the end. `corrupt` where the bytes are no batch or go past the end.
    mutating func next() throws(StorageError) -> Found? {
        if position >= end { return nil }
        guard end - position >= Int64(RecordBatchHeader.byteCount) else {
            throw corrupt("\(end - position) bytes are no batch header")
        }
        try fill(RecordBatchHeader.byteCount)
        let header: RecordBatchHeader
        do {
            header = try RecordBatchHeader(peeking: window, at: window.readerIndex + Int(position - windowStart))
        } catch {
            throw corrupt(error.description)
        }
        guard header.lastOffsetDelta >= 0 else { throw corrupt("last offset delta \(header.lastOffsetDelta)") }
        let found = Found(header: header, position: position)
        guard found.end <= end else {
            throw corrupt("a batch of \(header.totalBytes) bytes, \(end - position) are there")
        }
        position = found.end
        return found
    }

    /// The next batch's header, which ``next()`` will return again; `nil` at the end and where there is no batch.
    mutating func peek() throws(StorageError) -> Found? {
        let start = position
        defer { position = start }
        do {
            return try next()
        } catch {
            switch error {
            case .corrupt, .endOfFile: return nil
            case .operationFailed, .offline: throw error
            }
        }
    }

    /// The next batch with its bytes, or `nil` at the end.
    mutating func nextBatch() throws(StorageError) -> RecordBatch? {
        guard let found = try next() else { return nil }
        return RecordBatch(header: found.header, bytes: try bytes(of: found))
    }

    /// All bytes of a batch that ``next()`` has just returned.
    mutating func bytes(of found: Found) throws(StorageError) -> ByteBuffer {
        let offset = found.position - windowStart
        if offset >= 0,
            let slice = window.getSlice(at: window.readerIndex + Int(offset), length: found.header.totalBytes),
            offset + Int64(found.header.totalBytes) <= Int64(window.readableBytes)
        {
            return slice
        }
        return try file.readExactly(found.header.totalBytes, at: found.position)
    }

    /// Makes sure that `byteCount` bytes from the position on are in the window.
    private mutating func fill(_ byteCount: Int) throws(StorageError) {
        let windowEnd = windowStart + Int64(window.readableBytes)
        if position >= windowStart, position + Int64(byteCount) <= windowEnd { return }
        let wanted = max(byteCount, Int(min(Int64(windowBytes), end - position)))
        window = try file.readExactly(wanted, at: position)
        windowStart = position
    }

    private func corrupt(_ reason: String) -> StorageError {
        .corrupt(path: file.path.string, position: position, reason: reason)
    }
}
