/// A regular expression over names, as RE2 reads it: topics a group subscribes to, transactional ids to list.
///
/// Matches in time proportional to the name's length times the pattern's, whatever the pattern, because clients send
/// it; there is no backtracking. Understood are literals, `.`, classes, `\d \w \s` and their opposites, groups,
/// alternatives, `* + ? {n,m}` (lazy or not, which makes no difference here), `^`, `$`, `\A`, `\z`, `\Q…\E` and
/// `(?i)` in front. The whole name has to match. Source: github.com/google/re2/wiki/Syntax.
public struct NamePattern: Sendable {
    /// Why a text is no pattern.
    public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// Steps that a compiled pattern may have.
    public static let maximumSteps = 1_000
    /// How deep groups may be nested.
    static let maximumDepth = 50

    enum Step: Sendable {
        case scalar(ScalarSet)
        case split(Int, Int)
        case jump(Int)
        case start
        case end
        case match
    }

    let steps: [Step]

    /// - Throws: what is wrong with the text, and where.
    public init(_ text: String) throws(Problem) {
        var parser = NamePatternParser(text)
        let tree = try parser.parse()
        var compiler = NamePatternCompiler()
        try compiler.add(tree)
        try compiler.append(.match)
        steps = compiler.steps
    }

    /// Whether the pattern matches the name from its beginning to its end.
    public func matches(_ name: String) -> Bool {
        let scalars = Array(name.unicodeScalars)
        var present = StepSet(capacity: steps.count)
        var next = StepSet(capacity: steps.count)
        follow(0, at: 0, of: scalars.count, into: &present)
        for (index, scalar) in scalars.enumerated() {
            if present.members.isEmpty { return false }
            for member in present.members {
                if case .scalar(let set) = steps[member], set.contains(scalar) {
                    follow(member + 1, at: index + 1, of: scalars.count, into: &next)
                }
            }
            swap(&present, &next)
            next.removeAll()
        }
        return present.members.contains { if case .match = steps[$0] { true } else { false } }
    }

    /// Adds a step and every step that can be reached from it without a scalar.
    private func follow(_ step: Int, at position: Int, of count: Int, into set: inout StepSet) {
        var pending = [step]
        while let step = pending.popLast() {
            guard set.insert(step) else { continue }
            switch steps[step] {
            case .scalar, .match: break
            case .jump(let target): pending.append(target)
            case .split(let first, let second): pending += [first, second]
            case .start: if position == 0 { pending.append(step + 1) }
            case .end: if position == count { pending.append(step + 1) }
            }
        }
    }

    /// Steps without repetition, in the order in which they were added.
    private struct StepSet {
        private(set) var members: [Int] = []
        private var isMember: [Bool]

        init(capacity: Int) { isMember = Array(repeating: false, count: capacity) }

        mutating func insert(_ step: Int) -> Bool {
            if isMember[step] { return false }
            isMember[step] = true
            members.append(step)
            return true
        }

        mutating func removeAll() {
            for member in members { isMember[member] = false }
            members.removeAll(keepingCapacity: true)
        }
    }
}

/// Which scalars a step takes.
struct ScalarSet: Sendable, Hashable {
    var ranges: [ClosedRange<UInt32>] = []
    var isNegated = false
    var ignoresCase = false

    static let digit = ScalarSet("0", "9")
    static let any = ScalarSet(ranges: [10...10], isNegated: true)
    static let word = ScalarSet(ranges: [48...57, 65...90, 95...95, 97...122])
    static let space = ScalarSet(ranges: [9...10, 12...13, 32...32])

    init(ranges: [ClosedRange<UInt32>] = [], isNegated: Bool = false) {
        self.ranges = ranges
        self.isNegated = isNegated
    }

    init(_ first: Unicode.Scalar, _ last: Unicode.Scalar) { ranges = [first.value...last.value] }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        let isInside =
            isListed(scalar.value) || ignoresCase && Self.otherCase(scalar.value).map(isListed) ?? false
        return isInside != isNegated
    }

    private func isListed(_ value: UInt32) -> Bool { ranges.contains { $0.contains(value) } }

    private static func otherCase(_ value: UInt32) -> UInt32? {
        switch value {
        case 65...90: value + 32
        case 97...122: value - 32
        default: nil
        }
    }

    /// The ranges of everything that is not in the set.
    var complement: [ClosedRange<UInt32>] {
        var result: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > next { result.append(next...(range.lowerBound - 1)) }
            next = max(next, range.upperBound + 1)
        }
        if next <= 0x10FFFF { result.append(next...0x10FFFF) }
        return result
    }
}

/// Turns a parsed pattern into steps.
struct NamePatternCompiler {
    private(set) var steps: [NamePattern.Step] = []

    mutating func append(_ step: NamePattern.Step) throws(NamePattern.Problem) {
        guard steps.count < NamePattern.maximumSteps else {
            throw .init(description: "the pattern has more than \(NamePattern.maximumSteps) steps")
        }
        steps.append(step)
    }

    mutating func add(_ node: NamePatternParser.Node) throws(NamePattern.Problem) {
        switch node {
        case .empty: break
        case .set(let set): try append(.scalar(set))
        case .start: try append(.start)
        case .end: try append(.end)
        case .sequence(let nodes): for node in nodes { try add(node) }
        case .alternatives(let nodes): try addAlternatives(nodes[...])
        case .repetition(let node, let minimum, let maximum): try addRepetition(node, minimum, maximum)
        }
    }

    private mutating func addAlternatives(
        _ nodes: ArraySlice<NamePatternParser.Node>
    ) throws(NamePattern.Problem) {
        var jumps: [Int] = []
        for (index, node) in nodes.enumerated() {
            let split = steps.count
            let isLast = index == nodes.count - 1
            if !isLast { try append(.split(split + 1, split + 1)) }
            try add(node)
            if isLast { break }
            jumps.append(steps.count)
            try append(.jump(0))
            steps[split] = .split(split + 1, steps.count)
        }
        for jump in jumps { steps[jump] = .jump(steps.count) }
    }

    private mutating func addRepetition(
        _ node: NamePatternParser.Node, _ minimum: Int, _ maximum: Int?
    ) throws(NamePattern.Problem) {
        for _ in 0..<minimum {
            let before = steps.count
            try add(node)
            // Nothing repeated is nothing, however often.
            if steps.count == before { return }
        }
        guard let maximum else {
            let split = steps.count
            try append(.split(split + 1, split + 1))
            try add(node)
            try append(.jump(split))
            steps[split] = .split(split + 1, steps.count)
            return
        }
        var splits: [Int] = []
        for _ in minimum..<maximum {
            splits.append(steps.count)
            try append(.split(0, 0))
            try add(node)
        }
        for split in splits { steps[split] = .split(split + 1, steps.count) }
    }
}
