/// Zigzag varints on raw memory, the integers inside a record. Source: protocol guide, VARINT and VARLONG.
enum Varint {
    /// The most bytes that a 64-bit value takes.
    static let maximumBytes = 10

    @inline(__always)
    static func zigzag(_ value: Int) -> UInt64 {
        UInt64(bitPattern: Int64((value << 1) ^ (value >> 63)))
    }

    /// The bytes that `value` takes, 1 to 10.
    @inline(__always)
    static func byteCount(_ value: Int) -> Int {
        // One byte for each started group of seven bits; the multiplication divides by seven for 1 to 64.
        let bits = 64 - (zigzag(value) | 1).leadingZeroBitCount
        return (bits * 37 + 222) >> 8
    }

    /// Writes `value` and moves the pointer behind it; there must be room for ``byteCount(_:)`` bytes.
    @inline(__always)
    static func store(_ value: Int, at pointer: inout UnsafeMutableRawPointer) {
        var rest = zigzag(value)
        while rest >= 0x80 {
            pointer.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, as: UInt8.self)
            pointer += 1
            rest >>= 7
        }
        pointer.storeBytes(of: UInt8(truncatingIfNeeded: rest), as: UInt8.self)
        pointer += 1
    }
}
