import KafkaWire

/// Which protocol a group's members speak.
public enum GroupType: String, Sendable, Hashable {
    case classic
    case consumer
}

/// The requests of members, each brought to its group.
extension GroupCoordinatorState {
    /// JoinGroup: the answer may come with a later input.
    public mutating func join(_ input: JoinInput, now: CoordinatorTime) -> [CoordinatorAction] {
        func refused(_ error: ErrorCode) -> [CoordinatorAction] {
            [.reply(input.ticket, .join(JoinReply(error, memberId: input.memberId)))]
        }
        if let refusal = refusal(ofGroup: input.groupId) { return refused(refusal) }
        if !configuration.accepts(sessionTimeout: input.sessionTimeout) { return refused(.invalidSessionTimeout) }
        if entries[input.groupId] == nil {
            // A member id of a group that is gone: the client starts over without it.
            guard input.memberId.isEmpty else { return refused(.unknownMemberId) }
            guard create(input.groupId) else { return refused(.groupMaxSizeReached) }
        }
        if metadataBytes + input.metadataBytes > configuration.maximumMetadataBytes {
            settle(input.groupId)
            return refused(.policyViolation)
        }
        if let entry = entries[input.groupId], entry.isBeingRemoved {
            // Whatever it was, in a moment there is room for a group of any protocol.
            return refused(.coordinatorNotAvailable)
        }
        guard let conversion = convertToClassic(input.groupId) else { return refused(.inconsistentGroupProtocol) }
        return conversion + act(input.groupId, now: now) { $0.join(input, now: now) }
    }

    /// SyncGroup: the answer may come with a later input.
    public mutating func sync(_ input: SyncInput, now: CoordinatorTime) -> [CoordinatorAction] {
        if let refusal = refusal(ofGroup: input.groupId) ?? unknownMemberIfMissing(input.groupId) {
            // A sync is not repeated; a member that is told to join again finds out when loading is over.
            let error = refusal == .coordinatorLoadInProgress ? .rebalanceInProgress : refusal
            return [.reply(input.ticket, .sync(SyncReply(error)))]
        }
        return act(input.groupId, now: now) { $0.sync(input, now: now) }
    }

    /// Heartbeat: answered at once. While the group loads nobody is declared dead.
    public mutating func heartbeat(_ input: HeartbeatInput, now: CoordinatorTime) -> [CoordinatorAction] {
        if let refusal = refusal(ofGroup: input.groupId) ?? unknownMemberIfMissing(input.groupId) {
            let error = refusal == .coordinatorLoadInProgress ? .none : refusal
            return [.reply(input.ticket, .heartbeat(error))]
        }
        return act(input.groupId, now: now) { $0.heartbeat(input, now: now) }
    }

    /// LeaveGroup: answered at once.
    public mutating func leave(_ input: LeaveInput, now: CoordinatorTime) -> [CoordinatorAction] {
        if let refusal = refusal(ofGroup: input.groupId) {
            return [.reply(input.ticket, .leave(LeaveReply(refusal)))]
        }
        if let unknown = unknownMemberIfMissing(input.groupId) {
            let members = input.members.map { LeaveReply.Member(identity: $0, errorCode: unknown) }
            return [.reply(input.ticket, .leave(LeaveReply(.none, members: members)))]
        }
        return act(input.groupId, now: now) { $0.leave(input, now: now) }
    }

    private func unknownMemberIfMissing(_ groupId: String) -> ErrorCode? {
        entries[groupId] == nil ? .unknownMemberId : nil
    }

    // MARK: Reading

    /// DescribeGroups for one group; a group that is not there is `Dead`, as Kafka says it.
    public func describe(_ groupId: String) -> GroupDescription {
        if isClassic(groupId), let machine = entries[groupId]?.machine { return machine.description }
        return GroupDescription(
            groupId: groupId, state: .dead, generation: .none, protocolType: "", protocolName: "", leader: "",
            members: [])
    }

    /// ListGroups: every group of the active partitions, by name.
    public var listedGroups: [ListedGroup] {
        entries.values.filter { partitions[$0.partition] == .active }.map { entry in
            if let consumer = entry.consumer {
                return ListedGroup(
                    groupId: consumer.groupID, protocolType: ConsumerSubscription.protocolType,
                    state: consumer.group.state.rawValue, type: .consumer)
            }
            return ListedGroup(
                groupId: entry.machine.groupId, protocolType: entry.machine.protocolType ?? "",
                state: entry.machine.state.rawValue, type: .classic)
        }.sorted { $0.groupId < $1.groupId }
    }

    /// A group as ListGroups shows it.
    public struct ListedGroup: Sendable, Hashable {
        public var groupId: String
        /// Empty for a group that only stores offsets.
        public var protocolType: String
        public var state: String
        public var type: GroupType
    }

    /// Whether there is such a group and it is one of the classic protocol.
    public func isClassic(_ groupId: String) -> Bool { entries[groupId].map { $0.consumer == nil } ?? false }
}
