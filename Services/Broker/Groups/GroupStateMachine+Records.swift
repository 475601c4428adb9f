import KafkaWire
import NIOCore
import OrderedCollections

/// Between the group and its record: what is written, and how it comes back at start-up.
extension GroupStateMachine {
    /// The group as its record would be now.
    public var snapshot: GroupMetadata {
        GroupMetadata(
            protocolType: protocolType, generation: generation, protocolName: protocolName, leader: leaderId,
            stateTimestamp: stateTimestamp,
            members: members.values.map { member in
                GroupMetadata.Member(
                    memberId: member.memberId, groupInstanceId: member.groupInstanceId, clientId: member.clientId,
                    clientHost: member.clientHost, sessionTimeout: member.sessionTimeout,
                    rebalanceTimeout: member.rebalanceTimeout, subscription: member.metadata(for: protocolName),
                    assignment: member.assignment)
            })
    }

    /// The group as a record left it: stable with its members, or empty. ``start(now:)`` sets it going.
    public init(groupId: String, configuration: GroupConfiguration, replaying record: GroupMetadata) {
        self.init(groupId: groupId, configuration: configuration)
        hasRecord = true
        generation = record.generation
        protocolType = record.protocolType
        protocolName = record.protocolName
        stateTimestamp = record.stateTimestamp
        for member in record.members where members[member.memberId] == nil {
            let known = GroupProtocol(name: record.protocolName ?? "", metadata: member.subscription)
            add(
                GroupMember(
                    memberId: member.memberId, groupInstanceId: member.groupInstanceId, clientId: member.clientId,
                    clientHost: member.clientHost, sessionTimeout: member.sessionTimeout,
                    rebalanceTimeout: member.rebalanceTimeout, protocols: [known.detached],
                    assignment: ByteBuffer(buffer: member.assignment)))
        }
        if let leader = record.leader, members[leader] != nil { leaderId = leader }
        state = members.isEmpty ? .empty : .stable
        subscribedTopics = readSubscribedTopics()
    }

    /// The replay is over: every member's session starts now. A group over `group.max.size` rebalances, so that its
    /// last members to come back are turned away.
    public mutating func start(now: CoordinatorTime) -> [GroupAction] {
        for memberId in Array(members.keys) { renewSession(of: memberId, at: now) }
        if state == .stable, members.count > configuration.maximumGroupSize { prepareRebalance(at: now) }
        return takeActions()
    }

    /// The group's partition has moved away or the coordinator stops: whoever waits is told so, and the group is dead.
    public mutating func unload(now: CoordinatorTime) -> [GroupAction] {
        for memberId in Array(members.keys) {
            answerJoin(of: memberId, JoinReply(.notCoordinator, memberId: memberId))
            answerSync(of: memberId, SyncReply(.notCoordinator))
        }
        if let replacement = replacementInFlight {
            reply(replacement.input.ticket, .join(JoinReply(.notCoordinator, memberId: "")))
        }
        replacementInFlight = nil
        assignmentInFlight = nil
        joinBarrier = nil
        syncDeadline = nil
        nextDeadline = nil
        transition(to: .dead, at: now)
        return takeActions()
    }

    // MARK: Removal

    /// Nobody is in the group or about to be, and the log has a record of it that can go.
    var isRemovable: Bool { state == .empty && members.isEmpty && pendingMembers.isEmpty && hasRecord }

    /// The group's tombstone is on its way: until its outcome is known, nobody gets in.
    mutating func beginRemoval() {
        precondition(state == .empty && members.isEmpty, "only an empty group is removed")
        state = .dead
    }

    /// Why DeleteGroups is refused, if it is.
    var refusalOfDeletion: ErrorCode? {
        switch state {
        case .dead: .groupIdNotFound
        case .preparingRebalance, .completingRebalance, .stable: .nonEmptyGroup
        case .empty: nil
        }
    }

    /// Why OffsetDelete is refused, if it is: which topics members read is known of consumers only.
    var refusalOfOffsetDeletion: ErrorCode? {
        let isConsumers = protocolType == ConsumerSubscription.protocolType
        return refusalOfDeletion == .nonEmptyGroup && isConsumers ? nil : refusalOfDeletion
    }

    /// Ids that were handed out lapse now; whoever has one starts over.
    mutating func forgetPendingMembers() -> [GroupAction] {
        for memberId in Array(pendingMembers.keys) { remove(memberId) }
        return takeActions()
    }

    /// The tombstone was not written; the group is empty as before.
    mutating func cancelRemoval() {
        state = .empty
    }

    // MARK: Offsets

    /// Whether this sender may commit offsets now; if so, that is a sign of life too.
    ///
    /// A sender without generation is a simple consumer or an administrator: an empty group accepts it, a group with
    /// members does not. While the assignment is awaited, a member's commit waits for the next generation. A
    /// transactional commit is bound to neither: its older versions name no member, and the transaction fences.
    public mutating func admitCommit(_ input: OffsetCommitInput, now: CoordinatorTime) -> ErrorCode? {
        if state == .dead { return .coordinatorNotAvailable }
        let isSimple = input.generation < 0
        if isSimple && state == .empty { return nil }
        if isSimple && input.member.memberId.isEmpty && input.member.groupInstanceId == nil {
            return input.isTransactional ? nil : .unknownMemberId
        }
        if let refusal = refusal(of: input.member, generation: input.generation) { return refusal }
        if input.isTransactional { return nil }
        if state == .completingRebalance { return .rebalanceInProgress }
        renewSession(of: input.member.memberId, at: now)
        return nil
    }

    /// How long offsets of this group are kept (KIP-211).
    var retentionStart: RetentionStart {
        guard protocolType != nil else { return .commit }
        switch state {
        case .empty: return stateTimestamp.map(RetentionStart.moment) ?? .commit
        case .stable: return subscribedTopics == nil ? .never : .commit
        case .preparingRebalance, .completingRebalance, .dead: return .never
        }
    }

    /// Whether members read this topic, so that its offsets are kept. Where the subscriptions of consumers could not be
    /// read, every topic may be one of theirs.
    func isSubscribed(to topic: String) -> Bool {
        subscribedTopics?.contains(topic) ?? (protocolType == ConsumerSubscription.protocolType)
    }

    /// What the members subscribe to; `nil` when that is not known. Only consumers' metadata is understood.
    func readSubscribedTopics() -> Set<String>? {
        guard protocolType == ConsumerSubscription.protocolType else { return nil }
        var topics: Set<String> = []
        for member in members.values {
            guard let subscribed = ConsumerSubscription.topics(in: member.metadata(for: protocolName)) else {
                return nil
            }
            topics.formUnion(subscribed)
        }
        return topics
    }

    // MARK: Describe

    /// The group as tools show it.
    public var description: GroupDescription {
        let isStable = state == .stable
        return GroupDescription(
            groupId: groupId, state: state, generation: generation, protocolType: protocolType ?? "",
            protocolName: isStable ? protocolName ?? "" : "", leader: leaderId ?? "",
            members: members.values.map { member in
                GroupDescription.Member(
                    memberId: member.memberId, groupInstanceId: member.groupInstanceId, clientId: member.clientId,
                    clientHost: member.clientHost,
                    metadata: isStable ? member.metadata(for: protocolName) : ByteBuffer(),
                    assignment: member.assignment)
            })
    }
}
