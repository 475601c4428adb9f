import KafkaWire
import NIOCore
import OrderedCollections

/// Heartbeats, leaving, and everything that happens because time has passed.
extension GroupStateMachine {
    /// A member is alive; it learns whether it has to join again.
    public mutating func heartbeat(_ input: HeartbeatInput, now: CoordinatorTime) -> [GroupAction] {
        reply(input.ticket, .heartbeat(heartbeatOutcome(input, now: now)))
        return takeActions()
    }

    private mutating func heartbeatOutcome(_ input: HeartbeatInput, now: CoordinatorTime) -> ErrorCode {
        if let refusal = refusal(of: input.member, generation: input.generation) { return refusal }
        switch state {
        case .preparingRebalance:
            renewSession(of: input.member.memberId, at: now)
            return .rebalanceInProgress
        case .completingRebalance, .stable:
            renewSession(of: input.member.memberId, at: now)
            return .none
        case .empty:
            return .unknownMemberId
        case .dead:
            return .coordinatorNotAvailable
        }
    }

    /// Members leave, or an administrator removes them; one rebalance follows for all of them.
    public mutating func leave(_ input: LeaveInput, now: CoordinatorTime) -> [GroupAction] {
        guard state != .dead else {
            reply(input.ticket, .leave(LeaveReply(.coordinatorNotAvailable)))
            return takeActions()
        }
        var answer = LeaveReply(.none)
        let before = members.count
        for identity in input.members {
            let (memberId, error) = leaving(identity)
            if let memberId { remove(memberId) }
            answer.members.append(LeaveReply.Member(identity: identity, errorCode: error))
        }
        reply(input.ticket, .leave(answer))
        membersWentAway(outOf: before, at: now)
        return takeActions()
    }

    /// The member that an identity in LeaveGroup stands for, or why there is none.
    private func leaving(_ identity: MemberIdentity) -> (memberId: String?, error: ErrorCode) {
        if identity.memberId.isEmpty {
            guard let instance = identity.groupInstanceId, let memberId = memberIdByInstance[instance] else {
                return (nil, .unknownMemberId)
            }
            return (memberId, .none)
        }
        if pendingMembers[identity.memberId] != nil { return (identity.memberId, .none) }
        if let refusal = refusal(of: identity) { return (nil, refusal) }
        return (identity.memberId, .none)
    }

    /// A rebalance follows when there were more members before. Pending ids have no part in a generation, so losing one
    /// of them only matters at the barrier.
    private mutating func membersWentAway(outOf before: Int, at now: CoordinatorTime) {
        switch state {
        case .stable, .completingRebalance:
            if members.count < before { prepareRebalance(at: now) }
        case .preparingRebalance:
            completeJoinIfEveryoneIsHere(at: now)
        case .empty, .dead:
            break
        }
    }

    // MARK: Time

    /// Does everything whose time has come.
    public mutating func tick(now: CoordinatorTime) -> [GroupAction] {
        expireMembers(at: now)
        if let barrier = joinBarrier, barrier.deadline <= now.uptime { joinBarrierDue(at: now) }
        if let deadline = syncDeadline, deadline <= now.uptime { syncsDue(at: now) }
        nextDeadline = earliestDeadline
        return takeActions()
    }

    /// Gives up pending ids that were never used and members that were not heard of, with one rebalance for all.
    private mutating func expireMembers(at now: CoordinatorTime) {
        let lapsed = pendingMembers.filter { $0.value <= now.uptime }.keys
        let silent = members.values.filter { $0.effectiveDeadline.map { $0 <= now.uptime } ?? false }
        guard !lapsed.isEmpty || !silent.isEmpty else { return }
        let before = members.count
        for memberId in lapsed { remove(memberId) }
        for member in silent { remove(member.memberId) }
        membersWentAway(outOf: before, at: now)
    }

    /// Members that took part in the join and never asked for their assignment are given up.
    private mutating func syncsDue(at now: CoordinatorTime) {
        syncDeadline = nil
        guard !awaitedSyncs.isEmpty else { return }
        for memberId in awaitedSyncs.sorted() { remove(memberId) }
        prepareRebalance(at: now)
    }

    private var earliestDeadline: Duration? {
        let sessions = members.values.compactMap(\.effectiveDeadline).min()
        return [sessions, pendingMembers.values.min(), joinBarrier?.deadline, syncDeadline].compactMap(\.self).min()
    }
}
