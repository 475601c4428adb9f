import KafkaMessages
import KafkaWire
import NIOCore
import Testing

/// One message type for tests that go over all of them.
struct MessageCase: Sendable, CustomTestStringConvertible {
    let name: String
    let versions: ClosedRange<Int16>
    let isFlexible: @Sendable (Int16) -> Bool
    /// The bytes of the value that nobody has touched.
    let defaultBytes: @Sendable (Int16) throws(WireError) -> ByteBuffer
    /// The bytes of a filled value, after checking that they read back as that value.
    let sampleBytes: @Sendable (Int16, inout SampleSource) throws -> ByteBuffer
    /// Reads bytes and writes what was read.
    let rewrite: @Sendable (ByteBuffer, Int16) throws(WireError) -> ByteBuffer
    /// Reads bytes, and returns how many were left.
    let read: @Sendable (ByteBuffer, Int16) throws(WireError) -> Int

    var testDescription: String { name }

    init<Message: KafkaMessage>(
        _ empty: Message, _ sample: @escaping @Sendable (Int16, inout SampleSource) -> Message
    ) {
        name = "\(Message.self)"
        versions = Message.versions
        isFlexible = { Message.isFlexible($0) }
        defaultBytes = { version throws(WireError) in try empty.encoded(version) }
        sampleBytes = { version, source in
            let value = sample(version, &source)
            let bytes = try value.encoded(version)
            #expect(try Message(decoding: bytes, version) == value)
            return bytes
        }
        rewrite = { bytes, version throws(WireError) in try Message(decoding: bytes, version).encoded(version) }
        read = { bytes, version throws(WireError) in
            var reader = WireReader(bytes)
            _ = try Message(from: &reader, version: version)
            return reader.remaining
        }
    }
}

extension KafkaMessage {
    /// A whole message: bytes left over are an error.
    init(decoding bytes: ByteBuffer, _ version: Int16) throws(WireError) {
        var reader = WireReader(bytes)
        try self.init(from: &reader, version: version)
        try reader.finish()
    }

    func encoded(_ version: Int16) throws(WireError) -> ByteBuffer {
        var writer = WireWriter()
        try write(to: &writer, version: version)
        return writer.finishBytes()
    }
}
