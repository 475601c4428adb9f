import KafkaWire

/// Groups of the next-generation protocol (KIP-848), and how a group changes from one protocol to the other.
extension GroupCoordinatorState {
    /// ConsumerGroupHeartbeat: the answer may come with a later input.
    public mutating func consumerHeartbeat(
        _ input: ConsumerHeartbeatInput, now: CoordinatorTime
    ) -> [CoordinatorAction] {
        func refused(_ code: ErrorCode, _ message: String?) -> [CoordinatorAction] {
            [.reply(input.ticket, .consumerHeartbeat(ConsumerHeartbeatReply(code, message)))]
        }
        if let refusal = refusal(ofConsumerGroup: input.groupID) { return refused(refusal.code, refusal.message) }
        if let refusal = input.refusal(configuration) { return refused(refusal.code, refusal.message) }
        if metadataBytes + input.metadataBytes > configuration.maximumMetadataBytes {
            return refused(
                .policyViolation,
                "subscriptions of \(input.metadataBytes) bytes on top of \(metadataBytes) are more than "
                    + "signalbox.group.max.metadata.bytes allows: \(configuration.maximumMetadataBytes)")
        }
        if let entry = entries[input.groupID], entry.isBeingRemoved || entry.machine.state == .dead {
            return refused(.coordinatorNotAvailable, "group '\(input.groupID)' is being removed")
        }
        if let refusal = becomeConsumerGroup(input) { return refused(refusal.code, refusal.message) }
        return actConsumer(input.groupID, now: now) { $0.heartbeat(input, topics: $1, now: now) }
    }

    /// A group that nobody is in takes the protocol of the first that comes; its offsets stay.
    private mutating func becomeConsumerGroup(_ input: ConsumerHeartbeatInput) -> GroupRefusal? {
        let groupID = input.groupID
        if entries[groupID]?.consumer != nil { return nil }
        guard input.isJoin else { return GroupRefusal(.groupIdNotFound, "there is no consumer group '\(groupID)'") }
        if let machine = entries[groupID]?.machine, machine.memberCount > 0 || machine.state != .empty {
            return GroupRefusal(.groupIdNotFound, "group '\(groupID)' has members of the classic protocol")
        }
        guard create(groupID) else {
            return GroupRefusal(
                .groupMaxSizeReached, "signalbox.group.max.groups allows \(configuration.maximumGroups) groups")
        }
        entries[groupID]?.consumer = ConsumerGroupStateMachine(groupID: groupID, configuration: configuration)
        return nil
    }

    /// Prepares a group for a member of the classic protocol: an empty one of the other protocol is given up. `nil` if
    /// the group cannot become a classic one.
    mutating func convertToClassic(_ groupID: String) -> [CoordinatorAction]? {
        guard let entry = entries[groupID], let consumer = entry.consumer else { return [] }
        guard consumer.isEmpty else { return nil }
        forgetConsumerGroup(groupID)
        do {
            let records = try entry.tombstones.map { tombstone throws(WireError) in try GroupRecord(tombstone) }
            return records.isEmpty ? [] : [begin(.conversion(groupId: groupID), records: records)]
        } catch {
            return nil  // A key that was written once can be written again, so this does not happen.
        }
    }

    mutating func forgetConsumerGroup(_ groupID: String) {
        metadataBytes -= entries[groupID]?.consumer?.group.subscriptionBytes ?? 0
        entries[groupID]?.consumer = nil
    }

    // MARK: Performing a group's actions

    /// As ``act(_:now:_:)`` for a group of the next-generation protocol; none if it is a classic one.
    mutating func actConsumer(
        _ groupID: String, now: CoordinatorTime,
        _ input: (inout ConsumerGroupStateMachine, GroupTopics) -> [ConsumerGroupAction]
    ) -> [CoordinatorAction] {
        guard entries[groupID]?.consumer != nil, var entry = entries.removeValue(forKey: groupID),
            var consumer = entry.consumer.take()
        else { return [] }
        metadataBytes -= consumer.group.subscriptionBytes
        let actions = input(&consumer, topics)
        metadataBytes += consumer.group.subscriptionBytes
        entry.consumer = consumer
        entries[groupID] = entry
        var performed: [CoordinatorAction] = []
        for action in actions { performed += perform(action, of: groupID, now: now) }
        settle(groupID)
        return performed
    }

    private mutating func perform(
        _ action: ConsumerGroupAction, of groupID: String, now: CoordinatorTime
    ) -> [CoordinatorAction] {
        switch action {
        case .reply(let ticket, let reply):
            return [.reply(ticket, .consumerHeartbeat(reply))]
        case .persist(let id, let changes):
            let replacesClassic = entries[groupID]?.machine.hasRecord ?? false
            do {
                var records: [GroupRecord] = []
                if replacesClassic { records.append(try GroupRecord(.group(groupId: groupID, nil))) }
                for change in changes {
                    records.append(try GroupRecord(.consumerGroup(groupId: groupID, change)))
                }
                let pending = PendingAppend.consumer(groupId: groupID, id, replacesClassic: replacesClassic)
                return [begin(pending, records: records)]
            } catch {
                // A name that the record format has no room for; no retry can help.
                return actConsumer(groupID, now: now) { $0.failed(id, .messageTooLarge, topics: $1, now: now) }
            }
        }
    }

