/// 128 bits that stand for a record's key: SipHash-2-4. Two keys with the same hash are taken for one.
///
/// Keyed, so that nobody who chooses record keys can make two of them meet. Source: Aumasson and Bernstein, "SipHash: a
/// fast short-input PRF".
struct KeyHash: Hashable, Sendable {
    var low: UInt64
    var high: UInt64

    /// The secret that the hashes of one process are made with.
    struct Seed: Sendable {
        var first: UInt64
        var second: UInt64
    }

    init(_ bytes: UnsafeRawBufferPointer, seed: Seed) {
        var state = SipState(seed)
        let wholeWords = bytes.count & ~7
        var position = 0
        while position < wholeWords {
            state.absorb(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)))
            position += 8
        }
        var last = UInt64(truncatingIfNeeded: bytes.count) << 56
        var shift: UInt64 = 0
        while position < bytes.count {
            last |= UInt64(bytes[position]) << shift
            shift += 8
            position += 1
        }
        state.absorb(last)
        (low, high) = state.finish()
    }
}

private struct SipState {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64

    init(_ seed: KeyHash.Seed) {
        v0 = seed.first ^ 0x736f_6d65_7073_6575
        // The last byte differs from that of the 64-bit form.
        v1 = seed.second ^ 0x646f_7261_6e64_6f6d ^ 0xee
        v2 = seed.first ^ 0x6c79_6765_6e65_7261
        v3 = seed.second ^ 0x7465_6462_7974_6573
    }

    @inline(__always)
    mutating func absorb(_ word: UInt64) {
        v3 ^= word
        round()
        round()
        v0 ^= word
    }

    mutating func finish() -> (UInt64, UInt64) {
        v2 ^= 0xee
        for _ in 0..<4 { round() }
        let low = v0 ^ v1 ^ v2 ^ v3
        v1 ^= 0xdd
        for _ in 0..<4 { round() }
        return (low, v0 ^ v1 ^ v2 ^ v3)
    }

    @inline(__always)
    private mutating func round() {
        v0 &+= v1
        v1 = Self.rotate(v1, 13) ^ v0
        v0 = Self.rotate(v0, 32)
        v2 &+= v3
        v3 = Self.rotate(v3, 16) ^ v2
        v0 &+= v3
        v3 = Self.rotate(v3, 21) ^ v0
        v2 &+= v1
        v1 = Self.rotate(v1, 17) ^ v2
        v2 = Self.rotate(v2, 32)
    }

    @inline(__always)
    private static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 {
        value << bits | value >> (64 &- bits)
    }
}
