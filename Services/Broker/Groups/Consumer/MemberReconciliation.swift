import KafkaWire

/// Brings a member one step closer to its target: first it gives up what is no longer its own, then it gets what
/// nobody else holds any more. Source: KIP-848, "Reconciliation".
struct MemberReconciliation {
    var member: ConsumerMember
    var target: AssignedPartitions
    var targetEpoch: Int32
    /// What the member says that it holds; `nil` when it did not say.
    var owned: AssignedPartitions?
    /// Whether another member holds this partition.
    var isHeldByOther: (TopicIDPartition) -> Bool

    /// What the member's current assignment is from now on.
    func next() -> ConsumerMember.Current {
        let current = member.current
        switch current.state {
        case .stable:
            return current.epoch == targetEpoch ? current : step()
        case .unrevokedPartitions:
            return stillOwns(current.pendingRevocation) ? current : step(after: current.epoch + 1)
        case .unreleasedPartitions:
            return step()
        }
    }

    private func step(after epoch: Int32? = nil) -> ConsumerMember.Current {
        var next = member.current
        let kept = next.assigned.intersection(target)
        let revoked = next.assigned.subtracting(kept)
        if !revoked.isEmpty, stillOwns(revoked) {
            // Nothing new before what others wait for is given up; the epoch stays behind meanwhile.
            next.state = .unrevokedPartitions
            next.advance(to: min(epoch ?? next.epoch, targetEpoch))
            next.assigned = kept
            next.pendingRevocation = revoked
            return next
        }
        let missing = target.subtracting(kept)
        let free = missing.filter { !isHeldByOther($0) }
        next.state = free == missing ? .stable : .unreleasedPartitions
        next.advance(to: targetEpoch)
        next.assigned = kept.union(free)
        next.pendingRevocation = AssignedPartitions()
        return next
    }

    /// A member that does not say what it holds may hold all it was given.
    private func stillOwns(_ revoked: AssignedPartitions) -> Bool {
        guard let owned else { return true }
        return !owned.isDisjoint(with: revoked)
    }
}
