/// A 16-byte id as the protocol writes it, big-endian: topic ids, member ids of KIP-848.
public struct KafkaUUID: Hashable, Comparable, Sendable {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// All zeros: "no id".
    public static let zero = KafkaUUID(high: 0, low: 0)

    /// A random version-4 id that does not start with `-` in its text form, so that command lines can take it.
    public static func random(using generator: inout some RandomNumberGenerator) -> KafkaUUID {
        while true {
            let id = KafkaUUID(
                high: (generator.next() & 0xFFFF_FFFF_FFFF_0FFF) | 0x4000,
                low: (generator.next() & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000)
            if !id.description.hasPrefix("-") { return id }
        }
    }

    public static func < (left: KafkaUUID, right: KafkaUUID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension KafkaUUID: LosslessStringConvertible {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// 22 characters of URL-safe base64 without padding, as Kafka's tools print it.
    public var description: String {
        var characters: [UInt8] = []
        characters.reserveCapacity(22)
        for index in 0..<22 {
            characters.append(Self.alphabet[Int(sextet(at: index))])
        }
        return String(decoding: characters, as: UTF8.self)
    }

    /// Reads the 22-character form; `nil` for anything else.
    public init?(_ description: String) {
        let characters = Array(description.utf8)
        guard characters.count == 22 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (index, character) in characters.enumerated() {
            guard let value = Self.alphabet.firstIndex(of: character) else { return nil }
            let width = index == 21 ? 2 : 6
            let bits = UInt64(index == 21 ? value >> 4 : value)
            high = (high << width) | (low >> (64 - width))
            low = (low << width) | bits
        }
        self.init(high: high, low: low)
    }

    /// The six bits at position `index` counted from the most significant; the last has two bits and four zeros.
    private func sextet(at index: Int) -> UInt64 {
        if index == 21 { return (low & 0b11) << 4 }
        let shift = 128 - 6 * (index + 1)
        if shift >= 64 { return (high >> UInt64(shift - 64)) & 0x3F }
        if shift + 6 <= 64 { return (low >> UInt64(shift)) & 0x3F }
        let fromHigh = high << UInt64(64 - shift)
        return (fromHigh | (low >> UInt64(shift))) & 0x3F
    }
}
