import KafkaWire
import NIOCore
import OrderedCollections

/// From one generation to the next: the join barrier.
extension GroupStateMachine {
    mutating func rebalanceOrCompleteJoin(at now: CoordinatorTime) {
        switch state {
        case .empty, .completingRebalance, .stable: prepareRebalance(at: now)
        case .preparingRebalance: completeJoinIfEveryoneIsHere(at: now)
        case .dead: break
        }
    }

    /// Asks everyone to join again and puts up the barrier.
    mutating func prepareRebalance(at now: CoordinatorTime) {
        if state == .completingRebalance { rejectSyncs(with: .rebalanceInProgress, at: now) }
        assignmentInFlight = nil
        awaitedSyncs = []
        syncDeadline = nil
        let isInitial = state == .empty
        transition(to: .preparingRebalance, at: now)
        let delay = configuration.initialRebalanceDelay
        if isInitial, delay > .zero {
            setBarrier(
                at: now.uptime + delay,
                initial: InitialDelay(delay: delay, remaining: max(rebalanceTimeout - delay, .zero)))
        } else if everyoneJoined {
            completeJoin(at: now)
        } else {
            setBarrier(at: now.uptime + rebalanceTimeout)
        }
    }

    private mutating func setBarrier(at deadline: Duration, initial: InitialDelay? = nil) {
        joinBarrier = JoinBarrier(deadline: deadline, initial: initial)
        wake(at: deadline)
    }

    /// The initial rebalance waits for members that nobody knows of yet, so it ends by time only.
    mutating func completeJoinIfEveryoneIsHere(at now: CoordinatorTime) {
        guard state == .preparingRebalance, joinBarrier?.initial == nil, everyoneJoined else { return }
        completeJoin(at: now)
    }

    /// The barrier's time has come: the initial rebalance goes on while members keep coming, others end.
    mutating func joinBarrierDue(at now: CoordinatorTime) {
        if let initial = joinBarrier?.initial, initial.memberAdded, initial.remaining > .zero {
            let delay = min(configuration.initialRebalanceDelay, initial.remaining)
            let remaining = max(initial.remaining - initial.delay, .zero)
            setBarrier(at: now.uptime + delay, initial: InitialDelay(delay: delay, remaining: remaining))
        } else {
            completeJoin(at: now)
        }
    }

    /// Those who wait at the barrier become the next generation. Dynamic members that did not come are dropped; static
    /// ones keep their place until their session ends.
    mutating func completeJoin(at now: CoordinatorTime) {
        joinBarrier = nil
        for member in members.values where member.joinTicket == nil && member.groupInstanceId == nil {
            remove(member.memberId)
        }
        guard members.isEmpty || electLeader() else {
            // Only absent static members are left: their sessions decide.
            return setBarrier(at: now.uptime + max(rebalanceTimeout, .seconds(1)))
        }
        generation = generation.next
        awaitedSyncs = []
        if members.isEmpty {
            becomeEmpty(at: now)
        } else {
            startGeneration(at: now)
        }
    }

    /// Keeps the leader if it has joined, else takes the first member that has. False when none has.
    private mutating func electLeader() -> Bool {
        if let leaderId, members[leaderId]?.joinTicket != nil { return true }
        guard let successor = members.values.first(where: { $0.joinTicket != nil }) else { return false }
        leaderId = successor.memberId
        return true
    }

    private mutating func becomeEmpty(at now: CoordinatorTime) {
        protocolName = nil
        leaderId = nil
        subscribedTopics = readSubscribedTopics()
        transition(to: .empty, at: now)
        _ = persist(snapshot)
    }

    private mutating func startGeneration(at now: CoordinatorTime) {
        guard let selected = selectProtocol() else {
            preconditionFailure("members without a protocol in common are refused when they join")
        }
        protocolName = selected
        subscribedTopics = readSubscribedTopics()
        transition(to: .completingRebalance, at: now)
        for memberId in Array(members.keys) {
            answerJoin(of: memberId, currentGeneration(for: memberId))
            members[memberId]?.isNew = false
            renewSession(of: memberId, at: now)
            awaitedSyncs.insert(memberId)
        }
        let deadline = now.uptime + rebalanceTimeout
        syncDeadline = deadline
        wake(at: deadline)
    }
}
