import NIOCore

/// The 32-bit MurmurHash2 with the seed that Java's client uses, so that a key goes to the same partition from both.
enum Murmur2 {
    /// The hash of the buffer's readable bytes.
    static func hash(_ key: ByteBuffer) -> Int32 {
        key.withUnsafeReadableBytes { hash($0) }
    }

    static func hash(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        let mix: UInt32 = 0x5bd1_e995
        var hash: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: bytes.count)
        let words = bytes.count / 4
        for index in 0..<words {
            var word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
            word &*= mix
            word ^= word >> 24
            word &*= mix
            hash = (hash &* mix) ^ word
        }
        let tail = bytes[(words * 4)...]
        if !tail.isEmpty {
            for (index, byte) in tail.enumerated() { hash ^= UInt32(byte) << (8 * UInt32(index)) }
            hash &*= mix
        }
        hash ^= hash >> 13
        hash &*= mix
        hash ^= hash >> 15
        return Int32(bitPattern: hash)
    }
}
