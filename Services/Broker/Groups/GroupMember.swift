import NIOCore

/// One member of a group, with the requests of it that wait.
struct GroupMember: Sendable {
    let memberId: String
    let groupInstanceId: String?
    var clientId: String
    var clientHost: String
    var sessionTimeout: Duration
    var rebalanceTimeout: Duration
    /// In order of preference; names are unique.
    var protocols: [GroupProtocol]
    var assignment = ByteBuffer()
    /// A JoinGroup that waits for the join barrier.
    var joinTicket: RequestTicket?
    /// A SyncGroup that waits for the leader's assignment.
    var syncTicket: RequestTicket?
    /// True until the member's first generation.
    var isNew = false
    /// When the member is given up unless it is heard of before.
    var sessionDeadline: Duration = .zero

    /// A waiting request is a sign of life, so the session of a member that waits does not run. A new member's does:
    /// it may be the remains of a client that gave up and tried again under another id.
    var effectiveDeadline: Duration? {
        if isNew { return sessionDeadline }
        return joinTicket == nil && syncTicket == nil ? sessionDeadline : nil
    }

    /// The metadata under one protocol; empty where the member does not offer it.
    func metadata(for protocolName: String?) -> ByteBuffer {
        protocols.first { $0.name == protocolName }?.metadata ?? ByteBuffer()
    }

    /// The member's favourite among the candidates.
    func vote(among candidates: Set<String>) -> String? {
        protocols.first { candidates.contains($0.name) }?.name
    }
}

extension GroupMember {
    /// A member as it asks to join, under the id it was given.
    init(_ input: JoinInput, memberId: String) {
        self.init(
            memberId: memberId, groupInstanceId: input.groupInstanceId, clientId: input.clientId,
            clientHost: input.clientHost, sessionTimeout: input.sessionTimeout,
            rebalanceTimeout: input.rebalanceTimeout, protocols: input.protocols.map(\.detached))
    }

    /// The same static member under a new id, with its assignment and without the old one's waiting requests.
    func renamed(to memberId: String) -> GroupMember {
        GroupMember(
            memberId: memberId, groupInstanceId: groupInstanceId, clientId: clientId, clientHost: clientHost,
            sessionTimeout: sessionTimeout, rebalanceTimeout: rebalanceTimeout, protocols: protocols,
            assignment: assignment, sessionDeadline: sessionDeadline)
    }

    /// Takes over what a join request may change.
    mutating func update(from input: JoinInput) {
        protocols = input.protocols.map(\.detached)
        sessionTimeout = input.sessionTimeout
        rebalanceTimeout = input.rebalanceTimeout
        clientId = input.clientId
        clientHost = input.clientHost
    }
}

extension GroupProtocol {
    /// A copy in memory of its own: a slice would keep the whole request alive for as long as the member.
    var detached: GroupProtocol { GroupProtocol(name: name, metadata: ByteBuffer(buffer: metadata)) }
}
