import CZlib
import NIOCore

/// The gzip container by zlib. Source: RFC 1952.
enum GzipCodec {
    /// The largest window, plus zlib's flag for the gzip container.
    private static let windowBits: CInt = 15 + 16
    private static let memoryLevel: CInt = 8

    static func compress(
        _ input: UnsafeRawBufferPointer, into output: inout ByteBuffer, level: Int?
    ) -> CodecFailure? {
        // zlib keeps the stream's address, so it must not move.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        defer { stream.deallocate() }
        let level = level.map { CInt(min(max($0, 1), 9)) } ?? Z_DEFAULT_COMPRESSION
        let status = deflateInit2_(
            stream, level, Z_DEFLATED, windowBits, memoryLevel, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            CInt(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { return .noMemory }
        defer { deflateEnd(stream) }

        stream.pointee.setInput(input)
        var result = Z_OK
        let bound = Int(deflateBound(stream, uLong(input.count)))
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { room in
            stream.pointee.setOutput(room)
            result = deflate(stream, Z_FINISH)
            return room.count - Int(stream.pointee.avail_out)
        }
        return result == Z_STREAM_END ? nil : stream.pointee.failure(result)
    }

    static func decompress(_ input: UnsafeRawBufferPointer, into output: inout BoundedOutput) -> CodecFailure? {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        defer { stream.deallocate() }
        let status = inflateInit2_(stream, windowBits, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { return .noMemory }
        defer { inflateEnd(stream) }

        stream.pointee.setInput(input)
        output.expect(input.count * 3)
        while true {
            var result = Z_OK
            let withinBound = output.write { room in
                stream.pointee.setOutput(room)
                result = inflate(stream, Z_NO_FLUSH)
                return room.count - Int(stream.pointee.avail_out)
            }
            if !withinBound { return .tooLarge }
            switch result {
            case Z_OK:
                continue
            case Z_STREAM_END:
                if stream.pointee.avail_in == 0 { return nil }
                inflateReset(stream)
            case Z_BUF_ERROR:
                return .endsEarly
            default:
                return stream.pointee.failure(result)
            }
        }
    }
}

extension z_stream {
    fileprivate mutating func setInput(_ bytes: UnsafeRawBufferPointer) {
        // zlib's interface is older than const; it only reads from here.
        next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        avail_in = uInt(bytes.count)
    }

    fileprivate mutating func setOutput(_ room: UnsafeMutableRawBufferPointer) {
        next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
        avail_out = uInt(room.count)
    }

    fileprivate func failure(_ status: CInt) -> CodecFailure {
        .library(msg.map { String(cString: $0) } ?? "zlib error \(status)")
    }
}
