import KafkaWire
import NIOCore
import OrderedCollections

/// The bookkeeping of members: who is in, which protocols they share, which requests of them wait.
extension GroupStateMachine {
    mutating func add(_ member: GroupMember) {
        precondition(members[member.memberId] == nil, "a new member's id is new")
        pendingMembers[member.memberId] = nil
        if let instance = member.groupInstanceId { memberIdByInstance[instance] = member.memberId }
        if leaderId == nil { leaderId = member.memberId }
        if member.joinTicket != nil { awaitingJoin += 1 }
        countProtocols(of: member, by: 1)
        members[member.memberId] = member
    }

    /// Removes a member or a pending id; requests of it that wait are answered `UNKNOWN_MEMBER_ID`, after which a
    /// client that is still alive joins anew.
    mutating func remove(_ memberId: String) {
        pendingMembers[memberId] = nil
        awaitedSyncs.remove(memberId)
        guard members[memberId] != nil else { return }
        answerJoin(of: memberId, JoinReply(.unknownMemberId, memberId: ""))
        answerSync(of: memberId, SyncReply(.unknownMemberId))
        guard let member = members.removeValue(forKey: memberId) else { return }
        countProtocols(of: member, by: -1)
        if let instance = member.groupInstanceId, memberIdByInstance[instance] == memberId {
            memberIdByInstance[instance] = nil
        }
        if leaderId == memberId { leaderId = members.keys.first }
    }

    mutating func update(_ memberId: String, from input: JoinInput) {
        guard let member = members[memberId] else { return }
        countProtocols(of: member, by: -1)
        members[memberId]?.update(from: input)
        if let member = members[memberId] { countProtocols(of: member, by: 1) }
    }

    /// Puts a static member under a new id; requests of the old one are fenced.
    mutating func rename(_ oldMemberId: String, to newMemberId: String) {
        answerJoin(of: oldMemberId, JoinReply(.fencedInstanceId, memberId: oldMemberId))
        answerSync(of: oldMemberId, SyncReply(.fencedInstanceId))
        guard let old = members.removeValue(forKey: oldMemberId) else { return }
        members[newMemberId] = old.renamed(to: newMemberId)
        if let instance = old.groupInstanceId { memberIdByInstance[instance] = newMemberId }
        if leaderId == oldMemberId { leaderId = newMemberId }
        if awaitedSyncs.remove(oldMemberId) != nil { awaitedSyncs.insert(newMemberId) }
    }

    private mutating func countProtocols(of member: GroupMember, by step: Int) {
        metadataBytes += step * member.protocols.metadataBytes
        for offered in member.protocols {
            let count = protocolSupport[offered.name, default: 0] + step
            protocolSupport[offered.name] = count == 0 ? nil : count
        }
    }

    // MARK: Requests that wait

    /// Lets a join wait for the barrier. A join of the same member that waited already comes from a connection the
    /// client has given up; it is told to try again.
    mutating func parkJoin(of memberId: String, ticket: RequestTicket) {
        answerJoin(of: memberId, JoinReply(.coordinatorLoadInProgress, memberId: memberId))
        guard members[memberId] != nil else { return }
        members[memberId]?.joinTicket = ticket
        awaitingJoin += 1
    }

    /// Lets a sync wait for the assignment; one that waited already is told to join again.
    mutating func parkSync(of memberId: String, ticket: RequestTicket) {
        answerSync(of: memberId, SyncReply(.rebalanceInProgress))
        members[memberId]?.syncTicket = ticket
    }

    mutating func answerJoin(of memberId: String, _ answer: JoinReply) {
        guard let ticket = members[memberId]?.joinTicket else { return }
        members[memberId]?.joinTicket = nil
        awaitingJoin -= 1
        reply(ticket, .join(answer))
    }

    mutating func answerSync(of memberId: String, _ answer: SyncReply) {
        guard let ticket = members[memberId]?.syncTicket else { return }
        members[memberId]?.syncTicket = nil
        reply(ticket, .sync(answer))
    }

    /// Everyone known is waiting at the barrier, and no id is out that its client has yet to come back with.
    var everyoneJoined: Bool { awaitingJoin == members.count && pendingMembers.isEmpty }

    // MARK: Protocols

    /// Whether a member with these protocols could share one with all others.
    func supports(protocolType type: String, protocols: [GroupProtocol]) -> Bool {
        if state == .empty { return !type.isEmpty && !protocols.isEmpty }
        if members.isEmpty { return protocolType == type && !protocols.isEmpty }
        return protocolType == type && protocols.contains { protocolSupport[$0.name] == members.count }
    }

    /// The protocol with the most votes among those that every member offers; of equals, the first by name.
    func selectProtocol() -> String? {
        let candidates = Set(protocolSupport.filter { $0.value == members.count }.keys)
        var votes: [String: Int] = [:]
        for member in members.values {
            if let favourite = member.vote(among: candidates) { votes[favourite, default: 0] += 1 }
        }
        return votes.max { left, right in (left.value, right.key) < (right.value, left.key) }?.key
    }

    /// The members as the leader needs them.
    var joinedMembers: [JoinReply.Member] {
        members.values.map { member in
            JoinReply.Member(
                memberId: member.memberId, groupInstanceId: member.groupInstanceId,
                metadata: member.metadata(for: protocolName))
        }
    }

    /// The current generation, as a member is told it; the leader gets the members too.
    func currentGeneration(for memberId: String) -> JoinReply {
        var reply = JoinReply(.none, memberId: memberId)
        reply.generation = generation
        reply.protocolType = protocolType
        reply.protocolName = protocolName
        reply.leader = leaderId ?? ""
        reply.members = memberId == leaderId ? joinedMembers : []
        return reply
    }
}
