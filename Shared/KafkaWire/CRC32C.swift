import CChecksums
import NIOCore

/// CRC-32C (Castagnoli), the checksum of a record batch.
///
/// Uses the processor's instructions where it has them and tables otherwise; the choice is made once at start-up.
/// Source: RFC 3720, appendix B.4.
public enum CRC32C {
    /// The checksum of the bytes.
    public static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        extend(0, with: bytes)
    }

    /// The checksum of the readable bytes.
    public static func checksum(_ buffer: ByteBuffer) -> UInt32 {
        extend(0, with: buffer)
    }

    /// The checksum of everything that `checksum` covers, followed by the bytes; start with 0.
    public static func extend(_ checksum: UInt32, with bytes: UnsafeRawBufferPointer) -> UInt32 {
        signalbox_crc32c(checksum, bytes.baseAddress, bytes.count)
    }

    /// The checksum of everything that `checksum` covers, followed by the readable bytes; start with 0.
    public static func extend(_ checksum: UInt32, with buffer: ByteBuffer) -> UInt32 {
        buffer.withUnsafeReadableBytes { extend(checksum, with: $0) }
    }

    /// Whether this processor has instructions for it.
    public static var hasHardware: Bool { signalbox_crc32c_has_hardware() }
}
