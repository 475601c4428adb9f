import KafkaWire

/// What a broker knows of the cluster: topics, their partitions and configurations, at one metadata offset.
///
/// An immutable snapshot by use: the one owner applies records to its copy and publishes the result.
public struct MetadataImage: Equatable, Sendable {
    /// One topic with its partitions, which are numbered from 0 without gaps.
    public struct Topic: Equatable, Sendable {
        public let name: String
        public let id: KafkaUUID
        public internal(set) var partitions: [PartitionRecord] = []
        /// Configuration values that were set; everything else has its default.
        public internal(set) var configurations: [String: String] = [:]

        /// Topics that the cluster keeps for itself.
        public var isInternal: Bool { TopicName.isInternal(name) }
    }

    public private(set) var topics: [String: Topic] = [:]
    private var names: [KafkaUUID: String] = [:]
    /// Values that were set for brokers and groups.
    private var configurations: [ConfigurationResource: [String: String]] = [:]
    /// The first producer id that nobody was given yet.
    public private(set) var nextProducerID: ProducerID = 0

    public init() {}

    /// The topic with this id.
    public func topic(id: KafkaUUID) -> Topic? {
        names[id].flatMap { topics[$0] }
    }

    /// The values that were set for a resource.
    public func configurations(of resource: ConfigurationResource) -> [String: String] {
        if resource.kind == .topic { return topics[resource.name]?.configurations ?? [:] }
        return configurations[resource] ?? [:]
    }

    /// The values of all brokers or of all groups, by their names.
    public func configurations(ofKind kind: ConfigurationResource.Kind) -> [String: [String: String]] {
        let found = configurations.filter { $0.key.kind == kind && !$0.value.isEmpty }
        return Dictionary(uniqueKeysWithValues: found.map { ($0.key.name, $0.value) })
    }

    /// Applies one record; the same records in the same order always give the same image.
    ///
    /// Records that speak of a topic that is gone are passed over: a removal may have been written between them.
    public mutating func apply(_ record: MetadataRecord) {
        switch record {
        case .topic(let name, let id):
            if let replaced = topics.updateValue(Topic(name: name, id: id), forKey: name) { names[replaced.id] = nil }
            names[id] = name
        case .partition(let partition):
            guard let name = names[partition.topicID] else { return }
            let index = Int(partition.partition)
            let count = topics[name]?.partitions.count ?? 0
            if (0..<count).contains(index) {
                topics[name]?.partitions[index] = partition
            } else if index == count {
                topics[name]?.partitions.append(partition)
            }
        case .config(let resource, let key, let value):
            if resource.kind == .topic {
                topics[resource.name]?.configurations[key] = value
            } else {
                configurations[resource, default: [:]][key] = value
            }
        case .removeTopic(let id):
            if let name = names.removeValue(forKey: id) { topics[name] = nil }
        case .producerIDs(_, let next):
            nextProducerID = max(nextProducerID, next)
        }
    }
}
