import KafkaWire

extension LogConfiguration {
    /// Topic configurations that clients set and that change nothing here: what they ask for is what there is, or
    /// concerns parts of Kafka that this broker does not have.
    public static let keysWithoutEffect: Set<String> = [
        "compression.type", "delete.retention.ms", "file.delete.delay.ms", "follower.replication.throttled.replicas",
        "leader.replication.throttled.replicas", "max.compaction.lag.ms", "message.downconversion.enable",
        "message.format.version", "message.timestamp.after.max.ms", "message.timestamp.before.max.ms",
        "message.timestamp.difference.max.ms", "min.cleanable.dirty.ratio", "min.compaction.lag.ms",
        "min.insync.replicas", "preallocate", "segment.jitter.ms", "unclean.leader.election.enable",
    ]

    /// A topic's configuration: its own values by Kafka's keys over the broker's defaults.
    ///
    /// Throws for a key that Kafka's topics do not have and for a value that is not allowed; of several, for the first
    /// in the order of keys.
    public init(
        topicConfigurations: [String: String], defaults: LogConfiguration = LogConfiguration()
    ) throws(LogConfigurationError) {
        self = defaults
        for (key, value) in topicConfigurations.sorted(by: { $0.key < $1.key }) {
            try set(key, to: value)
        }
    }

    /// Sets one value by Kafka's key.
    public mutating func set(_ key: String, to value: String) throws(LogConfigurationError) {
        switch key {
        case "segment.bytes": segmentBytes = try Self.integer(key, value, 14...Int(Int32.max))
        case "segment.ms": segmentMilliseconds = try Self.integer(key, value, 1...Int64.max)
        case "index.interval.bytes": indexIntervalBytes = try Self.integer(key, value, 0...Int(Int32.max))
        case "segment.index.bytes": segmentIndexBytes = try Self.integer(key, value, 4...Int(Int32.max))
        case "retention.ms": retentionMilliseconds = try Self.integer(key, value, -1...Int64.max)
        case "retention.bytes": retentionBytes = try Self.integer(key, value, -1...Int64.max)
        case "max.message.bytes": maxMessageBytes = try Self.integer(key, value, 0...Int(Int32.max))
        case "flush.messages": flushMessages = try Self.integer(key, value, 1...Int64.max)
        case "flush.ms": flushMilliseconds = try Self.integer(key, value, 0...Int64.max)
        case "message.timestamp.type": messageTimestampType = try Self.timestampType(key, value)
        case "cleanup.policy": cleanupPolicy = try Self.cleanupPolicy(key, value)
        default:
            guard Self.keysWithoutEffect.contains(key) else { throw .unknownKey(key) }
        }
    }

    /// Every value that is honoured, by Kafka's key, as Kafka writes it.
    public var topicConfigurations: [String: String] {
        [
            "segment.bytes": String(segmentBytes), "segment.ms": String(segmentMilliseconds),
            "index.interval.bytes": String(indexIntervalBytes), "segment.index.bytes": String(segmentIndexBytes),
            "retention.ms": String(retentionMilliseconds), "retention.bytes": String(retentionBytes),
            "max.message.bytes": String(maxMessageBytes), "flush.messages": String(flushMessages),
            "flush.ms": String(flushMilliseconds), "message.timestamp.type": messageTimestampType.rawValue,
            "cleanup.policy": cleanupPolicyText,
        ]
    }

    private var cleanupPolicyText: String {
        let names = [(CleanupPolicy.compact, "compact"), (.delete, "delete")]
        return names.filter { cleanupPolicy.contains($0.0) }.map(\.1).joined(separator: ",")
    }

    private static func integer<Value: FixedWidthInteger>(
        _ key: String, _ value: String, _ limits: ClosedRange<Value>
    ) throws(LogConfigurationError) -> Value {
        guard let number = Value(value.trimmed), limits.contains(number) else {
            let allowed = "an integer from \(limits.lowerBound) to \(limits.upperBound)"
            throw .invalidValue(key: key, value: value, allowed: allowed)
        }
        return number
    }

    private static func timestampType(
        _ key: String, _ value: String
    ) throws(LogConfigurationError) -> MessageTimestampType {
        guard let type = MessageTimestampType(rawValue: value.trimmed) else {
            throw .invalidValue(key: key, value: value, allowed: "CreateTime or LogAppendTime")
        }
        return type
    }

    private static func cleanupPolicy(_ key: String, _ value: String) throws(LogConfigurationError) -> CleanupPolicy {
        var policy: CleanupPolicy = []
        for name in value.split(separator: ",", omittingEmptySubsequences: false) {
            switch String(name).trimmed {
            case "delete": policy.insert(.delete)
            case "compact": policy.insert(.compact)
            default: throw .invalidValue(key: key, value: value, allowed: "delete, compact or compact,delete")
            }
        }
        return policy
    }
}

extension String {
    /// Without spaces at either end.
    fileprivate var trimmed: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
