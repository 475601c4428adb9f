/// Makes inputs from seeds by small changes; the same seed gives the same inputs.
struct Mutator {
    private static let maximumChanges = 6
    private static let maximumInsertedBytes = 16
    /// Values at which lengths and counts break.
    private static let interesting: [UInt8] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF]

    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func input(from seeds: [[UInt8]]) -> [UInt8] {
        var bytes = seeds[below(seeds.count)]
        for _ in 0...below(Self.maximumChanges) { change(&bytes, seeds) }
        return bytes
    }

    private mutating func change(_ bytes: inout [UInt8], _ seeds: [[UInt8]]) {
        let place = below(bytes.count + 1)
        switch below(6) {
        case 0 where place < bytes.count: bytes[place] = UInt8(truncatingIfNeeded: next())
        case 1 where place < bytes.count: bytes[place] ^= 1 << UInt8(below(8))
        case 2 where place < bytes.count: bytes[place] = Self.interesting[below(Self.interesting.count)]
        case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(8)))
        case 4:
            let count = 1 + below(Self.maximumInsertedBytes)
            bytes.insert(contentsOf: (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }, at: place)
        default:
            let other = seeds[below(seeds.count)]
            bytes = Array(bytes[..<place]) + other.dropFirst(below(other.count + 1))
        }
    }

    private mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(1, bound))) }

    /// SplitMix64.
    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
