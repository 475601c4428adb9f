import KafkaWire
import Metadata

/// A topic that somebody asks for, before anything was checked.
struct NewTopic: Sendable {
    var name: String
    /// -1: the broker's default.
    var partitions: Int32 = -1
    /// -1: the broker's default.
    var replicationFactor: Int16 = -1
    /// Replicas by partition where the client chose them; empty otherwise.
    var assignments: [Int32: [Int32]] = [:]
    var configurations: [String: String] = [:]
}

/// Why something about a topic was refused: the error's code, and which value met which limit.
struct TopicRefusal: Error, Sendable {
    let code: ErrorCode
    let message: String
}

/// The partitions that one request may still make, over all of its topics (`max.partitions.per.request`).
struct PartitionAllowance: Sendable {
    let limit: Int32
    private var left: Int32

    init(_ limit: Int32) {
        self.limit = limit
        left = limit
    }

    /// Throws where `count` are too many with those that were taken before.
    func check(_ count: Int32, for topic: String) throws(TopicRefusal) {
        guard count <= left else {
            throw TopicRefusal(
                code: .policyViolation,
                message: "with the \(count) partitions of '\(topic)' the request's topics pass "
                    + "max.partitions.per.request, \(limit)")
        }
    }

    mutating func take(_ count: Int32) { left -= min(left, count) }
}

extension NewTopic {
    /// The number of partitions the topic will have; throws when this broker cannot make it so.
    func checked(against configuration: BrokerConfiguration, node: BrokerID) throws(TopicRefusal) -> Int32 {
        if let problem = TopicName.problem(with: name) {
            throw TopicRefusal(code: .invalidTopicException, message: problem)
        }
        if name == TopicName.clusterMetadata {
            throw TopicRefusal(code: .invalidTopicException, message: "'\(name)' is the cluster's own log")
        }
        let count = assignments.isEmpty ? try checkedCount(configuration) : try checkedAssignments(node: node)
        guard count <= configuration.maximumPartitionsPerRequest else {
            throw TopicRefusal(
                code: .invalidPartitions,
                message: "\(count) partitions are over max.partitions.per.request,"
                    + " \(configuration.maximumPartitionsPerRequest)")
        }
        do {
            _ = try configuration.logConfiguration(topic: configurations)
        } catch {
            throw TopicRefusal(code: .invalidConfig, message: error.description)
        }
        return count
    }

    private func checkedCount(_ configuration: BrokerConfiguration) throws(TopicRefusal) -> Int32 {
        if partitions != -1, partitions < 1 {
            throw TopicRefusal(
                code: .invalidPartitions, message: "a topic has at least one partition, not \(partitions)")
        }
        if replicationFactor != -1, replicationFactor != 1 {
            throw TopicRefusal(
                code: .invalidReplicationFactor,
                message: "replication factor \(replicationFactor) does not fit one available broker")
        }
        return partitions == -1 ? configuration.defaultPartitions : partitions
    }

    private func checkedAssignments(node: BrokerID) throws(TopicRefusal) -> Int32 {
        if partitions != -1 || replicationFactor != -1 {
            throw TopicRefusal(
                code: .invalidRequest, message: "give either assignments, or a count and a replication factor")
        }
        let count = Int32(assignments.count)
        guard assignments.keys.sorted() == Array(0..<count) else {
            throw TopicRefusal(
                code: .invalidReplicaAssignment, message: "assigned partitions are not numbered 0 to \(count - 1)")
        }
        for (partition, replicas) in assignments where replicas != [node.rawValue] {
            throw TopicRefusal(
                code: .invalidReplicaAssignment,
                message: "partition \(partition) is assigned to \(replicas), where only broker \(node) is available")
        }
        return count
    }
}
