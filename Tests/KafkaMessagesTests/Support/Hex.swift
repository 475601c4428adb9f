import NIOCore

/// Bytes from hexadecimal digits and, between apostrophes, ASCII text; spaces and line ends are skipped.
func hex(_ text: String) -> ByteBuffer {
    var bytes = ByteBuffer()
    for (index, part) in text.split(separator: "'", omittingEmptySubsequences: false).enumerated() {
        if !index.isMultiple(of: 2) {
            bytes.writeSubstring(part)
            continue
        }
        let digits = part.filter(\.isHexDigit).map { UInt8($0.hexDigitValue ?? 0) }
        precondition(digits.count.isMultiple(of: 2), "a byte has two digits")
        for pair in stride(from: 0, to: digits.count, by: 2) {
            bytes.writeInteger(digits[pair] << 4 | digits[pair + 1])
        }
    }
    return bytes
}
