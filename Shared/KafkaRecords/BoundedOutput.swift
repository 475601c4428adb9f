import NIOCore

/// A growing buffer that never takes more than a given number of bytes.
struct BoundedOutput {
    /// Bytes a codec is lent at least, where the bound allows.
    private static let minimumRoomBytes = 16 * 1024

    private(set) var buffer = ByteBuffer()
    private let limit: Int

    init(limit: Int) {
        self.limit = max(0, min(limit, Int(Int32.max) - 1))
    }

    /// Bytes that may still be written.
    var left: Int { limit - buffer.readableBytes }

    /// Reserves for what the input says it will become; never more than the bound.
    mutating func expect(_ byteCount: Int) {
        buffer.reserveCapacity(minimumWritableBytes: max(0, min(byteCount, left)))
    }

    /// Lends free memory to a codec, which returns how much of it was used; grows by doubling when it is full.
    ///
    /// The room is one byte larger than the bound: a codec that uses this byte wanted too much.
    /// - Returns: whether the bound still holds.
    mutating func write(_ body: (UnsafeMutableRawBufferPointer) -> Int) -> Bool {
        let allowed = left + 1
        let wanted = buffer.writableBytes > 0 ? 1 : max(Self.minimumRoomBytes, buffer.readableBytes)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: min(wanted, allowed)) { room in
            body(UnsafeMutableRawBufferPointer(rebasing: room.prefix(allowed)))
        }
        return left >= 0
    }
}
