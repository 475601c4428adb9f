/// The settings and bounds of the group coordinator.
///
/// Each property names its key. Keys that Kafka has keep Kafka's name, meaning and default; the others are ours.
public struct GroupConfiguration: Sendable, Hashable {
    /// `group.min.session.timeout.ms`: shorter session timeouts are refused with `INVALID_SESSION_TIMEOUT`.
    public var minimumSessionTimeout: Duration = .milliseconds(6_000)
    /// `group.max.session.timeout.ms`: longer session timeouts are refused with `INVALID_SESSION_TIMEOUT`.
    public var maximumSessionTimeout: Duration = .milliseconds(1_800_000)
    /// `group.initial.rebalance.delay.ms`: how long the first rebalance of an empty group waits for more members; each
    /// one that comes extends it by the same delay, up to the rebalance timeout.
    public var initialRebalanceDelay: Duration = .milliseconds(3_000)
    /// `group.max.size`: members of one group; more are refused with `GROUP_MAX_SIZE_REACHED`.
    public var maximumGroupSize = Int(Int32.max)
    /// `offset.metadata.max.bytes`: bytes of UTF-8 in a commit's metadata; more is `OFFSET_METADATA_TOO_LARGE`.
    public var maximumOffsetMetadataBytes = 4_096
    /// `offsets.retention.minutes`: how long offsets outlive their group's members, or their own commit.
    public var offsetsRetention: Duration = .seconds(10_080 * 60)
    /// `offsets.retention.check.interval.ms`: how often expired offsets and empty groups are looked for.
    public var offsetsRetentionCheckInterval: Duration = .milliseconds(600_000)
    /// `offsets.topic.num.partitions`: partitions of `__consumer_offsets`; never changed once the topic exists.
    public var offsetsTopicPartitions: Int32 = 50
    /// `offsets.topic.segment.bytes`: `segment.bytes` that `__consumer_offsets` is made with.
    public var offsetsTopicSegmentBytes = 100 << 20
    /// How long a member that joins for the first time may wait for its first generation. Kafka has the same five
    /// minutes without a key.
    public var newMemberJoinTimeout: Duration = .seconds(300)
    /// `signalbox.group.max.pending.members`: member ids of one group that were handed out and not used yet; more are
    /// refused with `GROUP_MAX_SIZE_REACHED`.
    public var maximumPendingMembers = 10_000
    /// `signalbox.group.max.groups`: groups that this coordinator holds; a join to one more is refused with
    /// `GROUP_MAX_SIZE_REACHED`, a commit with `POLICY_VIOLATION`.
    public var maximumGroups = 100_000
    /// `signalbox.group.max.pending.appends`: records on their way to the log; a commit beyond it is answered
    /// `COORDINATOR_NOT_AVAILABLE`, which a client retries.
    public var maximumPendingAppends = 100_000
    /// `signalbox.group.max.metadata.bytes`: bytes that members' protocols and subscriptions take in memory, over all
    /// groups; a member whose own would go beyond it is refused with `POLICY_VIOLATION`.
    public var maximumMetadataBytes = 256 * 1024 * 1024
    /// `group.consumer.heartbeat.interval.ms`: how often members of the next-generation protocol are told to beat.
    public var consumerHeartbeatInterval: Duration = .milliseconds(5_000)
    /// `group.consumer.session.timeout.ms`: how long such a member may be silent.
    public var consumerSessionTimeout: Duration = .milliseconds(45_000)
    /// `group.consumer.max.size`: members of one such group; more are refused with `GROUP_MAX_SIZE_REACHED`.
    public var consumerMaximumSize = Int(Int32.max)
    /// `group.consumer.assignors`: what members may ask for; the first is taken where none asks.
    public var consumerAssignors: [ServerAssignor] = [.uniform, .range]

    /// Kafka's defaults.
    public init() {}

    /// Whether a session timeout lies inside the two bounds.
    public func accepts(sessionTimeout: Duration) -> Bool {
        sessionTimeout >= minimumSessionTimeout && sessionTimeout <= maximumSessionTimeout
    }

    /// The partition of `__consumer_offsets` that holds a group's records, and with it the group's coordinator.
    ///
    /// The absolute value of Java's `String.hashCode` (over UTF-16 units, wrapping at 32 bits) modulo the number of
    /// partitions, so that a log written by Kafka is found again.
    public func partition(forGroup groupId: String) -> Int32 {
        var hash: Int32 = 0
        for unit in groupId.utf16 { hash = hash &* 31 &+ Int32(unit) }
        let positive = hash == Int32.min ? 0 : abs(hash)
        return positive % offsetsTopicPartitions
    }
}
