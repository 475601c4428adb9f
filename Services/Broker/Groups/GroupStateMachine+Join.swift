import KafkaWire
import NIOCore
import OrderedCollections

/// JoinGroup, but for static members that come back under a new id.
extension GroupStateMachine {
    /// A client joins, for the first time or again; the answer may wait until the join barrier.
    public mutating func join(_ input: JoinInput, now: CoordinatorTime) -> [GroupAction] {
        if let refusal = refusal(of: input) {
            reply(input.ticket, .join(refusal))
        } else if !hasRoom(for: knownId(of: input)) {
            reply(input.ticket, .join(JoinReply(.groupMaxSizeReached, memberId: "")))
            remove(knownId(of: input))
            completeJoinIfEveryoneIsHere(at: now)
        } else if !input.memberId.isEmpty {
            joinKnown(input, now: now)
        } else if let instance = input.groupInstanceId, let existing = memberIdByInstance[instance] {
            replaceStaticMember(existing, with: input, now: now)
        } else if input.groupInstanceId == nil && input.requiresKnownMemberId {
            handOutMemberId(input, now: now)
        } else {
            addMember(input.newMemberId, from: input, now: now)
        }
        return takeActions()
    }

    /// What is wrong with the request itself, if anything.
    private func refusal(of input: JoinInput) -> JoinReply? {
        if state == .dead { return JoinReply(.coordinatorNotAvailable, memberId: input.memberId) }
        if !configuration.accepts(sessionTimeout: input.sessionTimeout) {
            return JoinReply(.invalidSessionTimeout, memberId: input.memberId)
        }
        if !supports(protocolType: input.protocolType, protocols: input.protocols) {
            return JoinReply(.inconsistentGroupProtocol, memberId: input.memberId)
        }
        return nil
    }

    /// The id under which the group knows the client, be it by its instance id; empty for a client it does not know.
    private func knownId(of input: JoinInput) -> String {
        guard input.memberId.isEmpty, let instance = input.groupInstanceId else { return input.memberId }
        return memberIdByInstance[instance] ?? ""
    }

    /// `group.max.size`. During a rebalance those who wait count, so that of a group that is too large, because the
    /// limit was lowered, the last ones to come back are turned away.
    private func hasRoom(for memberId: String) -> Bool {
        switch state {
        case .empty, .dead:
            true
        case .preparingRebalance:
            members[memberId]?.joinTicket != nil || awaitingJoin < configuration.maximumGroupSize
        case .completingRebalance, .stable:
            members[memberId] != nil || members.count < configuration.maximumGroupSize
        }
    }

    /// KIP-394: without it, every try of a client whose connection breaks would leave a member behind.
    private mutating func handOutMemberId(_ input: JoinInput, now: CoordinatorTime) {
        guard pendingMembers.count < configuration.maximumPendingMembers else {
            return reply(input.ticket, .join(JoinReply(.groupMaxSizeReached, memberId: "")))
        }
        let deadline = now.uptime + input.sessionTimeout
        pendingMembers[input.newMemberId] = deadline
        wake(at: deadline)
        reply(input.ticket, .join(JoinReply(.memberIdRequired, memberId: input.newMemberId)))
    }

    private mutating func addMember(_ memberId: String, from input: JoinInput, now: CoordinatorTime) {
        var member = GroupMember(input, memberId: memberId)
        member.isNew = true
        member.joinTicket = input.ticket
        member.sessionDeadline = now.uptime + configuration.newMemberJoinTimeout
        if members.isEmpty { protocolType = input.protocolType }
        joinBarrier?.initial?.memberAdded = true
        add(member)
        wake(at: member.sessionDeadline)
        rebalanceOrCompleteJoin(at: now)
    }

    private mutating func joinKnown(_ input: JoinInput, now: CoordinatorTime) {
        let memberId = input.memberId
        if input.groupInstanceId == nil, pendingMembers[memberId] != nil {
            return addMember(memberId, from: input, now: now)
        }
        let identity = MemberIdentity(memberId: memberId, groupInstanceId: input.groupInstanceId)
        if let refusal = refusal(of: identity) {
            return reply(input.ticket, .join(JoinReply(refusal, memberId: memberId)))
        }
        if hasCauseToRebalance(input) {
            update(memberId, from: input)
            parkJoin(of: memberId, ticket: input.ticket)
            rebalanceOrCompleteJoin(at: now)
        } else {
            // It may have missed the response to its join, or restarted its poll loop: nothing has changed.
            renewSession(of: memberId, at: now)
            reply(input.ticket, .join(currentGeneration(for: memberId)))
        }
    }

    /// Whether a known member's join changes the group. The leader joins again when topics have changed, which its
    /// metadata does not show; a follower without new metadata has no cause.
    private func hasCauseToRebalance(_ input: JoinInput) -> Bool {
        let unchanged = members[input.memberId]?.protocols == input.protocols
        switch state {
        case .preparingRebalance: return true
        case .completingRebalance: return !unchanged
        case .stable: return !unchanged || input.memberId == leaderId
        case .empty, .dead: return false
        }
    }
}
