import KafkaWire

/// A member of a group that follows the `consumer` protocol (KIP-848), apart from its I/O: heartbeats carry
/// everything, the coordinator assigns, and the member reconciles what it has with what it is to have.
///
/// A pure rule. At most one heartbeat is under way, and beside it at most one of the application's hooks; the driver
/// reports each one's end. Heartbeats go on during hooks. A partition is given up before the coordinator is told that
/// it is free, and taken before the coordinator is told that it is owned.
struct NextGenerationMember {
    /// A partition by name and by its topic's id, which differs where a topic was created anew.
    struct Owned: Hashable, Comparable, Sendable {
        var topicID: KafkaUUID
        var topicPartition: TopicPartition

        static func < (left: Owned, right: Owned) -> Bool { left.topicPartition < right.topicPartition }
    }

    /// An assignment as the coordinator sends it.
    struct Target: Hashable, Sendable {
        var topicID: KafkaUUID
        var partitions: [Int32]
    }

    enum Phase: Hashable {
        /// Not started, or out of the group because the application was too slow, until it polls again.
        case idle
        /// The heartbeat with epoch 0 is under way, or waits to be sent again.
        case joining
        case stable
        case revoking(Purpose)
        case assigning
        /// The application learns that its partitions are gone.
        case losing
        case leaving
        case ended
    }

    enum Purpose: Hashable {
        case reconcile(added: [Owned])
        case leave
    }

    /// What a heartbeat says; a field is left out (`nil`, false) while the coordinator knows it already.
    struct Heartbeat: Hashable {
        var memberID: String
        /// 0 to join.
        var epoch: Int32
        /// With subscription, timeouts and assignor: at the start, and when the last one may not have arrived.
        var isFull: Bool
        var owned: [Owned]?
    }

    enum Action: Hashable {
        case heartbeat(Heartbeat)
        /// Report `resolved` with the names of these topics, and this serial number.
        case resolve([Target], serial: Int)
        case revoke([TopicPartition])
        case assign([TopicPartition])
        case lose([TopicPartition])
        /// Report `backoffElapsed` after a wait that grows with the failures in a row.
        case backOff(failures: Int)
        case leave
        case fail(ErrorCode)
        case finish
    }

    enum Input: Hashable {
        case start
        case heartbeatDue
        case answered(epoch: Int32, memberID: String?, assignment: [Target]?)
        case failed(GroupMemberStateMachine.Failure)
        case resolved([Owned], serial: Int)
        case hookFinished
        case backoffElapsed
        case pollTimedOut
        case polled
        case stop
        case left
    }

    private enum Beat: Hashable {
        case none
        case pending(acknowledges: [Owned]?)
        case backingOff
    }

    let isStatic: Bool
    var phase = Phase.idle
    var memberID: String
    /// 0 for who is not in the group.
    var epoch: Int32 = 0
    /// What the application has, ascending.
    var owned: [Owned] = []
    /// What it is to have; `nil` where nothing is new.
    var target: [Owned]?
    var isStopping = false
    var isTooSlow = false
    var fatalError: ErrorCode?
    private var beat = Beat.none
    /// The heartbeat under way belongs to a membership that is over.
    private var isBeatVoid = false
    /// The target came unasked, so the coordinator waits to hear what is owned even where nothing changes.
    private var isTargetNews = false
    /// What the coordinator was last told to be owned; `nil` where that is not certain.
    private var acknowledged: [Owned]?
    private var needsFull = true
    private var failures = 0
    private var serial = 0
    private var revoking: Set<TopicPartition> = []

    /// - Parameter memberID: of the member's own making, for all of its life.
    init(memberID: String, isStatic: Bool) {
        self.memberID = memberID
        self.isStatic = isStatic
    }

    var isMember: Bool { epoch > 0 }
    /// The epoch of a request that leaves the group: a static member may come back (KIP-345).
    var leaveEpoch: Int32 { isStatic ? -2 : -1 }

