import KafkaWire

// Heartbeats, errors, and the ways out of the group.

extension GroupMemberStateMachine {
    // MARK: Heartbeats

    /// A member heartbeats whenever no JoinGroup or SyncGroup of its own is under way; during a hook also where the
    /// last heartbeat has not come through, or the group would take it for dead.
    mutating func heartbeatDue() -> [Action] {
        guard isMember, !isHeartbeatPending else { return [] }
        switch phase {
        case .revoking, .assigning, .stable:
            isHeartbeatPending = true
            return [.heartbeat]
        case .idle, .findingCoordinator, .backingOff, .joining, .syncing, .losing, .leaving, .ended:
            return []
        }
    }

    mutating func heartbeatAnswered() -> [Action] {
        isHeartbeatPending = false
        isCoordinatorKnown = true
        failures = 0
        return []
    }

    mutating func heartbeatFailed(_ failure: Failure, _ generation: Int32) -> [Action] {
        isHeartbeatPending = false
        // What a later generation has overtaken says nothing about it.
        return generation == self.generation ? membershipError(failure) : []
    }

    /// What a heartbeat says about the membership. Whoever is busy with a hook finishes it first.
    mutating func membershipError(_ failure: Failure) -> [Action] {
        switch failure {
        case .connection, .broker(.notCoordinator), .broker(.coordinatorNotAvailable):
            isCoordinatorKnown = false
        case .broker(.rebalanceInProgress):
            needsRejoin = true
        case .broker(.unknownMemberId):
            forgetMembership(andID: true)
        case .broker(.illegalGeneration):
            forgetMembership(andID: false)
        case .broker(let errorCode) where errorCode == .fencedInstanceId || errorCode == .groupAuthorizationFailed:
            return fail(errorCode)
        case .broker:
            // The next heartbeat tells.
            return []
        }
        return phase == .stable ? proceed() : []
    }

    private mutating func forgetMembership(andID: Bool) {
        generation = -1
        leads = false
        needsRejoin = true
        if andID { memberID = "" }
    }

    // MARK: Failed requests

    /// The request of the current phase failed.
    mutating func failed(_ failure: Failure) -> [Action] {
        switch phase {
        case .findingCoordinator, .joining, .syncing: break
        case .idle, .backingOff, .revoking, .assigning, .stable, .losing, .leaving, .ended: return []
        }
        needsRejoin = needsRejoin || phase != .findingCoordinator
        switch failure {
        case .connection, .broker(.notCoordinator), .broker(.coordinatorNotAvailable):
            isCoordinatorKnown = false
        case .broker(.unknownMemberId):
            forgetMembership(andID: true)
        case .broker(.illegalGeneration):
            forgetMembership(andID: false)
        case .broker(.rebalanceInProgress):
            // Nothing went wrong: another rebalance began before this one was over.
            return proceed()
        case .broker(let errorCode) where errorCode.isRetriable || errorCode == .unknownServerError:
            break
        case .broker(let errorCode):
            return fail(errorCode)
        }
        return backOff()
    }

    private mutating func backOff() -> [Action] {
        if isStopping { return proceed() }
        failures += 1
        return enter(.backingOff, .backOff(failures: failures))
    }

    /// No retry can help: the member ends once the application knows that its partitions are gone.
    private mutating func fail(_ errorCode: ErrorCode) -> [Action] {
        fatalError = errorCode
        forgetMembership(andID: true)
        switch phase {
        case .revoking, .assigning, .losing: return []
        case .idle, .findingCoordinator, .backingOff, .joining, .syncing, .stable, .leaving, .ended: return proceed()
        }
    }

    // MARK: Changes from outside

    /// Only the leader looks at the topics: what it assigned is out of date.
    mutating func metadataChanged() -> [Action] {
        guard leads, isMember else { return [] }
        needsRejoin = true
        return phase == .stable ? proceed() : []
    }

    /// The application is stuck: the others get its partitions, and it learns so.
    mutating func pollTimedOut() -> [Action] {
        guard phase == .stable, !isStopping else { return [] }
        isTooSlow = true
        return enter(.leaving, .leave)
    }

    mutating func polled() -> [Action] {
        guard isTooSlow else { return [] }
        isTooSlow = false
        return phase == .idle ? proceed() : []
    }

    // MARK: The way out

    mutating func stop() -> [Action] {
        guard !isStopping else { return [] }
        isStopping = true
        switch phase {
        case .idle, .findingCoordinator, .backingOff, .joining, .syncing, .stable: return leaveForGood()
        case .revoking, .assigning, .losing, .leaving: return []
        case .ended: return []
        }
    }

    /// Gives back what there is, then leaves, then ends.
    mutating func leaveForGood() -> [Action] {
        if !isMember, !owned.isEmpty { return enter(.losing, .lose(owned)) }
        if !owned.isEmpty { return revoke(owned, for: .leave) }
        if memberID.isEmpty || isStatic { return enter(.ended, .finish) }
        return enter(.leaving, .leave)
    }

    /// The leave was answered, or failed: either way the coordinator will see that the member is gone.
    mutating func left() -> [Action] {
        guard phase == .leaving else { return [] }
        forgetMembership(andID: true)
        return proceed()
    }
}
