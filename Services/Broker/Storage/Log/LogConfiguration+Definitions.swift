import KafkaRecords

/// Kafka's topic configurations with their limits, types, defaults and the broker's settings behind them.
extension LogConfiguration {
    private static let anyInt = Int(Int32.max)

    static let segmentSettings: [LogSetting] = [
        .integer(
            "segment.bytes", \.segmentBytes, 14...anyInt, ["log.segment.bytes"],
            "A segment is closed before it grows past this many bytes."),
        .integer(
            "segment.ms", \.segmentMilliseconds, 1...Int64.max, ["log.roll.ms", "log.roll.hours"],
            "A segment is closed when its first record is this much older than the newest."),
        .integer(
            "segment.jitter.ms", \.segmentJitterMilliseconds, 0...Int64.max,
            ["log.roll.jitter.ms", "log.roll.jitter.hours"],
            "At most this much is taken off segment.ms, so that not all partitions close a segment at once."),
        .integer(
            "segment.index.bytes", \.segmentIndexBytes, 4...anyInt, ["log.index.size.max.bytes"],
            "A segment is closed when one of its index files reaches this many bytes."),
        .integer(
            "index.interval.bytes", \.indexIntervalBytes, 0...anyInt, ["log.index.interval.bytes"],
            "About this many bytes of records lie between two entries of an index."),
        .integer(
            "flush.messages", \.flushMessages, 1...Int64.max, ["log.flush.interval.messages"],
            "This many records may be appended before they are forced to the disk."),
        .integer(
            "flush.ms", \.flushMilliseconds, 0...Int64.max,
            ["log.flush.interval.ms", "log.flush.scheduler.interval.ms"],
            "A record waits at most this long before it is forced to the disk."),
        .ignored(
            "file.delete.delay.ms", default: "60000", 0...Int64.max, ["log.segment.delete.delay.ms"],
            "How long removed files stay; here they go at once, and who reads them keeps them open."),
        .ignoredFlag(
            "preallocate", default: "false", ["log.preallocate"],
            "Whether a new segment's file gets its full size at once; here it always grows."),
    ]

    static let retentionSettings: [LogSetting] = [
        .policy(
            "cleanup.policy", \.cleanupPolicy, ["log.cleanup.policy"],
            "What happens to old records: delete by age and size, compact to the newest of each key, or both."),
        .integer(
            "retention.ms", \.retentionMilliseconds, -1...Int64.max,
            ["log.retention.ms", "log.retention.minutes", "log.retention.hours"],
            "With cleanup.policy delete, segments whose newest record is older go; -1 keeps them."),
        .integer(
            "retention.bytes", \.retentionBytes, -1...Int64.max, ["log.retention.bytes"],
            "With cleanup.policy delete, the oldest segments go while the partition is this large without them; "
                + "-1 keeps them."),
    ]

    static let compactionSettings: [LogSetting] = [
        .integer(
            "delete.retention.ms", \.deleteRetentionMilliseconds, 0...Int64.max, ["log.cleaner.delete.retention.ms"],
            "Compaction keeps tombstones and the markers of transactions this long after it first met them."),
        .integer(
            "min.compaction.lag.ms", \.minimumCompactionLagMilliseconds, 0...Int64.max,
            ["log.cleaner.min.compaction.lag.ms"], "A record stays uncompacted at least this long."),
        .integer(
            "max.compaction.lag.ms", \.maximumCompactionLagMilliseconds, 1...Int64.max,
            ["log.cleaner.max.compaction.lag.ms"],
            "A record stays uncompacted at most this long, however small the dirty part of the log is."),
        .ratio(
            "min.cleanable.dirty.ratio", \.minimumCleanableDirtyRatio, ["log.cleaner.min.cleanable.ratio"],
            "A log is compacted once this part of its bytes has not been compacted yet."),
    ]

