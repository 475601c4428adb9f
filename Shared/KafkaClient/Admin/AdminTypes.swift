import KafkaWire

/// A topic to be created.
public struct NewTopic: Sendable, Hashable {
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
    public var partition: Int32
    /// `nil` while there is none.
    public var leader: BrokerID?
    public var leaderEpoch: LeaderEpoch
    public var replicas: [BrokerID]
    public var inSyncReplicas: [BrokerID]
}

/// The cluster's brokers.
public struct ClusterDescription: Sendable, Hashable {
    public var clusterID: String?
    public var controller: BrokerID?
    /// Ascending by id.
    public var brokers: [BrokerDescription]
}

/// A broker and where to reach it.
public struct BrokerDescription: Sendable, Hashable {
    public var id: BrokerID
    public var address: BrokerAddress
    public var rack: String?
}

/// A group as one broker lists it.
public struct GroupListing: Sendable, Hashable {
    public var groupID: String
    /// `consumer` for consumer groups.
    public var protocolType: String
    /// Such as `Stable` or `Empty`; empty where the broker does not say.
    public var state: String
}

/// A group and its members.
public struct GroupDescription: Sendable, Hashable {
    public var groupID: String
    /// Such as `Stable` or `Empty`.
    public var state: String
    public var protocolType: String
    /// The assignor in use.
    public var assignor: String
    public var members: [GroupMemberDescription]
}

/// A member of a group.
public struct GroupMemberDescription: Sendable, Hashable {
    public var memberID: String
    public var groupInstanceID: String?
    public var clientID: String
    public var clientHost: String
    /// Ascending; empty for a group that is not of consumers.
    public var assignment: [TopicPartition]
}
