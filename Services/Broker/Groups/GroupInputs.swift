import KafkaWire
import NIOCore

/// An assignment strategy a member offers, and what it wants the leader to know under that strategy.
public struct GroupProtocol: Sendable, Hashable {
    public var name: String
    /// Opaque to the broker, but for the topics of a consumer's subscription.
    public var metadata: ByteBuffer

    public init(name: String, metadata: ByteBuffer) {
        self.name = name
        self.metadata = metadata
    }
}

extension [GroupProtocol] {
    /// Bytes of names and metadata.
    var metadataBytes: Int { reduce(0) { $0 + $1.name.utf8.count + $1.metadata.readableBytes } }
}

/// A JoinGroup request.
public struct JoinInput: Sendable, Hashable {
    public var ticket: RequestTicket
    public var groupId: String
    /// Empty on a client's first attempt.
    public var memberId: String
    /// `group.instance.id`, for a static member (KIP-345).
    public var groupInstanceId: String?
    public var protocolType: String
    /// In the member's order of preference; a name's second mention is dropped.
    public var protocols: [GroupProtocol]
    public var sessionTimeout: Duration
    /// The session timeout where the request has none (version 0).
    public var rebalanceTimeout: Duration
    public var clientId: String
    public var clientHost: String
    /// The id the member gets if it needs one: fresh, never used before. Made by the driver.
    public var newMemberId: String
    /// Version 4 and later: a dynamic member gets its id first and joins with it (KIP-394).
    public var requiresKnownMemberId: Bool
    /// Version 9 and later: a returning static leader may be told not to assign (KIP-814).
    public var supportsSkippingAssignment: Bool

    /// Bytes that the member makes the coordinator keep.
    var metadataBytes: Int { protocols.metadataBytes }

    public init(
        ticket: RequestTicket, groupId: String, memberId: String = "", groupInstanceId: String? = nil,
        protocolType: String = "consumer", protocols: [GroupProtocol], sessionTimeout: Duration,
        rebalanceTimeout: Duration, clientId: String = "", clientHost: String = "", newMemberId: String,
        requiresKnownMemberId: Bool = true, supportsSkippingAssignment: Bool = true
    ) {
        self.ticket = ticket
        self.groupId = groupId
        self.memberId = memberId
        self.groupInstanceId = groupInstanceId
        self.protocolType = protocolType
        var seen: Set<String> = []
        self.protocols = protocols.filter { seen.insert($0.name).inserted }
        self.sessionTimeout = sessionTimeout
        self.rebalanceTimeout = rebalanceTimeout <= .zero ? sessionTimeout : rebalanceTimeout
        self.clientId = clientId
        self.clientHost = clientHost
        self.newMemberId = newMemberId
        self.requiresKnownMemberId = requiresKnownMemberId
        self.supportsSkippingAssignment = supportsSkippingAssignment
    }
}

/// Who a member says it is.
public struct MemberIdentity: Sendable, Hashable {
    public var memberId: String
    public var groupInstanceId: String?

    public init(memberId: String, groupInstanceId: String? = nil) {
        self.memberId = memberId
        self.groupInstanceId = groupInstanceId
    }
}

/// A SyncGroup request.
public struct SyncInput: Sendable, Hashable {
    public var ticket: RequestTicket
    public var groupId: String
    public var member: MemberIdentity
    public var generation: Generation
    /// Version 5 and later; checked against the group's when given.
    public var protocolType: String?
    public var protocolName: String?
    /// By member id; only the leader's counts.
    public var assignments: [String: ByteBuffer]

    public init(
        ticket: RequestTicket, groupId: String, member: MemberIdentity, generation: Generation,
        protocolType: String? = nil, protocolName: String? = nil, assignments: [String: ByteBuffer] = [:]
    ) {
        self.ticket = ticket
        self.groupId = groupId
        self.member = member
        self.generation = generation
        self.protocolType = protocolType
        self.protocolName = protocolName
        self.assignments = assignments
    }
}

/// A Heartbeat request.
public struct HeartbeatInput: Sendable, Hashable {
    public var ticket: RequestTicket
    public var groupId: String
    public var member: MemberIdentity
    public var generation: Generation

    public init(ticket: RequestTicket, groupId: String, member: MemberIdentity, generation: Generation) {
        self.ticket = ticket
        self.groupId = groupId
        self.member = member
        self.generation = generation
    }
}

/// A LeaveGroup request: one member before version 3, any number since.
public struct LeaveInput: Sendable, Hashable {
    public var ticket: RequestTicket
    public var groupId: String
    /// An administrator removes a static member by its instance id and an empty member id.
    public var members: [MemberIdentity]

    public init(ticket: RequestTicket, groupId: String, members: [MemberIdentity]) {
        self.ticket = ticket
        self.groupId = groupId
        self.members = members
    }
}
