import NIOCore

/// Bytes on their way to a socket: in memory, or a range of an open file.
public enum WirePiece: Sendable {
    case bytes(ByteBuffer)
    case file(FileSlice)

    public var byteCount: Int {
        switch self {
        case .bytes(let buffer): buffer.readableBytes
        case .file(let slice): slice.byteCount
        }
    }

    /// The bytes themselves; reads the file where they are in one, and throws its I/O error.
    public func readBytes() throws -> ByteBuffer {
        switch self {
        case .bytes(let buffer): buffer
        case .file(let slice): try slice.source.read(at: slice.position, byteCount: slice.byteCount)
        }
    }
}

/// A range of an open file. Holding the slice keeps the file open, also after it was deleted from its folder.
public struct FileSlice: Sendable {
    public let source: any FileSliceSource
    /// The first byte's position in the file.
    public let position: Int64
    public let byteCount: Int

    public init(source: any FileSliceSource, position: Int64, byteCount: Int) {
        self.source = source
        self.position = position
        self.byteCount = byteCount
    }
}

/// An open file that slices can be sent from.
public protocol FileSliceSource: AnyObject, Sendable {
    /// The descriptor for `sendfile`, or `nil` where the file is not the operating system's (in tests).
    var descriptor: CInt? { get }
    /// Exactly `byteCount` bytes; throws where the file ends before.
    func read(at position: Int64, byteCount: Int) throws -> ByteBuffer
}

/// The record batches of one partition in a request or response: whole batches one after the other.
public struct RecordsPayload: Sendable {
    /// In order; empty for no records.
    public var pieces: [WirePiece]

    public init(pieces: [WirePiece]) {
        self.pieces = pieces
    }

    public init(_ bytes: ByteBuffer) {
        pieces = bytes.readableBytes == 0 ? [] : [.bytes(bytes)]
    }

    /// No records at all; on the wire a length of zero, which is not null.
    public static let empty = RecordsPayload(pieces: [])

    public var byteCount: Int {
        pieces.reduce(0) { $0 + $1.byteCount }
    }

    /// Everything in one buffer: without a copy when there is one piece in memory.
    public func contiguous() throws -> ByteBuffer {
        if pieces.count == 1 { return try pieces[0].readBytes() }
        var all = ByteBuffer()
        all.reserveCapacity(byteCount)
        for piece in pieces {
            var bytes = try piece.readBytes()
            all.writeBuffer(&bytes)
        }
        return all
    }
}

extension RecordsPayload: Equatable {
    /// Equal pieces in memory, or the same ranges of the same files.
    public static func == (left: RecordsPayload, right: RecordsPayload) -> Bool {
        left.pieces.count == right.pieces.count
            && zip(left.pieces, right.pieces).allSatisfy { pair in
                switch pair {
                case (.bytes(let one), .bytes(let other)):
                    one == other
                case (.file(let one), .file(let other)):
                    one.source === other.source && one.position == other.position && one.byteCount == other.byteCount
                case (.bytes, .file), (.file, .bytes):
                    false
                }
            }
    }
}

extension WireReader {
    /// A record-batch field as a slice of the same memory.
    public mutating func readNullableRecords(flexible: Bool) throws(WireError) -> RecordsPayload? {
        guard let bytes = try readNullableBytes(flexible: flexible) else { return nil }
        return RecordsPayload(bytes)
    }
}
