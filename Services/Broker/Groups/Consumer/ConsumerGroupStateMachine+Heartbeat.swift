import KafkaWire

/// ConsumerGroupHeartbeat: joining, staying and leaving are all heartbeats.
extension ConsumerGroupStateMachine {
    /// The answer comes at once unless something has to be written first.
    mutating func heartbeat(
        _ input: ConsumerHeartbeatInput, topics: GroupTopics, now: CoordinatorTime
    ) -> [ConsumerGroupAction] {
        if inFlight != nil {
            if waiting.count >= configuration.maximumPendingAppends {
                reply(
                    input.ticket,
                    ConsumerHeartbeatReply(
                        .coordinatorNotAvailable,
                        "\(waiting.count) requests wait for the log, as many as may"))
            } else {
                waiting.append(input)
            }
        } else {
            decide(input, topics: topics, now: now)
        }
        return takeActions()
    }

    mutating func decide(_ input: ConsumerHeartbeatInput, topics: GroupTopics, now: CoordinatorTime) {
        settings = input.settings
        do throws(GroupRefusal) {
            var draft = ConsumerGroupDraft(group)
            let answer =
                input.isLeave
                ? try leave(input, &draft) : try stay(input, &draft, topics: topics)
            if draft.changes.isEmpty {
                if let memberID = answer.memberID { renewSession(of: memberID, at: now) }
                reply(input.ticket, answer)
            } else {
                persist(draft.changes, ticket: input.ticket, reply: answer)
            }
        } catch {
            reply(input.ticket, ConsumerHeartbeatReply(error.code, error.message))
        }
    }

    // MARK: Leaving

    private func leave(
        _ input: ConsumerHeartbeatInput, _ draft: inout ConsumerGroupDraft
    ) throws(GroupRefusal) -> ConsumerHeartbeatReply {
        let answer = ConsumerHeartbeatReply(
            memberID: input.memberID, memberEpoch: input.memberEpoch,
            heartbeatInterval: heartbeatInterval)
        let member = try knownMember(input)
        if input.memberEpoch == ConsumerHeartbeatInput.leaveStaticEpoch {
            // It is expected back, so nobody else gets its share until its session ends.
            var current = member.current
            current.advance(to: ConsumerMember.Current.leftEpoch)
            current.pendingRevocation = AssignedPartitions()
            // It gave up what it had to by leaving, so only its session's end is awaited.
            current.state = .stable
            draft.change(.current(memberID: member.memberID, current))
        } else {
            for change in Self.removal(of: member.memberID) { draft.change(change) }
            draft.change(.epoch(group.epoch + 1))
        }
        return answer
    }

    /// The member that a request comes from.
    private func knownMember(_ input: ConsumerHeartbeatInput) throws(GroupRefusal) -> ConsumerMember {
        if let instance = input.instanceID {
            guard let known = group.staticMembers[instance] else {
                throw GroupRefusal(.unknownMemberId, "instance id '\(instance)' is not a member's")
            }
            guard known == input.memberID else {
                throw GroupRefusal(
                    .fencedInstanceId,
                    "member '\(input.memberID)' with instance id '\(instance)' was fenced by member '\(known)'")
            }
        }
        guard let member = group.members[input.memberID] else {
            throw GroupRefusal(.unknownMemberId, "'\(input.memberID)' is not a member of group '\(groupID)'")
        }
        return member
    }

    // MARK: Joining and staying

    private mutating func stay(
        _ input: ConsumerHeartbeatInput, _ draft: inout ConsumerGroupDraft, topics: GroupTopics
    ) throws(GroupRefusal) -> ConsumerHeartbeatReply {
        let before = input.isJoin ? try join(input, &draft) : try knownMember(input)
        if !input.isJoin { try checkEpoch(input, before) }
        let isNew = draft.group.members[before.memberID] == nil
        var subscription = before.subscription
        try subscription.update(from: input)
        if isNew || subscription != before.subscription {
            draft.change(.subscription(memberID: before.memberID, subscription))
        }
        if let pattern = subscription.topicRegex { resolve(pattern, in: topics) }
        let readsOthers = subscription.readsOtherTopics(than: before.subscription)
        if isNew || readsOthers || needsNewTarget(draft.group, topics) {
            draft.change(.epoch(draft.group.epoch + 1))
        } else {
            topicsHaveChanged = false
        }
        if draft.group.epoch > draft.group.targetEpoch { makeTarget(&draft, topics) }
        reconcile(before.memberID, input, &draft)
        // What is pending may stay unresolved if this fails, and is resolved again then.
        let after = draft.group.members[before.memberID]?.current ?? before.current
        let isTold = input.isFull || after.assigned != before.current.assigned || input.memberEpoch != after.epoch
        return ConsumerHeartbeatReply(
            memberID: before.memberID, memberEpoch: after.epoch,
            heartbeatInterval: heartbeatInterval, assignment: isTold ? after.assigned : nil)
    }

