/// A decoder that has to bear any bytes: it may refuse them, it may not trap, hang or grow without bound.
///
/// Two drivers run it: `FuzzTests` with seeded mutations, briefly and the same each time, and `make fuzz` with
/// libFuzzer, which follows coverage for as long as it is given.
public struct FuzzTarget: Sendable, CustomStringConvertible {
    /// What is decoded; the name that `make fuzz TARGET=` takes.
    public let name: String
    /// Inputs that decode, to start from.
    public let seeds: [[UInt8]]
    /// How many mutated inputs a brief run takes: about a second's worth.
    public let briefInputs: Int
    /// Decodes; traps where a promise other than "refuses" is broken, such as writing what was read.
    public let run: @Sendable ([UInt8]) -> Void

    public var description: String { name }

    init(
        _ name: String, seeds: [[UInt8]], briefInputs: Int = 20_000, run: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.name = name
        self.seeds = seeds
        self.briefInputs = briefInputs
        self.run = run
    }

    /// Every decoder.
    public static let all: [FuzzTarget] =
        [messages, frames] + recordTargets + brokerRecordTargets + [logFolder] + railwayTargets

    /// The target of a name.
    public static func named(_ name: String) -> FuzzTarget? {
        all.first { $0.name == name }
    }
}

/// Takes an input apart from its front; an empty rest gives zeros.
struct FuzzInput {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    var isEmpty: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// Two bytes, big-endian.
    mutating func uint16() -> Int { Int(byte()) << 8 | Int(byte()) }

    mutating func bytes(_ count: Int) -> [UInt8] {
        let taken = rest.prefix(count)
        rest = rest.dropFirst(count)
        return Array(taken)
    }

    mutating func remaining() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }
}
