import KafkaRecords
import KafkaWire
import NIOCore

/// A record to be written.
public struct ProducerRecord: Sendable {
    /// The topic to write to.
    public var topic: String
    /// The partition, or `nil` to let the key decide, and without a key the producer.
    public var partition: Int32?
    /// Records with equal keys go to the same partition and keep their order; `nil` for no key.
    public var key: ByteBuffer?
    /// The content; `nil` is a tombstone, which deletes the key on a compacted topic.
    public var value: ByteBuffer?
    /// Names with values, in order; names may repeat.
    public var headers: [RecordHeader]
    /// Milliseconds since 1970 UTC; `nil` for now.
    public var timestamp: Int64?

    public init(
        topic: String, partition: Int32? = nil, key: ByteBuffer? = nil, value: ByteBuffer?,
        headers: [RecordHeader] = [], timestamp: Int64? = nil
    ) {
        self.topic = topic
        self.partition = partition
        self.key = key
        self.value = value
        self.headers = headers
        self.timestamp = timestamp
    }

    /// Key and value as UTF-8.
    public init(
        topic: String, partition: Int32? = nil, key: String?, value: String, headers: [RecordHeader] = [],
        timestamp: Int64? = nil
    ) {
        self.init(
            topic: topic, partition: partition, key: key.map { ByteBuffer(string: $0) },
            value: ByteBuffer(string: value), headers: headers, timestamp: timestamp)
    }
}

/// Where an acknowledged record is.
public struct RecordMetadata: Sendable, Hashable {
    /// The partition the record was written to.
    public var topicPartition: TopicPartition
    /// Its offset; `nil` where the broker did not say: with acks = 0, or for a retry the broker had already forgotten.
    public var offset: Offset?
    /// Milliseconds since 1970 UTC: the record's own, or the broker's where the topic says so.
    public var timestamp: Int64

    public init(topicPartition: TopicPartition, offset: Offset?, timestamp: Int64) {
        self.topicPartition = topicPartition
        self.offset = offset
        self.timestamp = timestamp
    }
}
