import KafkaWire

/// What the group rules know of the cluster's topics; the driver keeps it up to date.
public struct GroupTopics: Sendable, Hashable {
    /// One topic.
    public struct Topic: Sendable, Hashable {
        public var id: KafkaUUID
        public var partitions: Int32
        /// Not matched by patterns: a group that reads `__consumer_offsets` by accident would feed itself.
        public var isInternal: Bool

        public init(id: KafkaUUID, partitions: Int32, isInternal: Bool = false) {
            self.id = id
            self.partitions = partitions
            self.isInternal = isInternal
        }
    }

    public private(set) var byName: [String: Topic] = [:]
    private var names: [KafkaUUID: String] = [:]

    public init() {}

    public func name(of id: KafkaUUID) -> String? { names[id] }

    /// Whether an offset is of a topic that is gone, also where another one has its name by now.
    func isStale(_ name: String, _ offset: CommittedOffset) -> Bool {
        guard let topic = byName[name] else { return true }
        return offset.topicID != .zero && offset.topicID != topic.id
    }

    /// Takes note of a topic that was made, has grown or is gone (`nil`).
    mutating func set(_ name: String, _ topic: Topic?) {
        if let previous = byName[name] { names[previous.id] = nil }
        byName[name] = topic
        if let topic { names[topic.id] = name }
    }
}
