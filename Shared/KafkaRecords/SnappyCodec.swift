import CSnappy
import NIOCore

/// Snappy in the framing of xerial's Java library, which Kafka's clients write, and without any, as some do.
///
/// A header of 16 bytes (the magic, version 1, lowest readable version 1), then blocks of a 32-bit big-endian length
/// and raw snappy. Streams written one after the other repeat the header. Source: the `snappy-java` project's README.
enum SnappyCodec {
    private static let magic: [UInt8] = [0x82, 0x53, 0x4E, 0x41, 0x50, 0x50, 0x59, 0x00]
    private static let headerBytes = 16
    private static let blockBytes = 32 * 1024
    /// Three bytes of snappy stand for at most 64; a length that says more than this many per byte is a lie.
    private static let maximumRatio = 64

    static func compress(_ input: UnsafeRawBufferPointer, into output: inout ByteBuffer) -> CodecFailure? {
        output.writeBytes(magic)
        output.writeMultipleIntegers(1 as Int32, 1 as Int32, endianness: .big)
        var start = 0
        while start < input.count {
            let block = UnsafeRawBufferPointer(rebasing: input[start..<min(start + blockBytes, input.count)])
            guard compressBlock(block, into: &output) else { return .library("a block cannot be compressed") }
            start += block.count
        }
        return nil
    }

    private static func compressBlock(_ block: UnsafeRawBufferPointer, into output: inout ByteBuffer) -> Bool {
        let lengthBytes = MemoryLayout<Int32>.size
        var status = SNAPPY_OK
        output.writeWithUnsafeMutableBytes(
            minimumWritableBytes: lengthBytes + snappy_max_compressed_length(block.count)
        ) { room in
            var length = room.count - lengthBytes
            status = snappy_compress(
                block.baseAddress?.assumingMemoryBound(to: CChar.self), block.count,
                room.baseAddress.map { ($0 + lengthBytes).assumingMemoryBound(to: CChar.self) }, &length)
            guard status == SNAPPY_OK else { return 0 }
            room.storeBytes(of: Int32(length).bigEndian, as: Int32.self)
            return lengthBytes + length
        }
        return status == SNAPPY_OK
    }

    static func decompress(_ input: UnsafeRawBufferPointer, into output: inout BoundedOutput) -> CodecFailure? {
        guard hasHeader(input, at: 0) else { return decompressBlock(input, into: &output) }
        output.expect(input.count * 3)
        var position = headerBytes
        while position < input.count {
            if hasHeader(input, at: position) {
                position += headerBytes
                continue
            }
            guard input.count - position >= MemoryLayout<Int32>.size else { return .endsEarly }
            let length = Int(Int32(bigEndian: input.loadUnaligned(fromByteOffset: position, as: Int32.self)))
            position += MemoryLayout<Int32>.size
            guard length >= 0 else { return .library("block length \(length) is not possible") }
            guard length <= input.count - position else { return .endsEarly }
            let block = UnsafeRawBufferPointer(rebasing: input[position..<(position + length)])
            if let failure = decompressBlock(block, into: &output) { return failure }
            position += length
        }
        return nil
    }

    private static func hasHeader(_ input: UnsafeRawBufferPointer, at position: Int) -> Bool {
        input.count - position >= headerBytes && input[position] == magic[0]
            && input[position..<(position + magic.count)].elementsEqual(magic)
    }

    private static func decompressBlock(
        _ block: UnsafeRawBufferPointer, into output: inout BoundedOutput
    ) -> CodecFailure? {
        let source = block.baseAddress?.assumingMemoryBound(to: CChar.self)
        var length = 0
        guard !block.isEmpty, snappy_uncompressed_length(source, block.count, &length) == SNAPPY_OK,
            length / maximumRatio <= block.count
        else { return .library("a block is damaged") }
        guard length <= output.left else { return .tooLarge }
        var status = SNAPPY_OK
        output.expect(length)
        _ = output.write { room in
            var written = room.count
            status = snappy_uncompress(
                source, block.count, room.baseAddress?.assumingMemoryBound(to: CChar.self), &written)
            return status == SNAPPY_OK ? written : 0
        }
        return status == SNAPPY_OK ? nil : .library("a block is damaged")
    }
}