    static let recordSettings: [LogSetting] = [
        .integer(
            "max.message.bytes", \.maxMessageBytes, 0...anyInt, ["message.max.bytes"],
            "The largest record batch, header included."),
        .word(
            "message.timestamp.type", \.messageTimestampType, MessageTimestampType.allCases.map { ($0.rawValue, $0) },
            ["log.message.timestamp.type"], "Whether records have their producer's time or that of their append."),
        .integer(
            "message.timestamp.before.max.ms", \.timestampBeforeMaximumMilliseconds, 0...Int64.max,
            ["log.message.timestamp.before.max.ms"],
            "With CreateTime, a record whose timestamp is more than this before the broker's time is refused."),
        .integer(
            "message.timestamp.after.max.ms", \.timestampAfterMaximumMilliseconds, 0...Int64.max,
            ["log.message.timestamp.after.max.ms"],
            "With CreateTime, a record whose timestamp is more than this after the broker's time is refused."),
        .integer(
            "message.timestamp.difference.max.ms", \.timestampDifferenceMaximumMilliseconds, 0...Int64.max,
            ["log.message.timestamp.difference.max.ms"],
            "The older form of the two limits above: holds for either where that has its default."),
        .ignoredFlag(
            "message.downconversion.enable", default: "true", ["log.message.downconversion.enable"],
            "Whether old consumers get records in an older format; here all get format 2."),
        .ignoredText(
            "message.format.version", .string, default: "3.0-IV1", ["log.message.format.version"],
            "The format of stored records; it is always 2, whatever is set."),
    ]

    static let compressionSettings: [LogSetting] = [
        .word(
            "compression.type", \.compression,
            [("producer", .producer), ("uncompressed", .codec(.none))]
                + Compression.allCases.filter { $0 != .none }.map { ($0.name, .codec($0)) },
            ["compression.type"], "The codec that batches are stored with; producer keeps that of the producer."),
        .integer(
            "compression.gzip.level", \.gzipLevel, 1...9, or: -1, ["compression.gzip.level"],
            "The level for compression.type gzip, -1 for the codec's own."),
        .integer(
            "compression.lz4.level", \.lz4Level, 1...17, ["compression.lz4.level"],
            "The level for compression.type lz4."),
        .integer(
            "compression.zstd.level", \.zstdLevel, -131_072...22, ["compression.zstd.level"],
            "The level for compression.type zstd."),
    ]

    static let replicationSettings: [LogSetting] = [
        .integer(
            "min.insync.replicas", \.minimumInSyncReplicas, 1...anyInt, ["min.insync.replicas"],
            "A produce request with acks=all is refused while fewer replicas are in sync."),
        .ignoredFlag(
            "unclean.leader.election.enable", default: "false", ["unclean.leader.election.enable"],
            "Whether a replica that is not in sync may become leader."),
        .ignoredText(
            "leader.replication.throttled.replicas", .list, default: "", [],
            "Replicas whose replication is throttled at the leader."),
        .ignoredText(
            "follower.replication.throttled.replicas", .list, default: "", [],
            "Replicas whose replication is throttled at the follower."),
    ]

    static let settingsOfTieredStorage: [LogSetting] = [
        .ignoredFlag(
            "remote.storage.enable", default: "false", allowed: ["false"], [],
            "Whether old segments move to remote storage, which this broker does not have."),
        .ignoredFlag(
            "remote.log.copy.disable", default: "false", [], "Whether copying to remote storage is off."),
        .ignoredFlag(
            "remote.log.delete.on.disable", default: "false", [],
            "Whether remote segments go when remote storage is turned off."),
        .ignored(
            "local.retention.ms", default: "-2", -2...Int64.max, ["log.local.retention.ms"],
            "How long segments stay here once they are in remote storage."),
        .ignored(
            "local.retention.bytes", default: "-2", -2...Int64.max, ["log.local.retention.bytes"],
            "How many bytes stay here once they are in remote storage."),
    ]
}