    /// The member that comes, under its new id: one that nobody knows, a static one that comes back, or one that has
    /// lost its place and says that it holds nothing.
    private func join(
        _ input: ConsumerHeartbeatInput, _ draft: inout ConsumerGroupDraft
    ) throws(GroupRefusal) -> ConsumerMember {
        let memberID = input.memberID.isEmpty ? input.newMemberID : input.memberID
        let place = input.instanceID.flatMap { group.staticMembers[$0] } ?? memberID
        guard let known = group.members[place] else {
            guard group.members.count < configuration.consumerMaximumSize else {
                throw GroupRefusal(
                    .groupMaxSizeReached,
                    "group '\(groupID)' has \(group.members.count) members, group.consumer.max.size allows no more")
            }
            return ConsumerMember(memberID: memberID)
        }
        if place != memberID {
            guard known.current.epoch == ConsumerMember.Current.leftEpoch else {
                throw GroupRefusal(
                    .unreleasedInstanceId,
                    "instance id '\(input.instanceID ?? "")' is still that of member '\(place)'")
            }
            return draft.replace(known, with: memberID)
        }
        var member = known
        member.current = ConsumerMember.Current()
        draft.change(.current(memberID: memberID, member.current))
        return member
    }

    /// A member may be one epoch behind, if the answer that told it of the new one was lost; but then it must not hold
    /// what it was not given.
    private func checkEpoch(_ input: ConsumerHeartbeatInput, _ member: ConsumerMember) throws(GroupRefusal) {
        let known = member.current.epoch
        if input.memberEpoch == known { return }
        let isRepeat =
            input.memberEpoch == member.current.previousEpoch
            && input.owned.map { $0.isSubset(of: member.current.assigned) } ?? false
        if input.memberEpoch > known || !isRepeat {
            throw GroupRefusal(
                .fencedMemberEpoch,
                "member '\(member.memberID)' has epoch \(input.memberEpoch), the coordinator knows it at \(known); "
                    + "it must give up its partitions and join again")
        }
    }

    private func reconcile(_ memberID: String, _ input: ConsumerHeartbeatInput, _ draft: inout ConsumerGroupDraft) {
        guard let member = draft.group.members[memberID] else { return }
        let owners = draft.group.owners
        let next = MemberReconciliation(
            member: member, target: draft.group.target[memberID] ?? AssignedPartitions(),
            targetEpoch: draft.group.targetEpoch, owned: input.owned,
            isHeldByOther: { partition in owners[partition].map { $0 != memberID } ?? false }
        ).next()
        if next != member.current { draft.change(.current(memberID: memberID, next)) }
    }
}

/// A group as it will be once the changes are written.
struct ConsumerGroupDraft {
    private(set) var group: ConsumerGroup
    private(set) var changes: [ConsumerGroupChange] = []

    init(_ group: ConsumerGroup) {
        self.group = group
    }

    mutating func change(_ change: ConsumerGroupChange) {
        group.apply(change)
        changes.append(change)
    }

    /// Puts a static member that came back under its new id; it keeps its target, and starts from what it had.
    mutating func replace(_ old: ConsumerMember, with memberID: String) -> ConsumerMember {
        let target = group.target[old.memberID]
        for change in ConsumerGroupStateMachine.removal(of: old.memberID) { self.change(change) }
        var member = ConsumerMember(memberID: memberID, subscription: old.subscription, current: old.current)
        member.current.epoch = 0
        member.current.previousEpoch = 0
        member.current.state = .stable
        change(.subscription(memberID: memberID, member.subscription))
        if let target { change(.target(memberID: memberID, target)) }
        change(.current(memberID: memberID, member.current))
        return member
    }
}

extension ConsumerMember.Subscription {
    /// Takes over what a request says; what it leaves out stays.
    fileprivate mutating func update(from input: ConsumerHeartbeatInput) throws(GroupRefusal) {
        instanceID = input.instanceID ?? instanceID
        rackID = input.rackID ?? rackID
        rebalanceTimeout = input.rebalanceTimeout ?? rebalanceTimeout
        topicNames = input.topicNames ?? topicNames
        serverAssignor = input.serverAssignor ?? serverAssignor
        clientID = input.clientID
        clientHost = input.clientHost
        if let regex = input.topicRegex, regex != topicRegex {
            do throws(TopicPattern.SyntaxError) {
                if !regex.isEmpty { _ = try TopicPattern(regex) }
            } catch {
                throw GroupRefusal(.invalidRegularExpression, "'\(regex)' is not a regular expression: \(error)")
            }
            topicRegex = regex.isEmpty ? nil : regex
        }
    }
}
