import KafkaWire

/// A topic to be created.
public struct NewTopic: Sendable, Hashable {
    /// The name; letters, digits, `.`, `_` and `-`.
    public var name: String
    /// -1 for the broker's default.
    public var partitions: Int32
    /// -1 for the broker's default.
    public var replicationFactor: Int16
    /// Topic settings by Kafka's names, such as `cleanup.policy`.
    public var configuration: [String: String]

    public init(
        name: String, partitions: Int32 = -1, replicationFactor: Int16 = -1, configuration: [String: String] = [:]
    ) {
        self.name = name
        self.partitions = partitions
        self.replicationFactor = replicationFactor
        self.configuration = configuration
    }
}

/// A topic as the cluster describes it.
public struct TopicDescription: Sendable, Hashable {
    /// The name.
    public var name: String
    /// All zeros where the broker gives topics no id.
    public var topicID: KafkaUUID
    /// A topic of the cluster's own, such as `__consumer_offsets`.
    public var isInternal: Bool
    /// Ascending by number.
    public var partitions: [PartitionDescription]
}

/// A partition as the cluster describes it.
public struct PartitionDescription: Sendable, Hashable {
    /// The number within the topic, from 0.
    public var partition: Int32
    /// `nil` while there is none.
    public var leader: BrokerID?
    /// How often the leader has changed; -1 where unknown.
    public var leaderEpoch: LeaderEpoch
    /// The brokers that keep the partition, the preferred leader first.
    public var replicas: [BrokerID]
    /// Those of them that have everything acknowledged.
    public var inSyncReplicas: [BrokerID]
}

/// The cluster's brokers.
public struct ClusterDescription: Sendable, Hashable {
    /// The cluster's own id.
    public var clusterID: String?
    /// The broker that takes changes of the metadata, where one is known.
    public var controller: BrokerID?
    /// Ascending by id.
    public var brokers: [BrokerDescription]
}

/// A broker and where to reach it.
public struct BrokerDescription: Sendable, Hashable {
    /// The broker's number.
    public var id: BrokerID
    /// The address it tells its clients.
    public var address: BrokerAddress
    /// Where it stands, where that is configured.
    public var rack: String?
}

/// A group as one broker lists it.
public struct GroupListing: Sendable, Hashable {
    /// The group's name.
    public var groupID: String
    /// `consumer` for consumer groups.
    public var protocolType: String
    /// Such as `Stable` or `Empty`; empty where the broker does not say.
    public var state: String
}

/// A group and its members.
public struct GroupDescription: Sendable, Hashable {
    /// The group's name.
    public var groupID: String
    /// Such as `Stable` or `Empty`.
    public var state: String
    /// `consumer` for consumer groups.
    public var protocolType: String
    /// The assignor in use.
    public var assignor: String
    /// The members as of now.
    public var members: [GroupMemberDescription]
}

/// A member of a group.
public struct GroupMemberDescription: Sendable, Hashable {
    /// The id the coordinator gave it.
    public var memberID: String
    /// A static member's own name.
    public var groupInstanceID: String?
    /// The name its client gives itself.
    public var clientID: String
    /// Where it connects from.
    public var clientHost: String
    /// Ascending; empty for a group that is not of consumers.
    public var assignment: [TopicPartition]
}
