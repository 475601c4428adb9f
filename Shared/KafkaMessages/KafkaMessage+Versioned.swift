import KafkaWire
import NIOCore

// The form in which consumers' subscriptions and assignments travel inside JoinGroup and SyncGroup, and in which
// keys and values lie in `__consumer_offsets`: a 16-bit version, then the message.

extension KafkaMessage {
    /// Reads a version and the message behind it.
    ///
    /// - Parameter acceptsNewer: whether a version above the range is read as the highest known one, and what follows
    ///   is left unread. Members of one consumer group may be of different ages (KIP-429), so subscriptions and
    ///   assignments are read so; otherwise such a version is an error, as are bytes behind the message.
    public init(versioned bytes: ByteBuffer, acceptsNewer: Bool = false) throws(WireError) {
        var reader = WireReader(bytes)
        let version = try reader.readInt16()
        let isNewer = acceptsNewer && version > Self.versions.upperBound
        try self.init(from: &reader, version: isNewer ? Self.versions.upperBound : version)
        if !isNewer { try reader.finish() }
    }

    /// The version and the message behind it.
    public func versioned(_ version: Int16) throws(WireError) -> ByteBuffer {
        var writer = WireWriter()
        writer.write(version)
        try write(to: &writer, version: version)
        return writer.finishBytes()
    }
}
