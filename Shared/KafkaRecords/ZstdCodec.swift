import CZstd
import NIOCore

/// Zstandard frames. Source: RFC 8878.
enum ZstdCodec {
    /// 8 MiB, which RFC 8878 asks every decoder to support, and 128 MiB, the largest window of the usual levels.
    private static let windowLogBounds = 23...27

    static func compress(
        _ input: UnsafeRawBufferPointer, into output: inout ByteBuffer, level: Int?
    ) -> CodecFailure? {
        let level = level.map { CInt(min(max($0, Int(ZSTD_minCLevel())), Int(ZSTD_maxCLevel()))) }
        return ZstdContextPool.compression.withContext { context in
            var result = 0
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: ZSTD_compressBound(input.count)) { room in
                result = ZSTD_compressCCtx(
                    context, room.baseAddress, room.count, input.baseAddress, input.count,
                    level ?? CInt(ZSTD_CLEVEL_DEFAULT))
                return ZSTD_isError(result) == 0 ? result : 0
            }
            return ZSTD_isError(result) == 0 ? nil : failure(result)
        }
    }

    static func decompress(_ input: UnsafeRawBufferPointer, into output: inout BoundedOutput) -> CodecFailure? {
        if input.isEmpty { return .endsEarly }
        output.expect(expectedBytes(of: input))
        return ZstdContextPool.decompression.withContext { context in
            ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, CInt(windowLog(for: output.left)))
            return decompress(input, into: &output, with: context)
        }
    }

    private static func decompress(
        _ input: UnsafeRawBufferPointer, into output: inout BoundedOutput, with context: OpaquePointer
    ) -> CodecFailure? {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        while true {
            var result = 0
            var progress = false
            let withinBound = output.write { room in
                let before = source.pos
                var target = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
                result = ZSTD_decompressStream(context, &target, &source)
                progress = source.pos > before || target.pos > 0
                return target.pos
            }
            if ZSTD_isError(result) != 0 { return failure(result) }
            if !withinBound { return .tooLarge }
            if result == 0, source.pos == source.size { return nil }
            if !progress { return .endsEarly }
        }
    }

    /// The window a frame may ask for: what the whole output may take, within ``windowLogBounds``.
    private static func windowLog(for limit: Int) -> Int {
        let log = Int.bitWidth - max(limit - 1, 1).leadingZeroBitCount
        return min(max(log, windowLogBounds.lowerBound), windowLogBounds.upperBound)
    }

    /// What the first frame says its content is, or a guess where it does not say.
    private static func expectedBytes(of input: UnsafeRawBufferPointer) -> Int {
        // The two largest values stand for "unknown" and "not a frame".
        let stated = ZSTD_getFrameContentSize(input.baseAddress, input.count)
        return Int(exactly: stated) ?? input.count * 3
    }

    private static func failure(_ result: Int) -> CodecFailure {
        .library(String(cString: ZSTD_getErrorName(result)))
    }
}
