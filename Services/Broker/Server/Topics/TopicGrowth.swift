import KafkaWire
import Metadata

/// Partitions that somebody asks to be added to a topic, before anything was checked.
struct TopicGrowth: Sendable {
    let name: String
    /// How many there shall be in the end.
    let count: Int32
    /// The replicas of each added partition where the client chose them.
    var assignments: [[Int32]]?

    /// The numbers of the partitions to add to a topic that has `current`; throws when they cannot be added.
    func checked(
        current: Int32, against configuration: BrokerConfiguration
    ) throws(TopicRefusal) -> Range<Int32> {
        if TopicName.isInternal(name) {
            throw TopicRefusal(
                code: .invalidTopicException,
                message: "'\(name)' is internal: what belongs to which of its partitions depends on their number")
        }
        if count == current {
            throw TopicRefusal(code: .invalidPartitions, message: "topic '\(name)' has \(current) partitions already")
        }
        if count < current {
            throw TopicRefusal(
                code: .invalidPartitions,
                message: "topic '\(name)' has \(current) partitions, \(count) would not be more")
        }
        let added = current..<count
        guard added.count <= configuration.maximumPartitionsPerRequest else {
            throw TopicRefusal(
                code: .invalidPartitions,
                message: "\(added.count) more partitions are over max.partitions.per.request,"
                    + " \(configuration.maximumPartitionsPerRequest)")
        }
        if let assignments { try check(assignments, of: added, node: configuration.nodeID) }
        return added
    }

    private func check(
        _ assignments: [[Int32]], of added: Range<Int32>, node: BrokerID
    ) throws(TopicRefusal) {
        guard assignments.count == added.count else {
            throw TopicRefusal(
                code: .invalidReplicaAssignment,
                message: "\(added.count) partitions are to be added, but \(assignments.count) are assigned")
        }
        for (partition, replicas) in zip(added, assignments) where replicas != [node.rawValue] {
            throw TopicRefusal(
                code: .invalidReplicaAssignment,
                message: "partition \(partition) is assigned to \(replicas), where only broker \(node) is available")
        }
    }
}