    mutating func handle(_ input: Input) -> [Action] {
        switch input {
        case .start: return phase == .idle ? proceed() : []
        case .heartbeatDue: return heartbeatIfIdle()
        case .answered(let epoch, let memberID, let assignment): return answered(epoch, memberID, assignment)
        case .failed(let failure): return failed(failure)
        case .resolved(let partitions, let serial): return resolved(partitions, serial)
        case .hookFinished: return hookFinished()
        case .backoffElapsed:
            guard beat == .backingOff else { return [] }
            beat = .none
            return heartbeatIfIdle()
        case .pollTimedOut: return pollTimedOut()
        case .polled:
            guard isTooSlow else { return [] }
            isTooSlow = false
            return phase == .idle ? proceed() : []
        case .stop: return stop()
        case .left:
            guard phase == .leaving else { return [] }
            forgetMembership()
            return proceed()
        }
    }

    /// The next step, from what is known.
    private mutating func proceed() -> [Action] {
        if let fatalError, owned.isEmpty { return enter(.ended, .fail(fatalError), .finish) }
        if isStopping { return leaveForGood() }
        if !isMember, !owned.isEmpty { return enter(.losing, .lose(owned.map(\.topicPartition))) }
        if isTooSlow { return enter(.idle) }
        guard isMember else {
            phase = .joining
            return heartbeatIfIdle()
        }
        if let target = target.take() { return reconcile(target) }
        phase = .stable
        return acknowledged == owned ? [] : heartbeatIfIdle()
    }

    private mutating func enter(_ phase: Phase, _ actions: Action...) -> [Action] {
        self.phase = phase
        return actions
    }

    // MARK: Heartbeats

    private mutating func heartbeatIfIdle() -> [Action] {
        guard beat == .none else { return [] }
        switch phase {
        case .joining: break
        case .stable, .revoking(.reconcile), .assigning:
            if !isMember { return [] }
        case .idle, .revoking(.leave), .losing, .leaving, .ended: return []
        }
        // During a hook it is not certain yet what is owned.
        let isSettled = phase == .stable || phase == .joining
        let isFull = needsFull || !isMember
        let told = isSettled && (isFull || acknowledged != owned) ? owned : nil
        beat = .pending(acknowledges: told)
        return [.heartbeat(Heartbeat(memberID: memberID, epoch: epoch, isFull: isFull, owned: told))]
    }

    private mutating func answered(_ epoch: Int32, _ memberID: String?, _ assignment: [Target]?) -> [Action] {
        guard case .pending(let acknowledges) = beat else { return [] }
        beat = .none
        if isBeatVoid { return beginAnew() }
        failures = 0
        switch phase {
        case .joining, .stable, .revoking(.reconcile), .assigning: break
        case .idle, .revoking(.leave), .losing, .leaving, .ended: return []
        }
        self.epoch = epoch
        self.memberID = memberID ?? self.memberID
        needsFull = false
        if let acknowledges { acknowledged = acknowledges }
        var actions: [Action] = []
        if let assignment {
            serial += 1
            isTargetNews = acknowledges == nil
            actions.append(.resolve(assignment, serial: serial))
        }
        switch phase {
        case .joining, .stable: return actions + proceed()
        case .idle, .revoking, .assigning, .losing, .leaving, .ended: return actions
        }
    }

    private mutating func failed(_ failure: GroupMemberStateMachine.Failure) -> [Action] {
        guard case .pending = beat else { return [] }
        beat = .none
        if isBeatVoid { return beginAnew() }
        // Whether it arrived is not known, so the next one says everything again.
        needsFull = true
        acknowledged = nil
        switch failure {
        case .broker(.fencedMemberEpoch), .broker(.unknownMemberId), .broker(.staleMemberEpoch):
            forgetMembership()
            return isBusy ? [] : proceed()
        case .connection: return backOff()
        case .broker(let errorCode) where errorCode.isRetriable || errorCode == .unknownServerError:
            return backOff()
        case .broker(let errorCode):
            fatalError = errorCode
            forgetMembership()
            return isBusy ? [] : proceed()
        }
    }

