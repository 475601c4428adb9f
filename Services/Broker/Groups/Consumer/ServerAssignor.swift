import KafkaWire

/// A rule by which the coordinator assigns partitions to members.
public enum ServerAssignor: String, Sendable, Hashable, CaseIterable {
    /// Equal shares; members keep what they have as far as that allows.
    case uniform
    /// Of each topic a contiguous range, so that partitions of the same number come together.
    case range

    /// A member as an assignor sees it.
    struct Member: Sendable {
        var memberID: String
        var instanceID: String?
        /// Topics that exist and that it subscribes to.
        var topics: Set<KafkaUUID>
        var previous: AssignedPartitions
    }

    /// Gives every partition of a subscribed topic to exactly one member that subscribes to it.
    ///
    /// - Parameters:
    ///   - members: in any order; the outcome does not depend on it.
    ///   - partitions: how many partitions each topic has.
    func assign(_ members: [Member], partitions: [KafkaUUID: Int32]) -> [String: AssignedPartitions] {
        switch self {
        case .uniform: UniformAssignment(members, partitions: partitions).result
        case .range: Self.ranges(members, partitions: partitions)
        }
    }

    /// Static members come first and by instance id, so that a restart under a new member id moves nothing.
    private static func ranges(_ members: [Member], partitions: [KafkaUUID: Int32]) -> [String: AssignedPartitions] {
        let ordered = members.sorted { left, right in
            switch (left.instanceID, right.instanceID) {
            case (let left?, let right?): left < right
            case (_?, nil): true
            case (nil, _?): false
            case (nil, nil): left.memberID < right.memberID
            }
        }
        var result: [String: AssignedPartitions] = [:]
        for member in members { result[member.memberID] = AssignedPartitions() }
        for (topic, count) in partitions {
            let readers = ordered.filter { $0.topics.contains(topic) }
            if readers.isEmpty { continue }
            let (share, extra) = Int(count).quotientAndRemainder(dividingBy: readers.count)
            var next: Int32 = 0
            for (index, reader) in readers.enumerated() {
                let end = next + Int32(index < extra ? share + 1 : share)
                for partition in next..<end {
                    result[reader.memberID]?.insert(TopicIDPartition(topicID: topic, partition: partition))
                }
                next = end
            }
        }
        return result
    }
}
