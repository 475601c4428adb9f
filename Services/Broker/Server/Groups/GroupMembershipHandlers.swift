import Groups
import KafkaMessages
import KafkaWire
import NIOCore

/// JoinGroup (11), versions 0 to 9: enters a rebalance; answered when the generation's members are known.
struct JoinGroupHandler: APIHandler {
    typealias Request = JoinGroupRequest

    static let gaps =
        "a group with members of the next-generation protocol takes no classic ones "
        + "(Kafka's group.consumer.migration.policy=disabled)"

    let coordinator: GroupCoordinator

    func handle(_ request: JoinGroupRequest, _ context: RequestContext) async -> Reply<JoinGroupResponse> {
        var request = request
        // What stays in the group's state must not keep the whole frame in memory.
        for index in request.protocols.indices {
            request.protocols[index].metadata = request.protocols[index].metadata.compact
        }
        let joined = request
        var generator = SystemRandomNumberGenerator()
        let unique = KafkaUUID.random(using: &generator).description
        let promise = await coordinator.submit { state, ticket, now in
            let input = JoinInput(
                joined, version: context.version, origin: context.origin(ticket), unique: unique)
            return state.join(input, now: now)
        }
        return .later {
            guard case .join(let reply) = await promise.wait() else {
                return JoinGroupResponse(errorCode: .notCoordinator)
            }
            return JoinGroupResponse(reply, version: context.version)
        }
    }
}

/// SyncGroup (14), versions 0 to 5: brings the leader's assignment; answered when it is in the log.
///
/// From version 5 on the member says which protocol it means.
struct SyncGroupHandler: APIHandler {
    typealias Request = SyncGroupRequest

    private static let protocolVersion: Int16 = 5

    let coordinator: GroupCoordinator

    func handle(_ request: SyncGroupRequest, _ context: RequestContext) async -> Reply<SyncGroupResponse> {
        if context.version >= Self.protocolVersion, request.protocolType == nil || request.protocolName == nil {
            return .now(SyncGroupResponse(errorCode: .inconsistentGroupProtocol))
        }
        var request = request
        for index in request.assignments.indices {
            request.assignments[index].assignment = request.assignments[index].assignment.compact
        }
        let synced = request
        let promise = await coordinator.submit { state, ticket, now in
            state.sync(SyncInput(synced, origin: context.origin(ticket)), now: now)
        }
        return .later {
            guard case .sync(let reply) = await promise.wait() else {
                return SyncGroupResponse(errorCode: .notCoordinator)
            }
            return SyncGroupResponse(reply)
        }
    }
}

/// Heartbeat (12), versions 0 to 4: a member lives; tells it of a rebalance.
struct HeartbeatHandler: APIHandler {
    typealias Request = HeartbeatRequest

    let coordinator: GroupCoordinator

    func handle(_ request: HeartbeatRequest, _ context: RequestContext) async -> Reply<HeartbeatResponse> {
        let promise = await coordinator.submit { state, ticket, now in
            state.heartbeat(HeartbeatInput(request, origin: context.origin(ticket)), now: now)
        }
        return .later {
            guard case .heartbeat(let code) = await promise.wait() else {
                return HeartbeatResponse(errorCode: .notCoordinator)
            }
            return HeartbeatResponse(errorCode: code)
        }
    }
}

/// LeaveGroup (13), versions 0 to 5: members go at once instead of when their session ends.
struct LeaveGroupHandler: APIHandler {
    typealias Request = LeaveGroupRequest

    let coordinator: GroupCoordinator

    func handle(_ request: LeaveGroupRequest, _ context: RequestContext) async -> Reply<LeaveGroupResponse> {
        let promise = await coordinator.submit { state, ticket, now in
            let input = LeaveInput(request, version: context.version, origin: context.origin(ticket))
            return state.leave(input, now: now)
        }
        return .later {
            guard case .leave(let reply) = await promise.wait() else {
                return LeaveGroupResponse(errorCode: .notCoordinator)
            }
            return LeaveGroupResponse(reply, version: context.version)
        }
    }
}

extension RequestContext {
    func origin(_ ticket: RequestTicket) -> RequestOrigin {
        RequestOrigin(ticket: ticket, clientId: clientID, clientHost: "/\(clientHost)")
    }
}

extension ByteBuffer {
    /// The readable bytes in memory of their own.
    var compact: ByteBuffer { ByteBuffer(bytes: readableBytesView) }
}
