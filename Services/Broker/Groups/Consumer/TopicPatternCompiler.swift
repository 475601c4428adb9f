/// What a pattern means, before it is turned into steps.
indirect enum TopicPatternNode: Sendable {
    case byte(ByteSet)
    case check(TopicPattern.Assertion)
    case sequence([TopicPatternNode])
    case either([TopicPatternNode])
    /// At least so often, and at most so often or without end.
    case repetition(TopicPatternNode, Int, Int?)
}

/// Turns a pattern into steps; greedy or not makes no difference to whether a whole name matches.
struct TopicPatternCompiler {
    private(set) var steps: [TopicPattern.Step] = []
    /// Nodes written out so far: repetitions of nothing cost time without adding a step.
    private var visits = 0

    mutating func add(_ node: TopicPatternNode) throws(TopicPattern.SyntaxError) {
        visits += 1
        guard visits <= 10 * TopicPattern.maximumSteps else { throw Self.tooLarge }
        switch node {
        case .byte(let set): try append(.byte(set))
        case .check(let assertion): try append(.check(assertion))
        case .sequence(let nodes): for node in nodes { try add(node) }
        case .either(let nodes): try add(either: nodes)
        case .repetition(let node, let least, let most): try add(node, least, most)
        }
    }

    private static let tooLarge = TopicPattern.SyntaxError(
        reason: "the pattern is too large: more than \(TopicPattern.maximumSteps) steps", position: 0)

    private mutating func append(_ step: TopicPattern.Step) throws(TopicPattern.SyntaxError) {
        guard steps.count < TopicPattern.maximumSteps else { throw Self.tooLarge }
        steps.append(step)
    }

    private mutating func add(either nodes: [TopicPatternNode]) throws(TopicPattern.SyntaxError) {
        var ends: [Int] = []
        for (index, node) in nodes.enumerated() {
            if index == nodes.count - 1 {
                try add(node)
                continue
            }
            let split = steps.count
            try append(.split(split + 1, 0))
            try add(node)
            ends.append(steps.count)
            try append(.jump(0))
            steps[split] = .split(split + 1, steps.count)
        }
        for end in ends { steps[end] = .jump(steps.count) }
    }

    private mutating func add(
        _ node: TopicPatternNode, _ least: Int, _ most: Int?
    ) throws(TopicPattern.SyntaxError) {
        for _ in 0..<least { try add(node) }
        guard let most else {
            let split = steps.count
            try append(.split(split + 1, 0))
            try add(node)
            try append(.jump(split))
            steps[split] = .split(split + 1, steps.count)
            return
        }
        var splits: [Int] = []
        for _ in least..<max(least, most) {
            splits.append(steps.count)
            try append(.split(steps.count + 1, 0))
            try add(node)
        }
        for split in splits { steps[split] = .split(split + 1, steps.count) }
    }
}
