import KafkaRecords
import KafkaWire
import NIOCore

/// A record as it was read: offset, timestamp (milliseconds since 1970 UTC), key, value (`nil` is a tombstone) and
/// headers.
public typealias ConsumerRecord = Record

extension Record {
    /// The value of the last header with this name, as Kafka reads repeated headers; `nil` where there is none.
    public func header(_ name: String) -> ByteBuffer? {
        headers.last { $0.name == name }?.value
    }

    /// As ``header(_:)``, as text.
    public func headerText(_ name: String) -> String? {
        header(name).map { String(buffer: $0) }
    }
}

/// Records of one partition that were fetched together, ascending by offset.
public struct ConsumerBatch: Sendable {
    /// Where the records are from.
    public var topicPartition: TopicPartition
    /// None where all there was are offsets without records, such as a transaction's marker: then ``nextOffset`` is the
    /// news, for who reads up to an end.
    public var records: [ConsumerRecord]
    /// The offset to go on from: what to commit once all records are processed. May be more than the last record's
    /// offset + 1, for compaction removes records.
    public var nextOffset: Offset
    /// The end of what this consumer could read when this was fetched: with read_committed the last stable offset.
    public var highWatermark: Offset
    /// The leader epoch of the last record; -1 where unknown.
    public var leaderEpoch: LeaderEpoch
    /// What the batch took on the wire.
    public var byteCount: Int
    /// Which assignment of its partition to the consumer it was delivered in; `nil` for one that no consumer delivered.
    var assignment: Int?

    public init(
        topicPartition: TopicPartition, records: [ConsumerRecord], nextOffset: Offset, highWatermark: Offset,
        leaderEpoch: LeaderEpoch = .none, byteCount: Int = 0
    ) {
        self.topicPartition = topicPartition
        self.records = records
        self.nextOffset = nextOffset
        self.highWatermark = highWatermark
        self.leaderEpoch = leaderEpoch
        self.byteCount = byteCount
    }

    /// Records behind the end after this batch.
    public var lag: Int64 { max(0, highWatermark - nextOffset) }
}

/// A position of a group in a partition, with a note of the application's.
public struct CommittedOffset: Sendable, Hashable {
    /// The next record to read.
    public var offset: Offset
    /// The leader epoch of the record before it; -1 where unknown.
    public var leaderEpoch: LeaderEpoch
    /// Any text, kept with the offset.
    public var metadata: String

    public init(offset: Offset, leaderEpoch: LeaderEpoch = .none, metadata: String = "") {
        self.offset = offset
        self.leaderEpoch = leaderEpoch
        self.metadata = metadata
    }
}
