import KafkaWire

/// How one topic's logs are kept. Names, units and defaults are Kafka's topic configurations.
public struct LogConfiguration: Hashable, Sendable {
    /// Whose clock a record's timestamp is.
    public enum MessageTimestampType: String, Hashable, Sendable, CaseIterable {
        case createTime = "CreateTime"
        case logAppendTime = "LogAppendTime"
    }

    /// What happens to old records.
    public struct CleanupPolicy: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Segments past the retention go.
        public static let delete = CleanupPolicy(rawValue: 1)
        /// Every record must have a key, the newest of each key stays. Old ones are not removed yet.
        public static let compact = CleanupPolicy(rawValue: 2)
    }

    /// `segment.bytes`: a segment is closed before it grows past this.
    public var segmentBytes: Int = 1 << 30
    /// `segment.ms`: a segment is closed when its first record is this much older than the newest.
    public var segmentMilliseconds: Int64 = 7 * 24 * 3_600_000
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
    /// `flush.messages`: records that may be appended before they are made durable.
    public var flushMessages: Int64 = .max
    /// `flush.ms`: milliseconds that a record may wait to be made durable.
    public var flushMilliseconds: Int64 = .max
    /// `message.timestamp.type`
    public var messageTimestampType: MessageTimestampType = .createTime
    /// `cleanup.policy`
    public var cleanupPolicy: CleanupPolicy = .delete
    /// `producer.id.expiration.ms`, a broker's setting: a producer that wrote nothing for this long is forgotten.
    public var producerIDExpirationMilliseconds: Int64 = 24 * 3_600_000

    /// Kafka's defaults.
    public init() {}
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
