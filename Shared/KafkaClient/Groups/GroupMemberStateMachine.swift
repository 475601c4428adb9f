import KafkaWire

/// A member of a group, apart from its I/O: joins, follows rebalances, leaves.
///
/// A pure rule: what happened goes in, what to do comes out. At any time at most one of its requests other than a
/// heartbeat is under way, or one of the application's hooks; the driver reports each one's end. Heartbeats go on
/// during hooks. Partitions are taken away (``Action/revoke(_:)`` or ``Action/lose(_:)``) before anybody else can have
/// them, unless the coordinator has given the member up.
///
/// Source: KIP-62, KIP-394 (member id), KIP-345 (static members), KIP-429 (cooperative rebalancing).
struct GroupMemberStateMachine {
    /// What the member is doing.
    enum Phase: Hashable {
        /// Not started, or out of the group because the application was too slow, until it polls again.
        case idle
        case findingCoordinator
        case backingOff
        /// The application gives up what it has: before joining, after an assignment, or before leaving.
        case revoking(Purpose)
        case joining
        case syncing
        /// The application takes new partitions.
        case assigning
        case stable
        /// The application learns that its partitions are gone.
        case losing
        case leaving
        case ended
    }

    /// Why partitions are being revoked.
    enum Purpose: Hashable {
        case join
        case assignment(added: [TopicPartition])
        case leave
    }

    /// What to do. In the order given.
    enum Action: Hashable {
        case findCoordinator
        case join
        /// As the generation's leader when `leads`: compute everybody's assignment first.
        case sync(leads: Bool)
        case heartbeat
        case revoke([TopicPartition])
        case assign([TopicPartition])
        case lose([TopicPartition])
        /// Report `backoffElapsed` after a wait that grows with the failures in a row.
        case backOff(failures: Int)
        case leave
        case fail(ErrorCode)
        case finish
    }

    /// Why a request of the member failed.
    enum Failure: Hashable {
        case broker(ErrorCode)
        /// No answer: another coordinator may have taken over.
        case connection
    }

    /// What happened.
    enum Input: Hashable {
        case start
        case coordinatorFound
        case joined(memberID: String, generation: Int32, leads: Bool)
        /// The member id to use from now on comes with `MEMBER_ID_REQUIRED`.
        case memberIDGiven(String)
        case synced([TopicPartition])
        case heartbeatDue
        case heartbeatAnswered
        case failed(Failure)
        /// - Parameter generation: the one the heartbeat was sent in.
        case heartbeatFailed(Failure, generation: Int32)
        case hookFinished
        case backoffElapsed
        /// The partitions of a subscribed topic changed.
        case metadataChanged
        /// The application has not asked for a batch for too long.
        case pollTimedOut
        case polled
        case stop
        case left
    }

    let isCooperative: Bool
    /// A static member does not leave when it stops: it comes back under its name.
    let isStatic: Bool
    var phase = Phase.idle
    var memberID = ""
    var generation: Int32 = -1
    /// What the application has, ascending.
    var owned: [TopicPartition] = []
    var leads = false
    var isCoordinatorKnown = false
    var needsRejoin = false
    var isHeartbeatPending = false
    var isStopping = false
    /// The application has not polled in time; the group is left until it does.
    var isTooSlow = false
    /// The error that ended the membership for good.
    var fatalError: ErrorCode?
    /// Failed requests in a row.
    var failures = 0
    /// The partitions of the revocation under way.
    var revoking: Set<TopicPartition> = []

    init(isCooperative: Bool, isStatic: Bool) {
        self.isCooperative = isCooperative
        self.isStatic = isStatic
    }

    /// Whether the coordinator counts this member in.
    var isMember: Bool { generation >= 0 }

    mutating func handle(_ input: Input) -> [Action] {
        switch input {
        case .start: phase == .idle ? proceed() : []
        case .coordinatorFound: coordinatorFound()
        case .joined(let memberID, let generation, let leads): joined(memberID, generation, leads)
        case .memberIDGiven(let id): memberIDGiven(id)
        case .synced(let assignment): synced(assignment)
        case .heartbeatDue: heartbeatDue()
        case .heartbeatAnswered: heartbeatAnswered()
        case .failed(let failure): failed(failure)
        case .heartbeatFailed(let failure, let generation): heartbeatFailed(failure, generation)
        case .hookFinished: hookFinished()
        case .backoffElapsed: phase == .backingOff ? proceed() : []
        case .metadataChanged: metadataChanged()
        case .pollTimedOut: pollTimedOut()
        case .polled: polled()
        case .stop: stop()
        case .left: left()
        }
    }

    // MARK: The way into the group

    /// The next step, from what is known.
    mutating func proceed() -> [Action] {
        if let fatalError, owned.isEmpty { return enter(.ended, .fail(fatalError), .finish) }
        if isStopping { return leaveForGood() }
        if !isMember, !owned.isEmpty { return enter(.losing, .lose(owned)) }
        if isTooSlow { return enter(.idle) }
        if !isCoordinatorKnown { return enter(.findingCoordinator, .findCoordinator) }
        if isMember, !needsRejoin { return enter(.stable) }
        if !isCooperative, !owned.isEmpty { return revoke(owned, for: .join) }
        return enter(.joining, .join)
    }

    mutating func revoke(_ partitions: [TopicPartition], for purpose: Purpose) -> [Action] {
        revoking = Set(partitions)
        return enter(.revoking(purpose), .revoke(partitions))
    }

    mutating func enter(_ phase: Phase, _ actions: Action...) -> [Action] {
        self.phase = phase
        return actions
    }

    private mutating func coordinatorFound() -> [Action] {
        guard phase == .findingCoordinator else { return [] }
        isCoordinatorKnown = true
        return proceed()
    }

    private mutating func memberIDGiven(_ id: String) -> [Action] {
        guard phase == .joining else { return [] }
        memberID = id
        return proceed()
    }

    private mutating func joined(_ memberID: String, _ generation: Int32, _ leads: Bool) -> [Action] {
        guard phase == .joining else { return [] }
        self.memberID = memberID
        self.generation = generation
        self.leads = leads
        needsRejoin = false
        failures = 0
        return enter(.syncing, .sync(leads: leads))
    }

    private mutating func synced(_ assignment: [TopicPartition]) -> [Action] {
        guard phase == .syncing else { return [] }
        failures = 0
        let kept = Set(assignment)
        let known = Set(owned)
        let revoked = owned.filter { !kept.contains($0) }
        let added = assignment.filter { !known.contains($0) }.sorted()
        // Whoever gives something up joins again, so that it can be handed to its next owner.
        if !revoked.isEmpty {
            needsRejoin = true
            return revoke(revoked, for: .assignment(added: added))
        }
        return assign(added)
    }

    private mutating func assign(_ added: [TopicPartition]) -> [Action] {
        if added.isEmpty { return proceed() }
        owned = (owned + added).sorted()
        return enter(.assigning, .assign(added))
    }

    private mutating func hookFinished() -> [Action] {
        switch phase {
        case .revoking(.join):
            owned = []
            return proceed()
        case .revoking(.assignment(let added)):
            owned = owned.filter { !revoking.contains($0) }
            return isMember && !isStopping ? assign(added) : proceed()
        case .revoking(.leave):
            owned = []
            return leaveForGood()
        case .losing:
            owned = []
            return proceed()
        case .assigning:
            return proceed()
        case .idle, .findingCoordinator, .backingOff, .joining, .syncing, .stable, .leaving, .ended:
            return []
        }
    }
}
