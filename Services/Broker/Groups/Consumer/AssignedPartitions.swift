import KafkaWire

/// Partitions by topic id, as the next-generation protocol assigns them; no topic without a partition.
public struct AssignedPartitions: Sendable, Hashable {
    /// Never with an empty set.
    public private(set) var byTopic: [KafkaUUID: Set<Int32>] = [:]

    public init() {}

    public init(_ byTopic: [KafkaUUID: Set<Int32>]) {
        self.byTopic = byTopic.filter { !$0.value.isEmpty }
    }

    public var isEmpty: Bool { byTopic.isEmpty }
    public var count: Int { byTopic.values.reduce(0) { $0 + $1.count } }

    /// Every partition, by topic id and number.
    public var all: [TopicIDPartition] {
        sorted.flatMap { topic, partitions in partitions.map { TopicIDPartition(topicID: topic, partition: $0) } }
    }

    /// By topic id, each with its partitions in order.
    var sorted: [(topicID: KafkaUUID, partitions: [Int32])] {
        byTopic.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sorted()) }
    }

    func contains(_ partition: TopicIDPartition) -> Bool {
        byTopic[partition.topicID]?.contains(partition.partition) ?? false
    }

    mutating func insert(_ partition: TopicIDPartition) {
        byTopic[partition.topicID, default: []].insert(partition.partition)
    }

    mutating func remove(_ partition: TopicIDPartition) {
        byTopic[partition.topicID]?.remove(partition.partition)
        if byTopic[partition.topicID]?.isEmpty == true { byTopic[partition.topicID] = nil }
    }

    func intersection(_ other: AssignedPartitions) -> AssignedPartitions {
        AssignedPartitions(
            byTopic.reduce(into: [:]) { result, entry in
                result[entry.key] = entry.value.intersection(other.byTopic[entry.key] ?? [])
            })
    }

    func subtracting(_ other: AssignedPartitions) -> AssignedPartitions {
        AssignedPartitions(
            byTopic.reduce(into: [:]) { result, entry in
                result[entry.key] = entry.value.subtracting(other.byTopic[entry.key] ?? [])
            })
    }

    func union(_ other: AssignedPartitions) -> AssignedPartitions {
        var result = self
        for (topic, partitions) in other.byTopic { result.byTopic[topic, default: []].formUnion(partitions) }
        return result
    }

    func filter(_ isIncluded: (TopicIDPartition) -> Bool) -> AssignedPartitions {
        AssignedPartitions(
            byTopic.reduce(into: [:]) { result, entry in
                result[entry.key] = entry.value.filter {
                    isIncluded(TopicIDPartition(topicID: entry.key, partition: $0))
                }
            })
    }

    func isDisjoint(with other: AssignedPartitions) -> Bool {
        byTopic.allSatisfy { topic, partitions in partitions.isDisjoint(with: other.byTopic[topic] ?? []) }
    }

    func isSubset(of other: AssignedPartitions) -> Bool {
        byTopic.allSatisfy { topic, partitions in partitions.isSubset(of: other.byTopic[topic] ?? []) }
    }
}

/// One partition of the topic with this id.
public struct TopicIDPartition: Sendable, Hashable, Comparable {
    public var topicID: KafkaUUID
    public var partition: Int32

    public init(topicID: KafkaUUID, partition: Int32) {
        self.topicID = topicID
        self.partition = partition
    }

    public static func < (left: Self, right: Self) -> Bool {
        (left.topicID, left.partition) < (right.topicID, right.partition)
    }
}
