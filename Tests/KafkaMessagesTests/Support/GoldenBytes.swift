import KafkaMessages
import KafkaWire
import NIOCore
import Testing

/// Expects that a message is these bytes at a version, and that they read back as it.
func expectGolden<Message: KafkaMessage>(
    _ message: Message, _ version: Int16, _ bytes: String, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let golden = hex(bytes)
    let encoded = try message.encoded(version)
    #expect(
        encoded == golden, "\(encoded.hexDump(format: .compact)) is not \(golden.hexDump(format: .compact))",
        sourceLocation: sourceLocation)
    #expect(try Message(decoding: golden, version) == message, sourceLocation: sourceLocation)
}

/// A topic id and its bytes.
let goldenID = KafkaUUID(high: 0x0011_2233_4455_6677, low: 0x8899_AABB_CCDD_EEFF)
let goldenIDBytes = "00112233445566778899aabbccddeeff"
let minusOne64 = "ffffffffffffffff"
