import Groups
import Storage

extension BrokerSetting {
    private static let longest = Int64(Int32.max)

    /// The settings of the group coordinator.
    static let groups: [BrokerSetting] = [
        .integer(
            "offsets.topic.num.partitions", \.groups.offsetsTopicPartitions, 1...10_000,
            "Partitions of __consumer_offsets; fixed once it exists."),
        .integer(
            "offsets.topic.segment.bytes", \.groups.offsetsTopicSegmentBytes, 1...Int(Int32.max),
            "The segment.bytes that __consumer_offsets is made with; small ones are compacted and loaded sooner."),
        .duration(
            "group.min.session.timeout.ms", \.groups.minimumSessionTimeout, 1...longest,
            "The shortest session timeout that a member may ask for."),
        .duration(
            "group.max.session.timeout.ms", \.groups.maximumSessionTimeout, 1...longest,
            "The longest session timeout that a member may ask for."),
        .duration(
            "group.initial.rebalance.delay.ms", \.groups.initialRebalanceDelay, 0...longest,
            "How long the first rebalance of an empty group waits for more members."),
        .integer(
            "group.max.size", \.groups.maximumGroupSize, 1...Int(Int32.max),
            "Members of one group; further ones are refused."),
        .integer(
            "offset.metadata.max.bytes", \.groups.maximumOffsetMetadataBytes, 0...Int(Int16.max),
            "Bytes of the text that goes with a committed offset."),
        .duration(
            "offsets.retention.minutes", \.groups.offsetsRetention, 1...longest, unit: .seconds(60),
            "How long committed offsets outlive their group's members, or their own commit."),
        .duration(
            "offsets.retention.check.interval.ms", \.groups.offsetsRetentionCheckInterval, 1...longest,
            "How often expired offsets are looked for."),
        .integer(
            "signalbox.group.max.groups", \.groups.maximumGroups, 1...Int.max,
            "Groups of this coordinator; further ones are refused. Ours."),
        .integer(
            "signalbox.group.max.pending.members", \.groups.maximumPendingMembers, 1...Int.max,
            "Member ids of one group that were handed out and not used yet. Ours."),
        .integer(
            "signalbox.group.max.pending.appends", \.groups.maximumPendingAppends, 1...Int.max,
            "Group records on their way to the log; over it commits are answered with an error to retry. Ours."),
        .integer(
            "signalbox.group.max.metadata.bytes", \.groups.maximumMetadataBytes, 1024...Int.max,
            "Bytes of members' protocols and subscriptions over all groups; who would need more is refused. Ours."),
        .duration(
            "group.consumer.heartbeat.interval.ms", \.groups.consumerHeartbeatInterval, 1...longest,
            "How often members of the next-generation protocol are told to send a heartbeat."),
        .duration(
            "group.consumer.session.timeout.ms", \.groups.consumerSessionTimeout, 1...longest,
            "How long such a member may be silent before it is removed."),
        .integer(
            "group.consumer.max.size", \.groups.consumerMaximumSize, 1...Int(Int32.max),
            "Members of one group of the next-generation protocol; further ones are refused."),
        BrokerSetting(
            "group.consumer.assignors", .list, default: "uniform,range", allowed: "uniform, range", .readOnly,
            "What such members may ask to be assigned by; the first is taken where none asks."
        ) { (target, text) throws(SettingError) in
            target.groups.consumerAssignors = try assignors(text)
        },
    ]

    private static func assignors(_ text: String) throws(SettingError) -> [ServerAssignor] {
        let key = "group.consumer.assignors"
        var assignors: [ServerAssignor] = []
        for name in text.split(separator: ",") {
            let trimmed = name.filter { $0 != " " }
            guard let assignor = ServerAssignor(rawValue: trimmed) else {
                throw SettingError(key: key, message: "'\(trimmed)' is neither uniform nor range")
            }
            assignors.append(assignor)
        }
        if assignors.isEmpty { throw SettingError(key: key, message: "names no assignor") }
        return assignors
    }
}
