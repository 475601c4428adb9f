/// Reads the text of a ``NamePattern``.
struct NamePatternParser {
    indirect enum Node {
        case empty
        case set(ScalarSet)
        case start
        case end
        case sequence([Node])
        case alternatives([Node])
        /// `nil`: as often as it likes.
        case repetition(Node, minimum: Int, maximum: Int?)
    }

    typealias Problem = NamePattern.Problem

    /// RE2's own limit of `{n}`.
    private static let maximumRepetition = 1_000

    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var depth = 0
    private var ignoresCase = false

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    mutating func parse() throws(Problem) -> Node {
        if take("(?i)") { ignoresCase = true }
        let node = try parseAlternatives()
        guard index == scalars.count else { throw problem("a ')' without its '('") }
        return node
    }

    // MARK: Structure

    private mutating func parseAlternatives() throws(Problem) -> Node {
        var alternatives = [try parseSequence()]
        while take("|") { alternatives.append(try parseSequence()) }
        return alternatives.count == 1 ? alternatives[0] : .alternatives(alternatives)
    }

    private mutating func parseSequence() throws(Problem) -> Node {
        var nodes: [Node] = []
        while let scalar = peek, scalar != "|", scalar != ")" {
            if take("\\Q") {
                while index < scalars.count, !take("\\E") { nodes.append(literal(scalars[index])); index += 1 }
                continue
            }
            let atom = try parseAtom()
            nodes.append(try parseRepetition(of: atom))
        }
        return nodes.isEmpty ? .empty : .sequence(nodes)
    }

    private mutating func parseRepetition(of atom: Node) throws(Problem) -> Node {
        guard let (minimum, maximum) = try parseQuantifier() else { return atom }
        _ = take("?")
        if let next = peek, next == "*" || next == "+" || next == "?" { throw problem("a repetition of a repetition") }
        return .repetition(atom, minimum: minimum, maximum: maximum)
    }

    private mutating func parseQuantifier() throws(Problem) -> (Int, Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        guard peek == "{" else { return nil }
        let before = index
        index += 1
        guard let minimum = takeNumber() else {
            index = before
            return nil
        }
        var maximum: Int? = minimum
        if take(",") { maximum = takeNumber() }
        guard take("}") else {
            index = before
            return nil
        }
        guard minimum <= Self.maximumRepetition, maximum ?? minimum <= Self.maximumRepetition,
            maximum ?? minimum >= minimum
        else { throw problem("a repetition count that is out of range") }
        return (minimum, maximum)
    }

    private mutating func parseAtom() throws(Problem) -> Node {
        guard let scalar = peek else { return .empty }
        switch scalar {
        case "(": return try parseGroup()
        case "[": return .set(try parseClass())
        case "\\": return try parseEscape()
        case ".": return advance(.set(.any))
        case "^": return advance(.start)
        case "$": return advance(.end)
        case "*", "+", "?": throw problem("a repetition of nothing")
        case "{" where try parseQuantifier() != nil: throw problem("a repetition of nothing")
        default: return advance(literal(scalar))
        }
    }

    private mutating func parseGroup() throws(Problem) -> Node {
        guard depth < NamePattern.maximumDepth else { throw problem("groups nested too deeply") }
        depth += 1
        defer { depth -= 1 }
        index += 1
        if take("?"), !take(":") {
            guard take("P<") || take("<") else { throw problem("a group of a kind that is not served") }
            while let scalar = peek, scalar != ">" { _ = scalar; index += 1 }
            guard take(">") else { throw problem("a group's name without its end") }
        }
        let node = try parseAlternatives()
        guard take(")") else { throw problem("a '(' without its ')'") }
        return node
    }

    // MARK: Scalars

    private func literal(_ scalar: Unicode.Scalar) -> Node {
        var set = ScalarSet(scalar, scalar)
        set.ignoresCase = ignoresCase
        return .set(set)
    }

    private mutating func parseEscape() throws(Problem) -> Node {
        index += 1
        guard let scalar = peek else { throw problem("a '\\' at the end") }
        index += 1
        if scalar == "A" { return .start }
        if scalar == "z" { return .end }
        if let set = Self.named(scalar) { return .set(set) }
        return literal(try plain(scalar))
    }

    private static func named(_ scalar: Unicode.Scalar) -> ScalarSet? {
        switch scalar {
        case "d": .digit
        case "w": .word
        case "s": .space
        case "D": ScalarSet(ranges: ScalarSet.digit.complement)
        case "W": ScalarSet(ranges: ScalarSet.word.complement)
        case "S": ScalarSet(ranges: ScalarSet.space.complement)
        default: nil
        }
    }

    private static func control(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        switch scalar {
        case "n": "\n"
        case "t": "\t"
        case "r": "\r"
        default: nil
        }
    }

    /// Signs stand for themselves behind a backslash; letters and digits have a meaning, and only some are known.
    private func plain(_ scalar: Unicode.Scalar) throws(Problem) -> Unicode.Scalar {
        if let control = Self.control(scalar) { return control }
        if scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) {
            throw problem("'\\\(scalar)' is not known")
        }
        return scalar
    }

    private mutating func parseClass() throws(Problem) -> ScalarSet {
        index += 1
        var set = ScalarSet()
        set.ignoresCase = ignoresCase
        set.isNegated = take("^")
        var isFirst = true
        while let scalar = peek, isFirst || scalar != "]" {
            isFirst = false
            if scalar == "\\", index + 1 < scalars.count, let named = Self.named(scalars[index + 1]) {
                index += 2
                set.ranges += named.ranges
                continue
            }
            let low = try parseClassScalar()
            guard peek == "-", index + 1 < scalars.count, scalars[index + 1] != "]" else {
                set.ranges.append(low.value...low.value)
                continue
            }
            index += 1
            let high = try parseClassScalar()
            guard low <= high else { throw problem("a range that runs backwards") }
            set.ranges.append(low.value...high.value)
        }
        guard take("]") else { throw problem("a '[' without its ']'") }
        return set
    }

    private mutating func parseClassScalar() throws(Problem) -> Unicode.Scalar {
        guard let scalar = peek else { throw problem("a '[' without its ']'") }
        index += 1
        guard scalar == "\\" else { return scalar }
        guard let escaped = peek else { throw problem("a '\\' at the end") }
        index += 1
        return try plain(escaped)
    }

    // MARK: Text

    private var peek: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private mutating func advance(_ node: Node) -> Node {
        index += 1
        return node
    }

    private mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard scalars[index...].starts(with: wanted) else { return false }
        index += wanted.count
        return true
    }

    private mutating func takeNumber() -> Int? {
        var number: Int?
        while let scalar = peek, ("0"..."9").contains(scalar), number ?? 0 <= Self.maximumRepetition {
            number = (number ?? 0) * 10 + Int(scalar.value - 48)
            index += 1
        }
        return number
    }

    private func problem(_ what: String) -> Problem {
        Problem(description: "\(what), at \(index) of the pattern")
    }
}
