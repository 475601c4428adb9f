import NIOCore
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Writes a list of buffers with as few system calls as the limits allow, going on after short writes.
///
/// The buffers' bytes are not copied.
struct VectoredWrite {
    /// The most pieces that one call takes (`IOV_MAX` on Linux).
    static let maximumPieces = 1024

    /// Writes some of the vectors at a position and returns how many bytes, or -1 with `errno` set.
    typealias Call = (UnsafePointer<iovec>, CInt, Int64) -> Int

    /// Writes everything. Returns the `errno` of the call that failed, or `nil` when all is written.
    static func write(_ pieces: [ByteBuffer], at position: Int64, using call: Call) -> CInt? {
        var position = position
        var next = 0
        while next < pieces.count {
            let end = min(pieces.count, next + maximumPieces)
            if let failure = writeRun(pieces[next..<end], position: &position, using: call) { return failure }
            next = end
        }
        return nil
    }

    private static func writeRun(_ pieces: ArraySlice<ByteBuffer>, position: inout Int64, using call: Call) -> CInt? {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: pieces.count) { vectors -> CInt? in
            var count = 0
            for piece in pieces where piece.readableBytes > 0 {
                // The pointer outlives the closure: `pieces` keeps every buffer's storage alive until this returns.
                let vector = piece.withUnsafeReadableBytesWithStorageManagement { bytes, _ in
                    iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
                }
                vectors.initializeElement(at: count, to: vector)
                count += 1
            }
            return withExtendedLifetime(pieces) {
                drain(vectors[..<count], position: &position, using: call)
            }
        }
    }

    private static func drain(
        _ vectors: Slice<UnsafeMutableBufferPointer<iovec>>, position: inout Int64, using call: Call
    ) -> CInt? {
        guard let base = vectors.base.baseAddress else { return nil }
        var first = 0
        while first < vectors.count {
            let written = call(base + first, CInt(vectors.count - first), position)
            if written < 0 {
                if errno == EINTR { continue }
                return errno
            }
            // A write that takes nothing and reports nothing would loop for ever.
            if written == 0 { return EIO }
            position += Int64(written)
            var rest = written
            while first < vectors.count, rest >= base[first].iov_len {
                rest -= base[first].iov_len
                first += 1
            }
            if rest > 0 {
                base[first].iov_base = base[first].iov_base.map { $0 + rest }
                base[first].iov_len -= rest
            }
        }
        return nil
    }
}
