import KafkaWire
import Logging
import Metadata

extension TopicController {
    /// Adds partitions to a topic, and says how many. They are open, and then in the metadata log, before anybody can
    /// see them.
    @discardableResult
    func grow(
        _ growth: TopicGrowth, validateOnly: Bool, within allowance: PartitionAllowance? = nil
    ) async throws(TopicRefusal) -> Int32 {
        while isChanging(growth.name) { await changeEnd(of: growth.name) }
        guard let topic = topics.topic(growth.name) else {
            throw TopicRefusal(code: .unknownTopicOrPartition, message: "there is no topic '\(growth.name)'")
        }
        let added = try growth.checked(current: Int32(topic.partitions.count), against: configuration)
        try allowance?.check(Int32(added.count), for: growth.name)
        if validateOnly { return Int32(added.count) }
        beginChange(of: growth.name)
        defer { endChange(of: growth.name) }
        let records = added.map { partitionRecord($0, of: topic.id) }
        let defaults = configuration.topicDefaults
        var opened: [Partition] = []
        do {
            opened = try await opener.open(
                records, ofTopic: topic.name, id: topic.id, configurations: topic.configurations, isNew: true,
                followsDeletion: log.deletedNames.contains(topic.name))
            try log.append(records.map(MetadataRecord.partition))
        } catch {
            await takeBack(opened)
            logger.error(
                "partitions could not be added", metadata: ["topic": "\(growth.name)", "error": "\(error)"])
            throw TopicRefusal(code: .kafkaStorageError, message: "\(error)")
        }
        topics.insert(topic.with(partitions: topic.partitions + opened))
        if configuration.topicDefaults != defaults { await reconfigure(growth.name) }
        logger.info("partitions added", metadata: ["topic": "\(growth.name)", "partitions": "\(growth.count)"])
        return Int32(added.count)
    }

    /// Removes partitions that nobody has seen.
    private func takeBack(_ partitions: [Partition]) async {
        for partition in partitions {
            do {
                try await partition.delete()
            } catch {
                logger.error(
                    "a partition that failed stays on the disk",
                    metadata: ["partition": "\(partition.topicPartition)", "error": "\(error)"])
            }
        }
    }

    func partitionRecord(_ index: Int32, of id: KafkaUUID) -> PartitionRecord {
        let node = configuration.nodeID
        return PartitionRecord(
            partition: index, topicID: id, replicas: [node], inSyncReplicas: [node], leader: node, leaderEpoch: 0)
    }
}
