import KafkaWire

/// One record's worth of change to a group of the next-generation protocol; `nil` stands for the record's tombstone.
public enum ConsumerGroupChange: Sendable, Hashable {
    /// The group's epoch; without it there is no group.
    case epoch(Int32?)
    case subscription(memberID: String, ConsumerMember.Subscription?)
    /// The epoch that the target assignment belongs to.
    case targetEpoch(Int32?)
    case target(memberID: String, AssignedPartitions?)
    case current(memberID: String, ConsumerMember.Current?)
}

/// What the log says of one group: members, what each should hold (target) and what each holds (current).
public struct ConsumerGroup: Sendable {
    public private(set) var epoch: Int32 = 0
    public private(set) var targetEpoch: Int32 = 0
    public private(set) var members: [String: ConsumerMember] = [:]
    public private(set) var target: [String: AssignedPartitions] = [:]
    /// Member ids by instance id.
    public private(set) var staticMembers: [String: String] = [:]
    /// Who holds a partition, or has not said yet that it gave it up.
    public private(set) var owners: [TopicIDPartition: String] = [:]

    /// How many members name each topic.
    private(set) var readers: [String: Int] = [:]
    /// Bytes of what members subscribe to.
    private(set) var subscriptionBytes = 0

    public init() {}

    /// Applies a committed record, live and in a replay.
    mutating func apply(_ change: ConsumerGroupChange) {
        switch change {
        case .epoch(let epoch): self.epoch = epoch ?? 0
        case .targetEpoch(let epoch): targetEpoch = epoch ?? 0
        case .target(let memberID, let partitions): target[memberID] = partitions
        case .subscription(let memberID, let subscription): subscribe(memberID, subscription)
        case .current(let memberID, let current): assign(memberID, current)
        }
    }

    private mutating func subscribe(_ memberID: String, _ subscription: ConsumerMember.Subscription?) {
        if let before = members[memberID]?.subscription {
            count(before, by: -1)
            if let instance = before.instanceID, staticMembers[instance] == memberID { staticMembers[instance] = nil }
        }
        if let subscription { count(subscription, by: 1) }
        guard let subscription else {
            if let gone = members.removeValue(forKey: memberID) { disown(gone) }
            return
        }
        members[memberID, default: ConsumerMember(memberID: memberID)].subscription = subscription
        if let instance = subscription.instanceID { staticMembers[instance] = memberID }
    }

    private mutating func count(_ subscription: ConsumerMember.Subscription, by step: Int) {
        subscriptionBytes += step * subscription.byteCount
        for topic in subscription.topicNames {
            let count = readers[topic, default: 0] + step
            readers[topic] = count == 0 ? nil : count
        }
    }

    private mutating func assign(_ memberID: String, _ current: ConsumerMember.Current?) {
        if let member = members[memberID] { disown(member) }
        guard let current else {
            // The member itself goes by the tombstone of its subscription.
            members[memberID]?.current = ConsumerMember.Current()
            return
        }
        members[memberID, default: ConsumerMember(memberID: memberID)].current = current
        for partition in current.assigned.union(current.pendingRevocation).all { owners[partition] = memberID }
    }

    private mutating func disown(_ member: ConsumerMember) {
        for partition in member.current.assigned.union(member.current.pendingRevocation).all
        where owners[partition] == member.memberID {
            owners[partition] = nil
        }
    }

    /// Where the group is in its life.
    public enum State: String, Sendable, Hashable {
        /// No members; there may be committed offsets.
        case empty = "Empty"
        /// The members have changed since the last target assignment.
        case assigning = "Assigning"
        /// Not every member holds its target yet.
        case reconciling = "Reconciling"
        /// Every member holds its target.
        case stable = "Stable"
    }

    public var state: State {
        if members.isEmpty { return .empty }
        if epoch > targetEpoch { return .assigning }
        return members.values.allSatisfy { $0.isReconciled(to: targetEpoch) } ? .stable : .reconciling
    }

    /// The assignor that most members ask for; of equals the first by name, `nil` if none asks.
    var preferredAssignor: String? {
        var votes: [String: Int] = [:]
        for member in members.values {
            if let name = member.subscription.serverAssignor { votes[name, default: 0] += 1 }
        }
        return votes.max { left, right in (left.value, right.key) < (right.value, left.key) }?.key
    }
}
