import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The lines of standard input without their ends, as slices of what was read, as kcat takes its records.
struct LineSource {
    private static let readBytes = 1 << 16
    private static let lineEnd = UInt8(ascii: "\n")

    private var buffer = ByteBuffer()
    private var isAtEnd = false

    /// The next line; `nil` after the last.
    mutating func next() -> ByteBuffer? {
        while true {
            if let length = lineLength {
                let line = buffer.readSlice(length: length)
                buffer.moveReaderIndex(forwardBy: 1)
                return line
            }
            if isAtEnd { return buffer.readableBytes > 0 ? buffer.readSlice(length: buffer.readableBytes) : nil }
            refill()
        }
    }

    private var lineLength: Int? {
        buffer.withUnsafeReadableBytes { bytes -> Int? in
            guard let start = bytes.baseAddress, let end = memchr(start, Int32(Self.lineEnd), bytes.count) else {
                return nil
            }
            return start.distance(to: UnsafeRawPointer(end))
        }
    }

    /// Reads on behind what is left of the last read, in new memory: lines still share the old.
    private mutating func refill() {
        var next = ByteBuffer()
        next.reserveCapacity(buffer.readableBytes + Self.readBytes)
        next.writeBuffer(&buffer)
        let count = next.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.readBytes) { memory in
            max(0, read(STDIN_FILENO, memory.baseAddress, Self.readBytes))
        }
        isAtEnd = count == 0
        buffer = next
    }
}
