import KafkaWire
import NIOCore

/// Random field values from a seed; the same seed gives the same values.
struct SampleSource: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    private mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    mutating func bool() -> Bool { next() & 1 == 1 }
    mutating func int8() -> Int8 { Int8(truncatingIfNeeded: next()) }
    mutating func int16() -> Int16 { Int16(truncatingIfNeeded: next()) }
    mutating func int32() -> Int32 { Int32(truncatingIfNeeded: next()) }
    mutating func int64() -> Int64 { Int64(truncatingIfNeeded: next()) }
    mutating func uint16() -> UInt16 { UInt16(truncatingIfNeeded: next()) }
    mutating func uint32() -> UInt32 { UInt32(truncatingIfNeeded: next()) }
    mutating func float64() -> Double { Double(int32()) / 8 }
    mutating func uuid() -> KafkaUUID { KafkaUUID(high: next(), low: next()) }
    mutating func error() -> ErrorCode { ErrorCode(rawValue: int16()) }

    /// Empty to long enough for a length varint of two bytes, with characters of one to four bytes.
    mutating func string() -> String {
        let alphabet: [Character] = ["a", "z", "0", "-", "é", "駅", "🚆"]
        let count = below(16) == 0 ? 140 : below(6)
        return String((0..<count).map { _ in alphabet[below(alphabet.count)] })
    }

    mutating func bytes() -> ByteBuffer {
        ByteBuffer(bytes: (0..<below(9)).map { _ in UInt8(truncatingIfNeeded: next()) })
    }

    mutating func records() -> RecordsPayload { RecordsPayload(bytes()) }

    mutating func nullable<Value>(_ value: (inout SampleSource) -> Value) -> Value? {
        below(3) == 0 ? nil : value(&self)
    }

    mutating func array<Element>(_ element: (inout SampleSource) -> Element) -> [Element] {
        var elements: [Element] = []
        for _ in 0..<below(4) { elements.append(element(&self)) }
        return elements
    }
}
