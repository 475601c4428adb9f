import KafkaWire

/// What was set for one group (resource type 32); `nil` where the broker's own holds.
public struct ConsumerGroupSettings: Sendable, Hashable {
    /// `consumer.session.timeout.ms`.
    public var sessionTimeout: Duration?
    /// `consumer.heartbeat.interval.ms`.
    public var heartbeatInterval: Duration?

    public init(sessionTimeout: Duration? = nil, heartbeatInterval: Duration? = nil) {
        self.sessionTimeout = sessionTimeout
        self.heartbeatInterval = heartbeatInterval
    }
}

/// A ConsumerGroupHeartbeat request; `nil` fields have not changed since the member's last one.
public struct ConsumerHeartbeatInput: Sendable, Hashable {
    /// What the epoch of a request asks for.
    static let joinEpoch: Int32 = 0
    static let leaveEpoch: Int32 = -1
    static let leaveStaticEpoch: Int32 = -2

    public var ticket: RequestTicket
    public var groupID: String
    /// From version 1 on the member makes up its own; before, an empty one is replaced by ``newMemberID``.
    public var memberID: String
    public var memberEpoch: Int32
    public var instanceID: String?
    public var rackID: String?
    public var rebalanceTimeout: Duration?
    public var topicNames: [String]?
    /// Empty for "no longer".
    public var topicRegex: String?
    public var serverAssignor: String?
    /// What the member holds.
    public var owned: AssignedPartitions?
    public var clientID: String
    public var clientHost: String
    public var newMemberID: String
    /// Version 1 and later: a member id is asked for at the first request too (KIP-1082).
    public var requiresMemberID: Bool
    /// The group's own configuration.
    public var settings = ConsumerGroupSettings()

    public init(
        ticket: RequestTicket, groupID: String, memberID: String, memberEpoch: Int32, instanceID: String? = nil,
        rackID: String? = nil, rebalanceTimeout: Duration? = nil, topicNames: [String]? = nil,
        topicRegex: String? = nil, serverAssignor: String? = nil, owned: AssignedPartitions? = nil,
        clientID: String = "", clientHost: String = "", newMemberID: String = "", requiresMemberID: Bool = true
    ) {
        self.ticket = ticket
        self.groupID = groupID
        self.memberID = memberID
        self.memberEpoch = memberEpoch
        self.instanceID = instanceID
        self.rackID = rackID
        self.rebalanceTimeout = rebalanceTimeout
        self.topicNames = topicNames.map { Set($0).sorted() }
        self.topicRegex = topicRegex
        self.serverAssignor = serverAssignor
        self.owned = owned
        self.clientID = clientID
        self.clientHost = clientHost
        self.newMemberID = newMemberID
        self.requiresMemberID = requiresMemberID
    }

    var isJoin: Bool { memberEpoch == Self.joinEpoch }
    var isLeave: Bool { memberEpoch == Self.leaveEpoch || memberEpoch == Self.leaveStaticEpoch }

    /// The request carries everything, so that its answer does too. A pattern stands for names.
    var isFull: Bool {
        isJoin || (rebalanceTimeout != nil && (topicNames != nil || topicRegex != nil) && owned != nil)
    }
}

/// What ConsumerGroupHeartbeat answers.
public struct ConsumerHeartbeatReply: Sendable, Hashable {
    public var errorCode: ErrorCode
    public var errorMessage: String?
    public var memberID: String?
    public var memberEpoch: Int32
    public var heartbeatInterval: Duration
    /// What the member may hold; `nil` where that has not changed.
    public var assignment: AssignedPartitions?

    public init(
        memberID: String?, memberEpoch: Int32, heartbeatInterval: Duration, assignment: AssignedPartitions? = nil
    ) {
        errorCode = .none
        self.memberID = memberID
        self.memberEpoch = memberEpoch
        self.heartbeatInterval = heartbeatInterval
        self.assignment = assignment
    }

    /// A refusal.
    public init(_ errorCode: ErrorCode, _ message: String?) {
        self.errorCode = errorCode
        errorMessage = message
        memberEpoch = 0
        heartbeatInterval = .zero
    }
}

/// Why a request is refused, with words for whoever reads the client's log.
public struct GroupRefusal: Error, Sendable, Hashable {
    public var code: ErrorCode
    public var message: String

    init(_ code: ErrorCode, _ message: String) {
        self.code = code
        self.message = message
    }
}

/// What one group of the next-generation protocol asks of its surroundings.
enum ConsumerGroupAction: Sendable {
    case reply(RequestTicket, ConsumerHeartbeatReply)
    /// Append these changes as one batch and report the outcome under the id.
    case persist(PersistID, [ConsumerGroupChange])
}
