import NIOCore

/// A group as a record of `__consumer_offsets` holds it: the last generation and everyone's assignment.
public struct GroupMetadata: Sendable, Hashable {
    /// One member.
    public struct Member: Sendable, Hashable {
        public var memberId: String
        public var groupInstanceId: String?
        public var clientId: String
        public var clientHost: String
        public var sessionTimeout: Duration
        public var rebalanceTimeout: Duration
        /// The member's metadata under the group's protocol.
        public var subscription: ByteBuffer
        public var assignment: ByteBuffer

        public init(
            memberId: String, groupInstanceId: String? = nil, clientId: String, clientHost: String,
            sessionTimeout: Duration, rebalanceTimeout: Duration, subscription: ByteBuffer, assignment: ByteBuffer
        ) {
            self.memberId = memberId
            self.groupInstanceId = groupInstanceId
            self.clientId = clientId
            self.clientHost = clientHost
            self.sessionTimeout = sessionTimeout
            self.rebalanceTimeout = rebalanceTimeout
            self.subscription = subscription
            self.assignment = assignment
        }
    }

    /// `nil` for a group whose members never agreed on one.
    public var protocolType: String?
    public var generation: Generation
    /// `nil` when the group is empty.
    public var protocolName: String?
    public var leader: String?
    /// Wall clock in milliseconds when the group came into its state.
    public var stateTimestamp: Int64?
    public var members: [Member]

    public init(
        protocolType: String?, generation: Generation, protocolName: String?, leader: String?,
        stateTimestamp: Int64?, members: [Member]
    ) {
        self.protocolType = protocolType
        self.generation = generation
        self.protocolName = protocolName
        self.leader = leader
        self.stateTimestamp = stateTimestamp
        self.members = members
    }
}

/// A group as DescribeGroups shows it.
public struct GroupDescription: Sendable, Hashable {
    /// One member.
    public struct Member: Sendable, Hashable {
        public var memberId: String
        public var groupInstanceId: String?
        public var clientId: String
        public var clientHost: String
        /// Empty unless the group is stable.
        public var metadata: ByteBuffer
        public var assignment: ByteBuffer
    }

    public var groupId: String
    public var state: GroupState
    public var generation: Generation
    /// Empty for a group that only stores offsets.
    public var protocolType: String
    /// Empty unless the group is stable.
    public var protocolName: String
    /// Empty for a group without members.
    public var leader: String
    public var members: [Member]
}
