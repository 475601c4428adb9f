/// A regular expression for topic names in RE2's syntax.
///
/// It is simulated state by state, so that a match takes time proportional to the name's length and the pattern's size:
/// a pattern comes from any client, and none may hold up the coordinator as a backtracking engine could be. A name
/// matches as a whole. Back references and looking around are errors, as in RE2; classes by Unicode property are too,
/// since topic names are ASCII.
public struct TopicPattern: Sendable {
    /// Why a pattern is none.
    public struct SyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
        public var reason: String
        /// Bytes from the pattern's start.
        public var position: Int

        public var description: String { "\(reason) at byte \(position)" }
    }

    /// The most bytes of a pattern's text.
    static let maximumBytes = 4_096
    /// The most steps a pattern may come to once repetitions are written out.
    static let maximumSteps = 10_000
    /// How deep groups may be nested.
    static let maximumDepth = 100
    /// The most times one repetition may ask for, as in RE2.
    static let maximumRepetitions = 1_000

    /// One step of the machine that runs over a name.
    enum Step: Sendable {
        /// Takes one byte of this set.
        case byte(ByteSet)
        /// Goes on at both.
        case split(Int, Int)
        case jump(Int)
        case check(Assertion)
        case match
    }

    /// What must hold between two bytes.
    enum Assertion: Sendable {
        case start, end, wordBoundary, noWordBoundary
    }

    public let text: String
    private let steps: [Step]

    /// Throws for text that is no pattern or one that is too large.
    public init(_ text: String) throws(SyntaxError) {
        self.text = text
        guard text.utf8.count <= Self.maximumBytes else {
            throw SyntaxError(
                reason: "a pattern of \(text.utf8.count) bytes, at most \(Self.maximumBytes) are allowed",
                position: Self.maximumBytes)
        }
        var parser = TopicPatternParser(text)
        let node = try parser.parse()
        var compiler = TopicPatternCompiler()
        try compiler.add(node)
        steps = compiler.steps + [.match]
    }

    /// Whether the whole name matches.
    public func matches(_ name: String) -> Bool {
        let name = Array(name.utf8)
        var run = Run(steps: steps)
        run.follow(0, in: name, at: 0)
        for position in name.indices {
            if run.current.isEmpty { return false }
            run.advance(name, at: position)
        }
        return run.hasMatched
    }

    /// All states that the machine may be in after some bytes of a name.
    private struct Run {
        let steps: [Step]
        var current: [Int] = []
        var hasMatched = false
        /// The round in which a step was last reached, so that none is followed twice in one.
        private var reached: [Int]
        private var round = 1

        init(steps: [Step]) {
            self.steps = steps
            reached = Array(repeating: 0, count: steps.count)
        }

        mutating func advance(_ name: [UInt8], at position: Int) {
            let before = current
            current.removeAll(keepingCapacity: true)
            hasMatched = false
            round += 1
            for step in before {
                if case .byte(let set) = steps[step], set.contains(name[position]) {
                    follow(step + 1, in: name, at: position + 1)
                }
            }
        }

        /// Adds a step and everything that can be reached from it without taking a byte.
        mutating func follow(_ first: Int, in name: [UInt8], at position: Int) {
            var waiting = [first]
            while let step = waiting.popLast() {
                if reached[step] == round { continue }
                reached[step] = round
                switch steps[step] {
                case .byte: current.append(step)
                case .match: hasMatched = true
                case .jump(let target): waiting.append(target)
                case .split(let left, let right):
                    waiting.append(right)
                    waiting.append(left)
                case .check(let assertion):
                    if assertion.holds(in: name, at: position) { waiting.append(step + 1) }
                }
            }
        }
    }
}

extension TopicPattern.Assertion {
    func holds(in name: [UInt8], at position: Int) -> Bool {
        switch self {
        case .start: return position == 0
        case .end: return position == name.count
        case .wordBoundary, .noWordBoundary:
            let before = position > 0 && ByteSet.word.contains(name[position - 1])
            let after = position < name.count && ByteSet.word.contains(name[position])
            return (before != after) == (self == .wordBoundary)
        }
    }
}

/// A set of byte values.
struct ByteSet: Sendable, Hashable {
    private var words: [UInt64] = [0, 0, 0, 0]

    init(_ ranges: ClosedRange<UInt8>...) {
        for range in ranges { insert(range) }
    }

    func contains(_ byte: UInt8) -> Bool { words[Int(byte >> 6)] & (1 << UInt64(byte & 63)) != 0 }

    mutating func insert(_ range: ClosedRange<UInt8>) {
        for byte in range { words[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }
    }

    mutating func formUnion(_ other: ByteSet) {
        for index in words.indices { words[index] |= other.words[index] }
    }

    var inverted: ByteSet {
        var result = self
        for index in words.indices { result.words[index] = ~words[index] }
        return result
    }

    /// With both cases of every letter in it.
    var caseFolded: ByteSet {
        var result = self
        for letter in UInt8(ascii: "a")...UInt8(ascii: "z") {
            if contains(letter) { result.insert(letter - 32...letter - 32) }
            if contains(letter - 32) { result.insert(letter...letter) }
        }
        return result
    }

    static let digits = ByteSet(0x30...0x39)
    static let word = ByteSet(0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A)
    static let space = ByteSet(0x09...0x0A, 0x0C...0x0D, 0x20...0x20)
    static let any = ByteSet(0x00...0xFF)
    static let anyButNewline = ByteSet(0x0A...0x0A).inverted
}
