import KafkaMessages
import KafkaWire

/// What the client knows of the cluster: an immutable picture, replaced as a whole by each metadata response.
struct ClusterMetadata: Sendable {
    /// A topic's partitions, or why there are none.
    struct Topic: Sendable {
        var id: KafkaUUID
        var isInternal: Bool
        /// Ascending by number, from 0 without holes.
        var partitions: [PartitionDescription]
        /// Not `none` for a topic that cannot be used.
        var errorCode: ErrorCode
    }

    var clusterID: String?
    var controller: BrokerID?
    var brokers: [BrokerID: BrokerDescription] = [:]
    var topics: [String: Topic] = [:]

    /// The partition's leader and its epoch; `nil` while none is known.
    func leader(of partition: TopicPartition) -> (broker: BrokerID, epoch: LeaderEpoch)? {
        guard let description = self[partition], let leader = description.leader, brokers[leader] != nil else {
            return nil
        }
        return (leader, description.leaderEpoch)
    }

    subscript(partition: TopicPartition) -> PartitionDescription? {
        guard let topic = topics[partition.topic], partition.partition >= 0,
            Int(partition.partition) < topic.partitions.count
        else { return nil }
        return topic.partitions[Int(partition.partition)]
    }

    /// The number of partitions; `nil` for a topic that is not known.
    func partitionCount(of topic: String) -> Int? {
        guard let topic = topics[topic], topic.errorCode == .none, !topic.partitions.isEmpty else { return nil }
        return topic.partitions.count
    }

    /// Takes over a response: brokers replace the old ones, topics those of the same name.
    ///
    /// A partition whose leader epoch is older than the known one keeps what is known, unless the topic was created
    /// anew: a broker that lags behind must not send the client back to a former leader.
    mutating func merge(_ response: MetadataResponse) {
        clusterID = response.clusterId ?? clusterID
        controller = response.controllerId >= 0 ? BrokerID(response.controllerId) : nil
        if !response.brokers.isEmpty {
            brokers = [:]
            for broker in response.brokers { add(broker) }
        }
        for topic in response.topics {
            guard let name = topic.name else { continue }
            topics[name] = Self.topic(topic, known: topics[name])
        }
    }

    private mutating func add(_ broker: MetadataResponse.MetadataResponseBroker) {
        let id = BrokerID(broker.nodeId)
        brokers[id] = BrokerDescription(
            id: id, address: BrokerAddress(host: broker.host, port: Int(broker.port)), rack: broker.rack)
    }

    private static func topic(_ topic: MetadataResponse.MetadataResponseTopic, known: Topic?) -> Topic {
        let isSame = known.map { $0.id == topic.topicId && $0.errorCode == .none } ?? false
        let sorted = topic.partitions.sorted { $0.partitionIndex < $1.partitionIndex }
        var partitions: [PartitionDescription] = []
        for (index, partition) in sorted.enumerated() where Int(partition.partitionIndex) == index {
            let fresh = describe(partition)
            if isSame, let known, index < known.partitions.count,
                known.partitions[index].leaderEpoch > fresh.leaderEpoch
            {
                partitions.append(known.partitions[index])
            } else {
                partitions.append(fresh)
            }
        }
        return Topic(
            id: topic.topicId, isInternal: topic.isInternal, partitions: partitions, errorCode: topic.errorCode)
    }

    private static func describe(_ partition: MetadataResponse.MetadataResponsePartition) -> PartitionDescription {
        PartitionDescription(
            partition: partition.partitionIndex,
            leader: partition.leaderId >= 0 ? BrokerID(partition.leaderId) : nil,
            leaderEpoch: LeaderEpoch(partition.leaderEpoch),
            replicas: partition.replicaNodes.map { BrokerID($0) },
            inSyncReplicas: partition.isrNodes.map { BrokerID($0) })
    }
}
