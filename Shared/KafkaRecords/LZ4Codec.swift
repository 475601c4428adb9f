import CLZ4
import NIOCore

/// The LZ4 frame format. Source: "LZ4 Frame Format Description" of the lz4 project.
enum LZ4Codec {
    /// Levels above are the same as this one.
    private static let maximumLevel = 12

    /// Independent blocks of 64 KiB without checksums or content size: all that Kafka's Java client reads.
    private static func preferences(level: Int?) -> LZ4F_preferences_t {
        var preferences = LZ4F_preferences_t()
        preferences.frameInfo.blockSizeID = LZ4F_max64KB
        preferences.frameInfo.blockMode = LZ4F_blockIndependent
        preferences.compressionLevel = CInt(min(max(level ?? 0, 0), maximumLevel))
        return preferences
    }

    static func compress(
        _ input: UnsafeRawBufferPointer, into output: inout ByteBuffer, level: Int?
    ) -> CodecFailure? {
        var preferences = preferences(level: level)
        var result = 0
        let bound = LZ4F_compressFrameBound(input.count, &preferences)
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { room in
            result = LZ4F_compressFrame(room.baseAddress, room.count, input.baseAddress, input.count, &preferences)
            return LZ4F_isError(result) == 0 ? result : 0
        }
        return LZ4F_isError(result) == 0 ? nil : failure(result)
    }

    static func decompress(_ input: UnsafeRawBufferPointer, into output: inout BoundedOutput) -> CodecFailure? {
        guard let start = input.baseAddress else { return .endsEarly }
        var created: OpaquePointer?
        guard LZ4F_isError(LZ4F_createDecompressionContext(&created, UInt32(LZ4F_VERSION))) == 0, let context = created
        else { return .noMemory }
        defer { LZ4F_freeDecompressionContext(context) }

        var consumed = 0
        output.expect(input.count * 3)
        while true {
            var result = 0
            var progress = 0
            let withinBound = output.write { room in
                var written = room.count
                var read = input.count - consumed
                result = LZ4F_decompress(context, room.baseAddress, &written, start + consumed, &read, nil)
                if LZ4F_isError(result) != 0 { return 0 }
                consumed += read
                progress = read + written
                return written
            }
            if LZ4F_isError(result) != 0 { return failure(result) }
            if !withinBound { return .tooLarge }
            if result == 0, consumed == input.count { return nil }
            if progress == 0 { return .endsEarly }
        }
    }

    private static func failure(_ result: Int) -> CodecFailure {
        .library(String(cString: LZ4F_getErrorName(result)))
    }
}