    /// The answer is about a membership that is over: a new one can begin now.
    private mutating func beginAnew() -> [Action] {
        isBeatVoid = false
        return phase == .joining ? heartbeatIfIdle() : []
    }

    private mutating func backOff() -> [Action] {
        switch phase {
        case .joining, .stable, .revoking(.reconcile), .assigning: break
        case .idle, .revoking(.leave), .losing, .leaving, .ended: return []
        }
        failures += 1
        beat = .backingOff
        return [.backOff(failures: failures)]
    }

    private mutating func forgetMembership() {
        epoch = 0
        target = nil
        serial += 1
        needsFull = true
        acknowledged = nil
        if case .pending = beat { isBeatVoid = true }
    }

    /// Whether a hook or the leave is under way; its end goes on from there.
    private var isBusy: Bool {
        switch phase {
        case .revoking, .assigning, .losing, .leaving: true
        case .idle, .joining, .stable, .ended: false
        }
    }

    // MARK: Reconciling

    private mutating func resolved(_ partitions: [Owned], _ serial: Int) -> [Action] {
        guard serial == self.serial, isMember else { return [] }
        target = partitions.sorted()
        return phase == .stable ? proceed() : []
    }

    private mutating func reconcile(_ target: [Owned]) -> [Action] {
        let wanted = Set(target)
        let known = Set(owned)
        let revoked = owned.filter { !wanted.contains($0) }
        let added = target.filter { !known.contains($0) }
        if !revoked.isEmpty { return revoke(revoked, for: .reconcile(added: added)) }
        return assign(added)
    }

    private mutating func revoke(_ partitions: [Owned], for purpose: Purpose) -> [Action] {
        let names = partitions.map(\.topicPartition)
        revoking = Set(names)
        return enter(.revoking(purpose), .revoke(names))
    }

    private mutating func assign(_ added: [Owned]) -> [Action] {
        if added.isEmpty {
            if isTargetNews { acknowledged = nil }
            return proceed()
        }
        owned = (owned + added).sorted()
        return enter(.assigning, .assign(added.map(\.topicPartition)))
    }

    private mutating func hookFinished() -> [Action] {
        switch phase {
        case .revoking(.reconcile(let added)):
            owned = owned.filter { !revoking.contains($0.topicPartition) }
            return isMember && !isStopping ? assign(added) : proceed()
        case .revoking(.leave):
            owned = []
            return leaveForGood()
        case .losing:
            owned = []
            return proceed()
        case .assigning: return proceed()
        case .idle, .joining, .stable, .leaving, .ended: return []
        }
    }

    // MARK: The ways out

    /// The application is stuck: the others get its partitions, and it learns so.
    private mutating func pollTimedOut() -> [Action] {
        guard phase == .stable, !isStopping else { return [] }
        isTooSlow = true
        return enter(.leaving, .leave)
    }

    private mutating func stop() -> [Action] {
        guard !isStopping else { return [] }
        isStopping = true
        switch phase {
        case .idle, .joining, .stable: return leaveForGood()
        case .revoking, .assigning, .losing, .leaving, .ended: return []
        }
    }

    /// Gives back what there is, then leaves, then ends. Who may have joined without knowing leaves too.
    private mutating func leaveForGood() -> [Action] {
        if !isMember, !owned.isEmpty { return enter(.losing, .lose(owned.map(\.topicPartition))) }
        if !owned.isEmpty { return revoke(owned, for: .leave) }
        let mayHaveJoined = isMember || phase == .joining
        return mayHaveJoined ? enter(.leaving, .leave) : enter(.ended, .finish)
    }
}
