extension KafkaConsumerConfiguration {
    /// Throws ``KafkaError/Code/invalidConfiguration`` with the name and the value of the first impossible setting.
    public func validate() throws(KafkaError) {
        typealias Shared = KafkaClientConfiguration
        try client.validate()
        switch mode {
        case .group(let group): try group.validate()
        case .assigned(let partitions, let groupID): try Self.validate(partitions, groupID, enableAutoCommit)
        }
        try Shared.requirePositive(autoCommitInterval, "autoCommitInterval")
        try Shared.require(fetchMinBytes >= 0, "fetchMinBytes is \(fetchMinBytes); it must not be negative")
        try Shared.require(fetchMaxWait >= .zero, "fetchMaxWait is \(fetchMaxWait); it must not be negative")
        try Shared.require(
            fetchMaxWait < client.requestTimeout, "fetchMaxWait (\(fetchMaxWait)) must be below requestTimeout")
        try Shared.require(fetchMaxBytes >= 1, "fetchMaxBytes is \(fetchMaxBytes); at least 1")
        try Shared.require(
            maxPartitionFetchBytes >= 1, "maxPartitionFetchBytes is \(maxPartitionFetchBytes); at least 1")
        try Shared.require(prefetchBytes >= 1, "prefetchBytes is \(prefetchBytes); at least 1")
        try Shared.requirePositive(stopTimeout, "stopTimeout")
    }

    private static func validate(
        _ partitions: [TopicPartition: KafkaStartPosition], _ groupID: String?, _ autoCommit: Bool
    ) throws(KafkaError) {
        typealias Shared = KafkaClientConfiguration
        try Shared.require(!partitions.isEmpty, "assigned mode has no partitions")
        for partition in partitions.keys {
            try Shared.require(
                !partition.topic.isEmpty && partition.partition >= 0, "'\(partition)' is not a topic and partition")
        }
        guard groupID == nil else { return }
        try Shared.require(!autoCommit, "enableAutoCommit needs a group id")
        try Shared.require(
            !partitions.values.contains(.committed), "start position 'committed' needs a group id")
    }
}

extension KafkaGroupConfiguration {
    func validate() throws(KafkaError) {
        typealias Shared = KafkaClientConfiguration
        try Shared.require(!groupID.isEmpty, "groupID is empty")
        try Shared.require(
            !topics.isEmpty || topicPattern != nil, "topics is empty; a group needs at least one, or a topicPattern")
        try Shared.require(!topics.contains(""), "topics has an empty name")
        try Shared.require(groupInstanceID != "", "groupInstanceID is empty; leave it out instead")
        try Shared.require(!assignors.isEmpty, "assignors is empty")
        try Shared.requirePositive(heartbeatInterval, "heartbeatInterval")
        try Shared.requirePositive(maxPollInterval, "maxPollInterval")
        try Shared.require(topicPattern != "", "topicPattern is empty; leave it out instead")
        guard groupProtocol == .classic else { return }
        try Shared.require(topicPattern == nil, "topicPattern needs groupProtocol = consumer")
        try Shared.require(remoteAssignor == nil, "remoteAssignor needs groupProtocol = consumer")
        try Shared.require(
            sessionTimeout >= heartbeatInterval * 3,
            "heartbeatInterval (\(heartbeatInterval)) is more than a third of sessionTimeout (\(sessionTimeout))")
    }
}
