import KafkaRecords
import KafkaWire

/// How one topic's logs are kept. Names, units and defaults are Kafka's topic configurations.
public struct LogConfiguration: Hashable, Sendable {
    /// Whose clock a record's timestamp is.
    public enum MessageTimestampType: String, Hashable, Sendable, CaseIterable {
        case createTime = "CreateTime"
        case logAppendTime = "LogAppendTime"
    }

    /// The codec that batches are stored with.
    public enum TopicCompression: Hashable, Sendable {
        /// Whatever the producer chose.
        case producer
        /// This one; batches of another are encoded anew when they are appended.
        case codec(Compression)
    }

    /// What happens to old records.
    public struct CleanupPolicy: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Segments past the retention go.
        public static let delete = CleanupPolicy(rawValue: 1)
        /// Every record must have a key, the newest of each key stays.
        public static let compact = CleanupPolicy(rawValue: 2)
    }

    /// `segment.bytes`: a segment is closed before it grows past this.
    public var segmentBytes: Int = 1 << 30
    /// `segment.ms`: a segment is closed when its first record is this much older than the newest.
    public var segmentMilliseconds: Int64 = 7 * 24 * 3_600_000
    /// `segment.jitter.ms`: at most this much is taken off `segment.ms`, differently for every segment.
    public var segmentJitterMilliseconds: Int64 = 0
    /// `index.interval.bytes`: about this many bytes lie between two index entries.
    public var indexIntervalBytes: Int = 4096
    /// `segment.index.bytes`: a segment is closed when one of its index files reaches this.
    public var segmentIndexBytes: Int = 10 << 20
    /// `retention.ms`: segments whose newest record is older go; -1 keeps them.
    public var retentionMilliseconds: Int64 = 7 * 24 * 3_600_000
    /// `retention.bytes`: the oldest segments go while the rest is this large without them; -1 keeps them.
    public var retentionBytes: Int64 = -1
    /// `max.message.bytes`: the largest batch, header included.
    public var maxMessageBytes: Int = 1_048_588
    /// Compressed records of one batch may grow to this where they must be looked at.
    var maximumDecompressedBytes: Int { max(RecordBatchReader.usualMaximumBytes, maxMessageBytes) }
    /// `flush.messages`: records that may be appended before they are made durable.
    public var flushMessages: Int64 = .max
    /// `flush.ms`: milliseconds that a record may wait to be made durable.
    public var flushMilliseconds: Int64 = .max
    /// `message.timestamp.type`
    public var messageTimestampType: MessageTimestampType = .createTime
    /// `message.timestamp.before.max.ms`: how far a record's timestamp may lie before the broker's time.
    public var timestampBeforeMaximumMilliseconds: Int64 = .max
    /// `message.timestamp.after.max.ms`: how far a record's timestamp may lie after the broker's time.
    public var timestampAfterMaximumMilliseconds: Int64 = Self.defaultTimestampAfterMaximum
    /// `message.timestamp.difference.max.ms`: in the place of either of the two above that has its default.
    public var timestampDifferenceMaximumMilliseconds: Int64 = .max
    /// `compression.type`
    public var compression: TopicCompression = .producer
    /// `compression.gzip.level`; -1 is the codec's own.
    public var gzipLevel = -1
    /// `compression.lz4.level`
    public var lz4Level = 9
    /// `compression.zstd.level`
    public var zstdLevel = 3
    /// `cleanup.policy`
    public var cleanupPolicy: CleanupPolicy = .delete
    /// `delete.retention.ms`: how long compaction keeps tombstones and transaction markers after it first met them.
    public var deleteRetentionMilliseconds: Int64 = 24 * 3_600_000
    /// `min.compaction.lag.ms`: how long a record stays uncompacted at least.
    public var minimumCompactionLagMilliseconds: Int64 = 0
    /// `max.compaction.lag.ms`: how long a record stays uncompacted at most.
    public var maximumCompactionLagMilliseconds: Int64 = .max
    /// `min.cleanable.dirty.ratio`: the part of a log's bytes that must be dirty before it is compacted.
    public var minimumCleanableDirtyRatio = 0.5
    /// `min.insync.replicas`: for produce requests with `acks=all`.
    public var minimumInSyncReplicas = 1
    /// `producer.id.expiration.ms`, a broker's setting: a producer that wrote nothing for this long is forgotten.
    public var producerIDExpirationMilliseconds: Int64 = 24 * 3_600_000

    /// Kafka's defaults.
    public init() {}

    /// An hour, as since Kafka 4.0 (KIP-1030).
    static let defaultTimestampAfterMaximum: Int64 = 3_600_000

    /// The limits on timestamps that hold.
    var timestampLimits: (before: Int64, after: Int64) {
        let difference = timestampDifferenceMaximumMilliseconds
        if difference == .max { return (timestampBeforeMaximumMilliseconds, timestampAfterMaximumMilliseconds) }
        let hasOwnAfter = timestampAfterMaximumMilliseconds != Self.defaultTimestampAfterMaximum
        return (
            timestampBeforeMaximumMilliseconds == .max ? difference : timestampBeforeMaximumMilliseconds,
            hasOwnAfter ? timestampAfterMaximumMilliseconds : difference
        )
    }

    /// The level of `compression.*.level` that belongs to a codec; `nil` is the codec's own.
    func level(of codec: Compression) -> Int? {
        switch codec {
        case .none, .snappy: nil
        case .gzip: gzipLevel < 0 ? nil : gzipLevel
        case .lz4: lz4Level
        case .zstd: zstdLevel
        }
    }
}

/// A topic configuration that cannot be used; the text names key, value and what is allowed.
public enum LogConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownKey(String)
    case invalidValue(key: String, value: String, allowed: String)

    /// Always `INVALID_CONFIG`.
    public var errorCode: ErrorCode { .invalidConfig }

    public var description: String {
        switch self {
        case .unknownKey(let key): "unknown topic configuration \"\(key)\""
        case .invalidValue(let key, let value, let allowed):
            "invalid value \"\(value)\" for topic configuration \"\(key)\": must be \(allowed)"
        }
    }
}
