import Groups

extension GroupConfiguration {
    /// Kafka's settings for groups over Kafka's defaults.
    init(_ settings: inout KafkaSettings, offsetsPartitions: Int32) throws(SettingError) {
        self.init()
        offsetsTopicPartitions = offsetsPartitions
        let longest = Int64(Int32.max)
        minimumSessionTimeout = .milliseconds(
            try settings.number("group.min.session.timeout.ms", default: 6_000, in: 1...longest))
        maximumSessionTimeout = .milliseconds(
            try settings.number("group.max.session.timeout.ms", default: 1_800_000, in: 1...longest))
        initialRebalanceDelay = .milliseconds(
            try settings.number("group.initial.rebalance.delay.ms", default: 3_000, in: 0...longest))
        maximumGroupSize = try settings.number("group.max.size", default: Int(Int32.max), in: 1...Int(Int32.max))
        maximumOffsetMetadataBytes = try settings.number(
            "offset.metadata.max.bytes", default: 4_096, in: 0...Int(Int16.max))
        offsetsRetention = .seconds(
            60 * (try settings.number("offsets.retention.minutes", default: 10_080, in: 1...longest)))
        offsetsRetentionCheckInterval = .milliseconds(
            try settings.number("offsets.retention.check.interval.ms", default: 600_000, in: 1...longest))
        maximumGroups = try settings.number("signalbox.group.max.groups", default: maximumGroups, in: 1...Int.max)
        maximumPendingMembers = try settings.number(
            "signalbox.group.max.pending.members", default: maximumPendingMembers, in: 1...Int.max)
        maximumPendingAppends = try settings.number(
            "signalbox.group.max.pending.appends", default: maximumPendingAppends, in: 1...Int.max)
        guard minimumSessionTimeout <= maximumSessionTimeout else {
            throw SettingError(
                key: "group.min.session.timeout.ms", message: "is above group.max.session.timeout.ms")
        }
    }
}
