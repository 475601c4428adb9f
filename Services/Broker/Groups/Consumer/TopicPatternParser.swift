/// Reads RE2's syntax.
struct TopicPatternParser {
    let text: [UInt8]
    var position = 0
    /// `(?i)` is in force.
    var foldsCase = false
    /// `(?s)` is in force: a dot takes a newline too.
    var dotTakesNewline = false
    private var depth = 0

    init(_ text: String) {
        self.text = Array(text.utf8)
    }

    mutating func parse() throws(TopicPattern.SyntaxError) -> TopicPatternNode {
        let node = try alternatives()
        if position < text.count { throw error("a parenthesis that nothing opened") }
        return node
    }

    // MARK: Reading

    func error(_ reason: String) -> TopicPattern.SyntaxError {
        TopicPattern.SyntaxError(reason: reason, position: position)
    }

    var next: UInt8? { position < text.count ? text[position] : nil }

    mutating func take(_ byte: Character) -> Bool {
        guard next == byte.asciiValue else { return false }
        position += 1
        return true
    }

    mutating func take(_ word: String) -> Bool {
        guard text[position...].starts(with: word.utf8) else { return false }
        position += word.utf8.count
        return true
    }

    mutating func takeAny() throws(TopicPattern.SyntaxError) -> UInt8 {
        guard let byte = next else { throw error("the pattern ends too early") }
        position += 1
        return byte
    }

    mutating func takeNumber() -> Int? {
        var number: Int?
        while let byte = next, ByteSet.digits.contains(byte), number ?? 0 <= TopicPattern.maximumRepetitions {
            number = (number ?? 0) * 10 + Int(byte - 0x30)
            position += 1
        }
        return number
    }

    // MARK: Structure

    private mutating func alternatives() throws(TopicPattern.SyntaxError) -> TopicPatternNode {
        var nodes = [try sequence()]
        while take("|") { nodes.append(try sequence()) }
        return nodes.count == 1 ? nodes[0] : .either(nodes)
    }

    private mutating func sequence() throws(TopicPattern.SyntaxError) -> TopicPatternNode {
        var nodes: [TopicPatternNode] = []
        while let byte = next, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            if take("\\Q") {
                while position < text.count, !take("\\E") { nodes.append(literal(try takeAny())) }
                continue
            }
            guard let atom = try atom() else { continue }
            nodes.append(try repeated(atom))
        }
        return .sequence(nodes)
    }

    private mutating func atom() throws(TopicPattern.SyntaxError) -> TopicPatternNode? {
        let byte = try takeAny()
        switch Character(Unicode.Scalar(byte)) {
        case "(": return try group()
        case "[": return .byte(try byteClass())
        case ".": return .byte(dotTakesNewline ? .any : .anyButNewline)
        case "^": return .check(.start)
        case "$": return .check(.end)
        case "\\": return try escape()
        case "*", "+", "?":
            position -= 1
            throw error("a repetition of nothing")
        default: return literal(byte)
        }
    }

    func literal(_ byte: UInt8) -> TopicPatternNode {
        let set = ByteSet(byte...byte)
        return .byte(foldsCase ? set.caseFolded : set)
    }

    private mutating func group() throws(TopicPattern.SyntaxError) -> TopicPatternNode? {
        depth += 1
        defer { depth -= 1 }
        guard depth <= TopicPattern.maximumDepth else {
            throw error("groups are nested more than \(TopicPattern.maximumDepth) deep")
        }
        let outer = (foldsCase, dotTakesNewline)
        if take("?"), try !groupHead() { return nil }
        let node = try alternatives()
        guard take(")") else { throw error("a group that is not closed") }
        (foldsCase, dotTakesNewline) = outer
        return node
    }

    /// What stands behind `(?`; false where flags are set for the rest of the group outside and nothing follows.
    private mutating func groupHead() throws(TopicPattern.SyntaxError) -> Bool {
        if take("P<") || takeNameStart() {
            while let byte = next, ByteSet.word.contains(byte) { position += 1 }
            guard take(">") else { throw error("a group's name that does not end") }
            return true
        }
        var isOn = true
        while true {
            let byte = try takeAny()
            switch Character(Unicode.Scalar(byte)) {
            case "i": foldsCase = isOn
            case "s": dotTakesNewline = isOn
            case "m", "U": break
            case "-" where isOn: isOn = false
            case ":": return true
            case ")": return false
            default:
                position -= 1
                throw error("a group of a kind that is not supported")
            }
        }
    }

    /// `<` in front of a name, but not the `<=` and `<!` of looking behind.
    private mutating func takeNameStart() -> Bool {
        guard position + 1 < text.count, ByteSet.word.contains(text[position + 1]) else { return false }
        return take("<")
    }

    // MARK: Repetition

    private mutating func repeated(_ atom: TopicPatternNode) throws(TopicPattern.SyntaxError) -> TopicPatternNode {
        var node = atom
        var wasRepeated = false
        while let (least, most) = try repetition() {
            if wasRepeated { throw error("a repetition of a repetition") }
            wasRepeated = true
            node = .repetition(node, least, most)
            _ = take("?")
        }
        return node
    }

    private mutating func repetition() throws(TopicPattern.SyntaxError) -> (Int, Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        let start = position
        guard take("{"), let least = takeNumber() else {
            position = start  // A brace without a number is a brace.
            return nil
        }
        var most: Int? = least
        if take(",") { most = takeNumber() }
        guard take("}") else {
            position = start
            return nil
        }
        guard least <= TopicPattern.maximumRepetitions, most ?? 0 <= TopicPattern.maximumRepetitions,
            least <= most ?? Int.max
        else { throw error("a repetition of \(least) to \(most.map(String.init) ?? "any number of") times") }
        return (least, most)
    }
}