    // MARK: Replay

    mutating func replay(_ change: ConsumerGroupChange, of groupID: String) {
        if case .epoch(nil) = change {
            forgetConsumerGroup(groupID)
            return settle(groupID)
        }
        if entries[groupID]?.consumer == nil {
            if change.isTombstone { return }
            if entries[groupID] == nil { insertEmptyGroup(groupID) }
            entries[groupID]?.consumer = ConsumerGroupStateMachine(groupID: groupID, configuration: configuration)
        }
        metadataBytes -= entries[groupID]?.consumer?.group.subscriptionBytes ?? 0
        let start = CoordinatorTime(uptime: .zero, wallMilliseconds: 0)
        entries[groupID]?.consumer?.apply(change, topics: topics, now: start)
        metadataBytes += entries[groupID]?.consumer?.group.subscriptionBytes ?? 0
    }

    // MARK: Topics

    /// A topic was made, has grown, or is gone (`nil`): consumers may have to be given a new target, and a deleted
    /// topic's offsets go.
    public mutating func topicChanged(
        _ name: String, _ topic: GroupTopics.Topic?, now: CoordinatorTime
    ) -> [CoordinatorAction] {
        topics.set(name, topic)
        for groupID in entries.filter({ $0.value.consumer != nil }).keys {
            entries[groupID]?.consumer?.topicChanged(name, topic)
        }
        return topic == nil ? topicsDeleted([name], now: now) : []
    }

    // MARK: Offsets and descriptions

    /// The group, if it is one of the next-generation protocol.
    public func consumerGroup(_ groupID: String) -> ConsumerGroupStateMachine? { entries[groupID]?.consumer }

    /// Why an OffsetFetch of a member is refused, if it is; those of others carry neither id nor epoch.
    func refusalOfFetch(groupID: String, memberID: String?, memberEpoch: Int32) -> ErrorCode? {
        guard let consumer = entries[groupID]?.consumer, memberID != nil || memberEpoch >= 0 else { return nil }
        guard let member = consumer.group.members[memberID ?? ""] else { return .unknownMemberId }
        return member.current.epoch == memberEpoch ? nil : .staleMemberEpoch
    }
}

extension ConsumerGroupStateMachine {
    /// Why a commit is refused, if it is.
    func refusal(of input: OffsetCommitInput) -> ErrorCode? {
        if input.generation < 0, group.members.isEmpty { return nil }
        guard let member = group.members[input.member.memberId] else { return .unknownMemberId }
        // Older versions have no error for an epoch that has passed.
        if !input.isTransactional, !input.knowsGroupIdNotFound { return .unsupportedVersion }
        if input.generation.rawValue == member.current.epoch { return nil }
        return input.isTransactional ? .illegalGeneration : .staleMemberEpoch
    }
}

extension ConsumerGroupChange {
    var isTombstone: Bool {
        switch self {
        case .epoch(let epoch), .targetEpoch(let epoch): epoch == nil
        case .subscription(_, let subscription): subscription == nil
        case .target(_, let partitions): partitions == nil
        case .current(_, let current): current == nil
        }
    }
}

extension ConsumerHeartbeatInput {
    var metadataBytes: Int {
        (topicNames ?? []).reduce(topicRegex?.utf8.count ?? 0) { $0 + $1.utf8.count }
    }

    /// What is wrong with the request itself, if anything.
    func refusal(_ configuration: GroupConfiguration) -> GroupRefusal? {
        func invalid(_ message: String) -> GroupRefusal { GroupRefusal(.invalidRequest, message) }
        if instanceID == "" { return invalid("an instance id must not be empty") }
        if rackID == "" { return invalid("a rack id must not be empty") }
        if memberID.isEmpty && (!isJoin || requiresMemberID) { return invalid("a member id must not be empty") }
        switch memberEpoch {
        case Self.joinEpoch:
            if rebalanceTimeout == nil { return invalid("the first request must have a rebalance timeout") }
            if owned.map({ !$0.isEmpty }) ?? true { return invalid("who joins must say that it holds no partitions") }
            if topicNames?.isEmpty ?? true, topicRegex?.isEmpty ?? true {
                return invalid("the first request must have topic names or a regular expression")
            }
        case Self.leaveStaticEpoch:
            if instanceID == nil { return invalid("only a member with an instance id can leave for a while") }
        case Self.leaveEpoch, 1...:
            break
        default:
            return invalid("\(memberEpoch) is no member epoch")
        }
        if let serverAssignor, !configuration.consumerAssignors.contains(where: { $0.rawValue == serverAssignor }) {
            let known = configuration.consumerAssignors.map(\.rawValue).joined(separator: ", ")
            return GroupRefusal(
                .unsupportedAssignor, "'\(serverAssignor)' is not one of group.consumer.assignors: \(known)")
        }
        return nil
    }
}
