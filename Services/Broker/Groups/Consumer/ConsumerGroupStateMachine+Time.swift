import DequeModule
import KafkaWire

/// What happens without a request: silence, slowness, topics that change, start and end.
extension ConsumerGroupStateMachine {
    /// Does everything whose time has come.
    mutating func tick(now: CoordinatorTime) -> [ConsumerGroupAction] {
        nextDeadline = (Array(sessions.values) + Array(revocations.values)).filter { $0 > now.uptime }.min()
        if inFlight == nil { expire(at: now) }
        return takeActions()
    }

    /// Members that were not heard of in time, or did not give up in time what they were told to, are gone: one change
    /// for all of them. Their share is given to others with the next heartbeat of one of these.
    mutating func expire(at now: CoordinatorTime) {
        let silent = sessions.filter { $0.value <= now.uptime }.keys
        let slow = revocations.filter { $0.value <= now.uptime }.keys
        let gone = Set(silent).union(slow).sorted()
        if gone.isEmpty { return }
        persist(gone.flatMap(Self.removal) + [.epoch(group.epoch + 1)])
    }

    /// A member's tombstones.
    static func removal(of memberID: String) -> [ConsumerGroupChange] {
        [
            .current(memberID: memberID, nil), .target(memberID: memberID, nil),
            .subscription(memberID: memberID, nil),
        ]
    }

    /// The replay is over: every member's session starts now, and so does the time it has for giving things up.
    mutating func start(now: CoordinatorTime) -> [ConsumerGroupAction] {
        topicsHaveChanged = true
        for (memberID, member) in group.members {
            renewSession(of: memberID, at: now)
            if member.current.state == .unrevokedPartitions {
                let deadline = now.uptime + member.subscription.rebalanceTimeout
                revocations[memberID] = deadline
                wake(at: deadline)
            }
        }
        return takeActions()
    }

    /// The group's partition has moved away or the coordinator stops: whoever waits is told so.
    mutating func unload() -> [ConsumerGroupAction] {
        for ticket in parkedTickets { reply(ticket, ConsumerHeartbeatReply(.notCoordinator, nil)) }
        waiting.removeAll()
        inFlight = nil
        return takeActions()
    }

    // MARK: Topics

    /// A topic was made, has grown or is gone; the next heartbeat looks whether the target has to change.
    mutating func topicChanged(_ name: String, _ topic: GroupTopics.Topic?) {
        let wasRead = isSubscribed(to: name)
        for text in patterns.keys {
            let isMatched = topic.map { !$0.isInternal } ?? false && patterns[text]?.pattern.matches(name) == true
            if isMatched { patterns[text]?.topics.insert(name) } else { patterns[text]?.topics.remove(name) }
        }
        if wasRead || isSubscribed(to: name) { topicsHaveChanged = true }
    }

    mutating func resolve(_ text: String, in topics: GroupTopics) {
        guard patterns[text] == nil else { return }
        do {
            let pattern = try TopicPattern(text)
            let names = topics.byName.filter { !$0.value.isInternal && pattern.matches($0.key) }.keys
            patterns[text] = ResolvedPattern(pattern: pattern, topics: Set(names))
        } catch {
            return  // Of a log that a broker with another syntax has written: it matches nothing here.
        }
    }

    mutating func forgetUnusedPatterns() {
        if patterns.isEmpty { return }
        let used = Set(group.members.values.compactMap(\.subscription.topicRegex))
        patterns = patterns.filter { used.contains($0.key) }
    }
}
