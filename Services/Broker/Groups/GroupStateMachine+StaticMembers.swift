import KafkaWire
import NIOCore

/// Static members (KIP-345): one that comes back without its member id takes its own place again.
extension GroupStateMachine {
    mutating func replaceStaticMember(_ oldMemberId: String, with input: JoinInput, now: CoordinatorTime) {
        switch state {
        case .preparingRebalance:
            takeOver(oldMemberId, with: input, now: now)
            completeJoinIfEveryoneIsHere(at: now)
        case .completingRebalance:
            // The leader may be assigning to the old id right now, so this generation cannot be kept.
            takeOver(oldMemberId, with: input, now: now)
            prepareRebalance(at: now)
        case .stable:
            replaceInStable(oldMemberId, with: input, now: now)
        case .empty, .dead:
            preconditionFailure("an empty or dead group has no static members")
        }
    }

    private mutating func takeOver(_ oldMemberId: String, with input: JoinInput, now: CoordinatorTime) {
        rename(oldMemberId, to: input.newMemberId)
        update(input.newMemberId, from: input)
        parkJoin(of: input.newMemberId, ticket: input.ticket)
        renewSession(of: input.newMemberId, at: now)
    }

    /// The assignment stays unless the group would now choose another protocol. The log learns the new id before
    /// anyone else does; until then the old one is the member.
    private mutating func replaceInStable(_ oldMemberId: String, with input: JoinInput, now: CoordinatorTime) {
        guard replacementInFlight == nil else {
            return reply(input.ticket, .join(JoinReply(.coordinatorLoadInProgress, memberId: "")))
        }
        var next = self
        next.rename(oldMemberId, to: input.newMemberId)
        next.update(input.newMemberId, from: input)
        guard next.selectProtocol() == protocolName else {
            takeOver(oldMemberId, with: input, now: now)
            return prepareRebalance(at: now)
        }
        let id = persist(next.snapshot)
        replacementInFlight = ReplacementInFlight(
            id: id, input: input, oldMemberId: oldMemberId, generation: generation)
    }

    mutating func finishReplacement(_ replacement: ReplacementInFlight, now: CoordinatorTime) {
        let input = replacement.input
        guard let instance = input.groupInstanceId, state == .stable, generation == replacement.generation,
            memberIdByInstance[instance] == replacement.oldMemberId
        else {
            // A rebalance began, or the member left, while the record was on its way.
            return reply(input.ticket, .join(JoinReply(.coordinatorLoadInProgress, memberId: "")))
        }
        let previousLeader = leaderId ?? ""
        rename(replacement.oldMemberId, to: input.newMemberId)
        update(input.newMemberId, from: input)
        renewSession(of: input.newMemberId, at: now)
        var answer = currentGeneration(for: input.newMemberId)
        if input.supportsSkippingAssignment {
            answer.skipAssignment = leaderId == input.newMemberId
        } else {
            // Such a client would assign anew if it saw itself as leader; under the old id it takes itself for a
            // follower and fetches its assignment.
            answer.leader = previousLeader
            answer.members = []
        }
        reply(input.ticket, .join(answer))
    }
}
