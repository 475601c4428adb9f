import KafkaMessages
import KafkaWire
import NIOCore

// Between the protocol's messages and the rules' own types: what differs from version to version is settled here.

/// What the driver adds to a request of a member: where it came from and how its answer finds back.
public struct RequestOrigin: Sendable, Hashable {
    public var ticket: RequestTicket
    /// The client id of the request's header; empty for none.
    public var clientId: String
    /// The peer's address as text; Kafka puts a slash in front.
    public var clientHost: String

    public init(ticket: RequestTicket, clientId: String = "", clientHost: String = "") {
        self.ticket = ticket
        self.clientId = clientId
        self.clientHost = clientHost
    }
}

extension JoinInput {
    /// - Parameter unique: text that no other call gets, such as a UUID; part of the member id, if one is given out.
    public init(_ request: JoinGroupRequest, version: Int16, origin: RequestOrigin, unique: String) {
        self.init(
            ticket: origin.ticket, groupId: request.groupId, memberId: request.memberId,
            groupInstanceId: request.groupInstanceId, protocolType: request.protocolType,
            protocols: request.protocols.map { GroupProtocol(name: $0.name, metadata: $0.metadata) },
            sessionTimeout: .milliseconds(request.sessionTimeoutMs),
            rebalanceTimeout: .milliseconds(request.rebalanceTimeoutMs),
            clientId: origin.clientId, clientHost: origin.clientHost,
            newMemberId: "\(request.groupInstanceId ?? origin.clientId)-\(unique)",
            requiresKnownMemberId: version >= 4, supportsSkippingAssignment: version >= 9)
    }
}

extension JoinGroupResponse {
    public init(_ reply: JoinReply, version: Int16) {
        self.init(
            errorCode: reply.errorCode, generationId: reply.generation.rawValue, protocolType: reply.protocolType,
            protocolName: version < 7 ? reply.protocolName ?? "" : reply.protocolName, leader: reply.leader,
            skipAssignment: reply.skipAssignment, memberId: reply.memberId,
            members: reply.members.map { member in
                JoinGroupResponseMember(
                    memberId: member.memberId, groupInstanceId: member.groupInstanceId, metadata: member.metadata)
            })
    }
}

extension SyncInput {
    public init(_ request: SyncGroupRequest, origin: RequestOrigin) {
        self.init(
            ticket: origin.ticket, groupId: request.groupId,
            member: MemberIdentity(memberId: request.memberId, groupInstanceId: request.groupInstanceId),
            generation: Generation(request.generationId), protocolType: request.protocolType,
            protocolName: request.protocolName,
            assignments: Dictionary(
                request.assignments.map { ($0.memberId, $0.assignment) }, uniquingKeysWith: { _, last in last }))
    }
}

extension SyncGroupResponse {
    public init(_ reply: SyncReply) {
        self.init(
            errorCode: reply.errorCode, protocolType: reply.protocolType, protocolName: reply.protocolName,
            assignment: reply.assignment)
    }
}

extension HeartbeatInput {
    public init(_ request: HeartbeatRequest, origin: RequestOrigin) {
        self.init(
            ticket: origin.ticket, groupId: request.groupId,
            member: MemberIdentity(memberId: request.memberId, groupInstanceId: request.groupInstanceId),
            generation: Generation(request.generationId))
    }
}

extension LeaveInput {
    public init(_ request: LeaveGroupRequest, version: Int16, origin: RequestOrigin) {
        let members =
            version < 3
            ? [MemberIdentity(memberId: request.memberId)]
            : request.members.map { MemberIdentity(memberId: $0.memberId, groupInstanceId: $0.groupInstanceId) }
        self.init(ticket: origin.ticket, groupId: request.groupId, members: members)
    }
}

extension LeaveGroupResponse {
    /// Before version 3 the one member's error is the response's.
    public init(_ reply: LeaveReply, version: Int16) {
        guard version >= 3 else {
            let own = reply.members.first?.errorCode ?? .none
            self.init(errorCode: reply.errorCode == .none ? own : reply.errorCode)
            return
        }
        self.init(
            errorCode: reply.errorCode,
            members: reply.members.map { member in
                MemberResponse(
                    memberId: member.identity.memberId, groupInstanceId: member.identity.groupInstanceId,
                    errorCode: member.errorCode)
            })
    }
}

extension DescribeGroupsResponse.DescribedGroup {
    public init(_ description: GroupDescription) {
        self.init(
            groupId: description.groupId, groupState: description.state.rawValue,
            protocolType: description.protocolType, protocolData: description.protocolName,
            members: description.members.map { member in
                DescribeGroupsResponse.DescribedGroupMember(
                    memberId: member.memberId, groupInstanceId: member.groupInstanceId, clientId: member.clientId,
                    clientHost: member.clientHost, memberMetadata: member.metadata,
                    memberAssignment: member.assignment)
            })
    }
}

extension ListGroupsResponse.ListedGroup {
    public init(_ group: GroupCoordinatorState.ListedGroup) {
        self.init(
            groupId: group.groupId, protocolType: group.protocolType, groupState: group.state,
            groupType: group.type.rawValue)
    }
}
