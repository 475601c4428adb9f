import DequeModule
import KafkaWire

/// The rules of one group under the next-generation protocol.
///
/// One change is on its way to the log at a time; requests that come meanwhile wait for its outcome, and each is
/// decided upon what the log says by then. A failed append therefore changes nothing and leaves nothing behind.
///
/// Source: KIP-848, with the topic patterns of its second version and KIP-1082.
public struct ConsumerGroupStateMachine: Sendable {
    public let groupID: String
    let configuration: GroupConfiguration
    /// As of the last request.
    var settings = ConsumerGroupSettings()

    /// What the log says.
    public internal(set) var group = ConsumerGroup()
    /// When ``tick(now:)`` is due at the latest; a tick that comes early does no harm. `nil`: nothing is pending.
    public internal(set) var nextDeadline: Duration?

    /// When a member is given up unless it is heard of before.
    var sessions: [String: Duration] = [:]
    /// When a member must have given up what it was told to.
    var revocations: [String: Duration] = [:]
    /// Patterns of members, and the topics that match each.
    var patterns: [String: ResolvedPattern] = [:]
    /// Topics have come, grown or gone since the target was made.
    var topicsHaveChanged = false
    var inFlight: InFlight?
    var waiting: Deque<ConsumerHeartbeatInput> = []
    private var nextPersistID: PersistID = 1
    private var actions: [ConsumerGroupAction] = []

    init(groupID: String, configuration: GroupConfiguration) {
        self.groupID = groupID
        self.configuration = configuration
    }

    /// A pattern with its outcome for the topics there are.
    struct ResolvedPattern: Sendable {
        var pattern: TopicPattern
        var topics: Set<String>
    }

    /// Changes on their way to the log, and what follows from them.
    struct InFlight: Sendable {
        var id: PersistID
        var changes: [ConsumerGroupChange]
        /// `nil` where time was the cause.
        var ticket: RequestTicket?
        var reply: ConsumerHeartbeatReply?
    }

    // MARK: What others may know

    /// True when forgetting the group loses nothing but its offsets.
    public var isVacant: Bool {
        group.epoch == 0 && group.members.isEmpty && inFlight == nil && waiting.isEmpty
    }

    /// Tickets that are not answered yet.
    public var parkedTickets: [RequestTicket] {
        waiting.map(\.ticket) + (inFlight?.ticket.map { [$0] } ?? [])
    }

    /// Whether a member reads this topic, by its name or by a pattern.
    public func isSubscribed(to topic: String) -> Bool {
        group.readers[topic] != nil || patterns.values.contains { $0.topics.contains(topic) }
    }

    // MARK: Actions

    mutating func reply(_ ticket: RequestTicket, _ reply: ConsumerHeartbeatReply) {
        actions.append(.reply(ticket, reply))
    }

    mutating func persist(
        _ changes: [ConsumerGroupChange], ticket: RequestTicket? = nil, reply: ConsumerHeartbeatReply? = nil
    ) {
        precondition(inFlight == nil, "one change of a group is on its way at a time")
        let id = nextPersistID
        nextPersistID = PersistID(rawValue: id.rawValue + 1)
        inFlight = InFlight(id: id, changes: changes, ticket: ticket, reply: reply)
        actions.append(.persist(id, changes))
    }

    /// Hands out what has piled up since the last call.
    mutating func takeActions() -> [ConsumerGroupAction] {
        defer { actions = [] }
        return actions
    }

    // MARK: Outcomes

    /// The changes with this id are in the log.
    mutating func committed(_ id: PersistID, topics: GroupTopics, now: CoordinatorTime) -> [ConsumerGroupAction] {
        guard let done = inFlight, done.id == id else { return [] }
        inFlight = nil
        for change in done.changes { apply(change, topics: topics, now: now) }
        if let ticket = done.ticket, let answer = done.reply {
            if let memberID = answer.memberID { renewSession(of: memberID, at: now) }
            reply(ticket, answer)
        }
        decideWaiting(topics: topics, now: now)
        if inFlight == nil { expire(at: now) }
        return takeActions()
    }

    /// They could not be written; whoever asked for them is told to try again.
    mutating func failed(
        _ id: PersistID, _ error: ErrorCode, topics: GroupTopics, now: CoordinatorTime
    ) -> [ConsumerGroupAction] {
        guard let done = inFlight, done.id == id else { return [] }
        inFlight = nil
        if let ticket = done.ticket {
            reply(ticket, ConsumerHeartbeatReply(error.asGroupAppendError, "the group's record was not written"))
        }
        decideWaiting(topics: topics, now: now)
        // What time asked for it asks for again, but not at once, or a broken disk would be kept busy.
        wake(at: now.uptime + .seconds(1))
        return takeActions()
    }

    /// Applies one change, live or in a replay.
    mutating func apply(_ change: ConsumerGroupChange, topics: GroupTopics, now: CoordinatorTime) {
        group.apply(change)
        switch change {
        case .subscription(let memberID, nil):
            sessions[memberID] = nil
            revocations[memberID] = nil
            forgetUnusedPatterns()
        case .subscription(_, let subscription?):
            if let pattern = subscription.topicRegex { resolve(pattern, in: topics) }
            forgetUnusedPatterns()
        case .current(let memberID, let current):
            if current?.state == .unrevokedPartitions, let member = group.members[memberID] {
                let deadline = now.uptime + member.subscription.rebalanceTimeout
                revocations[memberID] = deadline
                wake(at: deadline)
            } else {
                revocations[memberID] = nil
            }
        case .epoch, .targetEpoch, .target:
            break
        }
    }

    /// Decides about what has waited, until the next change is on its way.
    private mutating func decideWaiting(topics: GroupTopics, now: CoordinatorTime) {
        while inFlight == nil, let next = waiting.popFirst() { decide(next, topics: topics, now: now) }
    }

    /// How often members are to send a heartbeat.
    var heartbeatInterval: Duration { settings.heartbeatInterval ?? configuration.consumerHeartbeatInterval }

    // MARK: Time

    /// Notes that something is due; the next tick finds out what.
    mutating func wake(at deadline: Duration) {
        nextDeadline = min(nextDeadline ?? deadline, deadline)
    }

    /// A sign of life: the member's session starts over.
    mutating func renewSession(of memberID: String, at now: CoordinatorTime) {
        guard group.members[memberID] != nil else { return }
        let deadline = now.uptime + (settings.sessionTimeout ?? configuration.consumerSessionTimeout)
        sessions[memberID] = deadline
        wake(at: deadline)
    }
}
