import KafkaMessages
import KafkaTransport
import KafkaWire
import NIOCore

/// One message type, without its type.
struct MessageDecoder: Sendable {
    let versions: ClosedRange<Int16>
    let seed: @Sendable (Int16) -> [UInt8]
    let check: @Sendable (ByteBuffer, Int16) -> Void

    init<Message: KafkaMessage>(_ empty: Message) {
        versions = Message.versions
        seed = { version in
            var writer = WireWriter()
            do { try empty.write(to: &writer, version: version) } catch { return [] }
            return Array(writer.finishBytes().readableBytesView)
        }
        check = { bytes, version in
            var reader = WireReader(bytes)
            guard let message = try? Message(from: &reader, version: version) else { return }
            Self.requireSame(message, version)
        }
    }

    /// What was read can be written, and reads the same again.
    private static func requireSame<Message: KafkaMessage>(_ message: Message, _ version: Int16) {
        do {
            var writer = WireWriter()
            try message.write(to: &writer, version: version)
            let bytes = writer.finishBytes()
            var reader = WireReader(bytes)
            let again = try Message(from: &reader, version: version)
            var second = WireWriter()
            try again.write(to: &second, version: version)
            precondition(second.finishBytes() == bytes, "\(Message.self) version \(version) changes when written again")
        } catch {
            preconditionFailure("\(Message.self) version \(version) was read and cannot be written: \(error)")
        }
    }
}

extension FuzzTarget {
    /// Every request, response, header and coordinator record, at every version: number, version, body.
    static let messages = FuzzTarget("messages", seeds: messageSeeds) { bytes in
        var input = FuzzInput(bytes)
        let decoder = MessageDecoder.all[input.uint16() % MessageDecoder.all.count]
        let version = decoder.versions.lowerBound + Int16(Int(input.byte()) % decoder.versions.count)
        decoder.check(ByteBuffer(bytes: input.remaining()), version)
    }

    private static var messageSeeds: [[UInt8]] {
        MessageDecoder.all.enumerated().flatMap { index, decoder in
            decoder.versions.map { version in
                let head = [UInt8(index >> 8), UInt8(index & 0xFF), UInt8(version - decoder.versions.lowerBound)]
                return head + decoder.seed(version)
            }
        }
    }

    /// A connection's bytes, cut into reads: length of a read, its bytes, and so on.
    static let frames = FuzzTarget(
        "frames", seeds: [[9, 0, 0, 0, 2, 1, 2, 0, 0, 0], [3, 0, 0, 0, 5, 9, 1, 2, 3, 4]]
    ) {
        var input = FuzzInput($0)
        var assembler = FrameAssembler(maximumFrameBytes: 1 << 16)
        while !input.isEmpty {
            assembler.receive(ByteBuffer(bytes: input.bytes(Int(input.byte()))))
            do {
                while let frame = try assembler.next() { precondition(frame.readableBytes <= 1 << 16) }
            } catch {
                return
            }
            precondition(assembler.bufferedBytes <= 1 << 16, "holds more than a frame")
        }
    }
}
