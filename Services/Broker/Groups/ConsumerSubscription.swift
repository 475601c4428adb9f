import KafkaMessages
import KafkaWire
import NIOCore

/// The little of the consumers' embedded protocol that the coordinator needs: which topics a member subscribes to.
enum ConsumerSubscription {
    /// The protocol type of consumer groups.
    static let protocolType = "consumer"

    /// The topics of a subscription of any version, all of which begin as version 0 does; `nil` if it cannot be read.
    static func topics(in metadata: ByteBuffer) -> [String]? {
        var reader = WireReader(metadata)
        do {
            _ = try reader.readInt16()
            return try ConsumerProtocolSubscription(from: &reader, version: 0).topics
        } catch {
            return nil  // Not an error of the group's: its offsets are then kept as if all were subscribed.
        }
    }
}
