import KafkaWire

/// Where a consumer starts in a partition.
public enum KafkaStartPosition: Sendable, Hashable {
    /// The first record still in the log.
    case earliest
    /// After the last record: only what is written from now on.
    case latest
    /// This offset exactly.
    case offset(Offset)
    /// The first record whose timestamp is at least this many milliseconds after 1970 UTC; the end if there is none.
    case timestamp(milliseconds: Int64)
    /// The group's committed offset; where there is none, as ``KafkaConsumerConfiguration/autoOffsetReset`` says.
    case committed
}

/// How a group's partitions are shared out among its members.
public enum KafkaAssignor: String, Sendable, Hashable, CaseIterable {
    /// Neighbouring partitions per topic; partition n of every topic goes to the same member.
    case range
    /// One after the other over all topics.
    case roundRobin = "roundrobin"
    /// Balanced, and each member keeps what it had; only partitions that move are interrupted (KIP-429).
    case cooperativeSticky = "cooperative-sticky"
}

/// How the members of a group find out who reads what.
public enum KafkaGroupProtocol: String, Sendable, Hashable, CaseIterable {
    /// One member assigns for all (JoinGroup, SyncGroup); every broker has it.
    case classic
    /// The coordinator assigns, and only partitions that move are interrupted (KIP-848, from Kafka 4.0 on).
    case consumer
}

/// Membership of a consumer group.
public struct KafkaGroupConfiguration: Sendable {
    /// The group's name: members with the same name share the partitions, and the committed offsets are kept under it.
    public var groupID: String
    /// The topics to share out.
    public var topics: [String]
    /// A name that outlives a restart, so that a quick restart causes no rebalance (KIP-345); `nil` for none.
    public var groupInstanceID: String?
    /// With ``KafkaGroupProtocol/consumer`` the coordinator decides about assignor, heartbeats and session timeout:
    /// ``assignors``, ``heartbeatInterval`` and ``sessionTimeout`` are of no effect.
    public var groupProtocol = KafkaGroupProtocol.classic
    /// With the `consumer` protocol: the coordinator's assignor by name, such as `uniform` or `range`; `nil` for its
    /// default.
    public var remoteAssignor: String?
    /// With the `consumer` protocol: topics whose whole name matches this regular expression (RE2's syntax) too.
    public var topicPattern: String?
    /// In order of preference. With any eager one in the list, every rebalance revokes everything first.
    public var assignors: [KafkaAssignor] = [.range, .cooperativeSticky]
    /// Without a heartbeat for this long the coordinator takes the member's partitions away.
    public var sessionTimeout: Duration = .seconds(45)
    /// Between two heartbeats; at most a third of the session timeout.
    public var heartbeatInterval: Duration = .seconds(3)
    /// The longest the application may work on one batch; after that the member leaves so that others take over.
    public var maxPollInterval: Duration = .seconds(300)

    public init(groupID: String, topics: [String]) {
        self.groupID = groupID
        self.topics = topics
    }
}

/// How a ``KafkaConsumer`` gets its partitions, fetches, and commits.
public struct KafkaConsumerConfiguration: Sendable {
    /// How the consumer gets its partitions.
    public enum Mode: Sendable {
        /// The coordinator assigns them.
        case group(KafkaGroupConfiguration)
        /// Exactly these, from these positions. With a group id, offsets can be committed and
        /// ``KafkaStartPosition/committed`` be used.
        case assigned([TopicPartition: KafkaStartPosition], groupID: String? = nil)
    }

    /// What to do where there is no committed offset, or the position is no longer in the log.
    public enum AutoOffsetReset: String, Sendable, Hashable, CaseIterable {
        case earliest
        case latest
        /// Stop with ``KafkaError/Code/noPosition``.
        case none
    }

    /// Which records of transactions are delivered.
    public enum IsolationLevel: Int8, Sendable, Hashable {
        /// All records, of open and aborted transactions too.
        case readUncommitted = 0
        /// Records outside transactions and of committed ones, up to the first that is still open.
        case readCommitted = 1
    }

    /// Where the cluster is, and timeouts.
    public var client: KafkaClientConfiguration
    /// How the consumer gets its partitions.
    public var mode: Mode
    /// What to do where there is no committed offset, or the position is no longer in the log.
    public var autoOffsetReset: AutoOffsetReset = .latest
    /// Whether the offsets of processed batches are committed by the consumer itself. A batch counts as processed when
    /// the next one is asked for. (Java's default is true; here false: a service that keeps state commits after it.)
    public var enableAutoCommit = false
    /// Between two automatic commits.
    public var autoCommitInterval: Duration = .seconds(5)
    /// The broker answers a fetch once it has this many bytes.
    public var fetchMinBytes = 1
    /// Or once this long has passed.
    public var fetchMaxWait: Duration = .milliseconds(500)
    /// At most this many bytes per fetch response, over all its partitions.
    public var fetchMaxBytes = 50 * 1024 * 1024
    /// At most this many bytes of one partition per fetch response.
    public var maxPartitionFetchBytes = 1024 * 1024
    /// While this many fetched bytes wait for the application nothing more is fetched.
    public var prefetchBytes = 16 * 1024 * 1024
    /// Which records of transactions are delivered.
    public var isolationLevel: IsolationLevel = .readUncommitted
    /// How long a graceful stop waits for the application to finish its current batch.
    public var stopTimeout: Duration = .seconds(10)

    /// A member of a group.
    public init(
        bootstrapServers: [String], groupID: String, topics: [String], clientID: String = "signalbox-consumer"
    ) {
        client = KafkaClientConfiguration(bootstrapServers: bootstrapServers, clientID: clientID)
        mode = .group(KafkaGroupConfiguration(groupID: groupID, topics: topics))
    }

    public init(client: KafkaClientConfiguration, mode: Mode) {
        self.client = client
        self.mode = mode
    }

    /// The group's name in either mode.
    public var groupID: String? {
        switch mode {
        case .group(let group): group.groupID
        case .assigned(_, let groupID): groupID
        }
    }

    /// The membership, in group mode.
    public var group: KafkaGroupConfiguration? {
        if case .group(let group) = mode { group } else { nil }
    }
}
