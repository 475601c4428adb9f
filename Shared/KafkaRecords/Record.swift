import KafkaWire
import NIOCore

/// One record of a batch.
public struct Record: Equatable, Sendable {
    /// Where the record is in its partition.
    public var offset: Offset
    /// Milliseconds since 1970; -1 for none.
    public var timestamp: Int64
    /// What decides the partition, and which record replaces which on a compacted topic; `nil` for none.
    public var key: ByteBuffer?
    /// `nil` is a tombstone on a compacted topic.
    public var value: ByteBuffer?
    /// In the order they were written; a name may come more than once.
    public var headers: [RecordHeader]

    /// A record from its parts.
    public init(
        offset: Offset, timestamp: Int64, key: ByteBuffer? = nil, value: ByteBuffer?, headers: [RecordHeader] = []
    ) {
        self.offset = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.headers = headers
    }
}

/// A name and a value that travel with a record beside its key and value.
public struct RecordHeader: Equatable, Sendable {
    /// The name, which must be there; Kafka calls it the header's key.
    public var name: String
    /// The value; null is not the same as empty.
    public var value: ByteBuffer?

    /// A header from name and value.
    public init(name: String, value: ByteBuffer?) {
        self.name = name
        self.value = value
    }
}

/// Where a record is and when it was made: all that a lookup by timestamp or a compaction needs.
public struct RecordPosition: Equatable, Sendable {
    /// Where the record is in its partition.
    public let offset: Offset
    /// Milliseconds since 1970; -1 for none.
    public let timestamp: Int64
    /// The key's place within the reader that made this, or `nil` for a record without one.
    let keyRange: Range<Int>?

    /// Whether the record has a key; compacted topics take no record without.
    public var hasKey: Bool { keyRange != nil }
}
