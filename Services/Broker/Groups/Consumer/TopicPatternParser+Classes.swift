/// Escapes and classes of bytes.
extension TopicPatternParser {
    mutating func escape() throws(TopicPattern.SyntaxError) -> TopicPatternNode {
        switch next.map({ Character(Unicode.Scalar($0)) }) {
        case "A": return taken(.check(.start))
        case "z": return taken(.check(.end))
        case "b": return taken(.check(.wordBoundary))
        case "B": return taken(.check(.noWordBoundary))
        default: break
        }
        if let set = try shorthand() { return .byte(set) }
        return literal(try escapedByte())
    }

    private mutating func taken(_ node: TopicPatternNode) -> TopicPatternNode {
        position += 1
        return node
    }

    /// `\d` and its like; the backslash is read.
    private mutating func shorthand() throws(TopicPattern.SyntaxError) -> ByteSet? {
        let set: ByteSet
        switch next.map({ Character(Unicode.Scalar($0)) }) {
        case "d": set = .digits
        case "D": set = ByteSet.digits.inverted
        case "w": set = .word
        case "W": set = ByteSet.word.inverted
        case "s": set = .space
        case "S": set = ByteSet.space.inverted
        case "p", "P": throw error("classes by Unicode property are not supported")
        default: return nil
        }
        position += 1
        return set
    }

    /// One byte behind a backslash.
    private mutating func escapedByte() throws(TopicPattern.SyntaxError) -> UInt8 {
        let byte = try takeAny()
        switch Character(Unicode.Scalar(byte)) {
        case "a": return 0x07
        case "f": return 0x0C
        case "n": return 0x0A
        case "r": return 0x0D
        case "t": return 0x09
        case "v": return 0x0B
        case "x": return try hexadecimal()
        case "0": return 0
        default:
            guard byte < 0x80, !ByteSet.word.contains(byte) || byte == UInt8(ascii: "_") else {
                position -= 1
                throw error("an escape that is not known")
            }
            return byte
        }
    }

    private mutating func hexadecimal() throws(TopicPattern.SyntaxError) -> UInt8 {
        let isBraced = take("{")
        var value = 0
        var digits = 0
        while let digit = next.flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }), digits < (isBraced ? 6 : 2) {
            value = value * 16 + digit
            digits += 1
            position += 1
        }
        guard digits > 0, isBraced ? take("}") : digits == 2, let byte = UInt8(exactly: value) else {
            throw error("a hexadecimal escape that is no byte")
        }
        return byte
    }

    // MARK: Classes

    /// What stands behind an opening bracket.
    mutating func byteClass() throws(TopicPattern.SyntaxError) -> ByteSet {
        var set = ByteSet()
        let isNegated = take("^")
        var isFirst = true
        while isFirst || next != UInt8(ascii: "]") {
            isFirst = false
            if take("[:") {
                set.formUnion(try namedClass())
                continue
            }
            if next == UInt8(ascii: "\\") {
                position += 1
                if let shorthand = try shorthand() {
                    set.formUnion(shorthand)
                    continue
                }
                position -= 1
            }
            let low = try classByte()
            var high = low
            if next == UInt8(ascii: "-"), position + 1 < text.count, text[position + 1] != UInt8(ascii: "]") {
                position += 1
                high = try classByte()
            }
            guard low <= high else { throw error("a range that ends before it begins") }
            set.insert(low...high)
        }
        position += 1
        if foldsCase { set = set.caseFolded }
        return isNegated ? set.inverted : set
    }

    private mutating func classByte() throws(TopicPattern.SyntaxError) -> UInt8 {
        guard position < text.count else { throw error("a class that is not closed") }
        return take("\\") ? try escapedByte() : try takeAny()
    }

    private static let namedClasses: [String: ByteSet] = [
        "alnum": ByteSet(0x30...0x39, 0x41...0x5A, 0x61...0x7A), "alpha": ByteSet(0x41...0x5A, 0x61...0x7A),
        "ascii": ByteSet(0x00...0x7F), "blank": ByteSet(0x09...0x09, 0x20...0x20),
        "cntrl": ByteSet(0x00...0x1F, 0x7F...0x7F), "digit": .digits, "graph": ByteSet(0x21...0x7E),
        "lower": ByteSet(0x61...0x7A), "print": ByteSet(0x20...0x7E),
        "punct": ByteSet(0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E),
        "space": ByteSet(0x09...0x0D, 0x20...0x20), "upper": ByteSet(0x41...0x5A), "word": .word,
        "xdigit": ByteSet(0x30...0x39, 0x41...0x46, 0x61...0x66),
    ]

    private mutating func namedClass() throws(TopicPattern.SyntaxError) -> ByteSet {
        let isNegated = take("^")
        for (name, set) in Self.namedClasses where take(name + ":]") { return isNegated ? set.inverted : set }
        throw error("a named class that is not known")
    }
}
