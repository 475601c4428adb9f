import KafkaWire

/// Shares a group's partitions out among its members; run by the group's leader.
///
/// Pure functions: the same input gives the same result whatever order it comes in. Topics without partitions, or
/// that nobody subscribes to, are left out.
enum AssignorRules {
    typealias Assignment = [String: [TopicPartition]]

    /// Each member's partitions, ascending; every member has an entry.
    static func assign(
        _ assignor: KafkaAssignor, partitionCounts: [String: Int], members: [MemberSubscription]
    ) -> Assignment {
        switch assignor {
        case .range: range(partitionCounts, members)
        case .roundRobin: roundRobin(partitionCounts, members)
        case .cooperativeSticky: CooperativeStickyRules(partitionCounts, members).assign()
        }
    }

    /// Static members by their own names come first, then the others by member id, as in Java's assignors.
    static func ordered(_ members: [MemberSubscription]) -> [MemberSubscription] {
        members.sorted { left, right in
            switch (left.groupInstanceID, right.groupInstanceID) {
            case (let one?, let other?): (one, left.memberID) < (other, right.memberID)
            case (_?, nil): true
            case (nil, _?): false
            case (nil, nil): left.memberID < right.memberID
            }
        }
    }

    /// Per topic: the first members get one partition more where the division leaves a rest.
    private static func range(_ partitionCounts: [String: Int], _ members: [MemberSubscription]) -> Assignment {
        var assignment = empty(members)
        for (topic, count) in partitionCounts {
            let subscribers = ordered(members.filter { $0.topics.contains(topic) })
            guard !subscribers.isEmpty else { continue }
            var next = 0
            for (index, member) in subscribers.enumerated() {
                let share = count / subscribers.count + (index < count % subscribers.count ? 1 : 0)
                for partition in next..<(next + share) {
                    assignment[member.memberID, default: []].append(
                        TopicPartition(topic: topic, partition: Int32(partition)))
                }
                next += share
            }
        }
        return assignment.mapValues { $0.sorted() }
    }

    /// All partitions in order, each to the next member that subscribes to its topic.
    private static func roundRobin(_ partitionCounts: [String: Int], _ members: [MemberSubscription]) -> Assignment {
        var assignment = empty(members)
        let ring = ordered(members)
        let wanted = Set(members.flatMap(\.topics))
        var position = 0
        for (topic, count) in partitionCounts.sorted(by: { $0.key < $1.key }) where wanted.contains(topic) {
            for partition in 0..<Int32(count) {
                while !ring[position % ring.count].topics.contains(topic) { position += 1 }
                assignment[ring[position % ring.count].memberID, default: []].append(
                    TopicPartition(topic: topic, partition: partition))
                position += 1
            }
        }
        return assignment.mapValues { $0.sorted() }
    }

    private static func empty(_ members: [MemberSubscription]) -> Assignment {
        Assignment(members.map { ($0.memberID, []) }, uniquingKeysWith: { first, _ in first })
    }
}
