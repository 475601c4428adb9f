import KafkaWire

/// A committed offset, as its record holds it.
public struct CommittedOffset: Sendable, Hashable {
    /// The next record the group will read.
    public var offset: Offset
    /// The epoch of the last record it has read, so that a truncated log is noticed.
    public var leaderEpoch: LeaderEpoch
    /// The client's own words.
    public var metadata: String
    /// Wall clock in milliseconds.
    public var commitTimestamp: Int64
    /// Wall clock in milliseconds, for a commit with a retention of its own.
    public var expireTimestamp: Int64?

    public init(
        offset: Offset, leaderEpoch: LeaderEpoch = .none, metadata: String = "", commitTimestamp: Int64,
        expireTimestamp: Int64? = nil
    ) {
        self.offset = offset
        self.leaderEpoch = leaderEpoch
        self.metadata = metadata
        self.commitTimestamp = commitTimestamp
        self.expireTimestamp = expireTimestamp
    }
}

/// The committed offsets of one group, and how many commits of each partition are on their way to the log.
///
/// An offset is here if and only if its record is committed.
public struct OffsetsTable: Sendable {
    private var byTopic: [String: [Int32: CommittedOffset]] = [:]
    private var pending: [TopicPartition: Int] = [:]

    public init() {}

    /// True when nothing is stored and nothing on its way.
    public var isEmpty: Bool { byTopic.isEmpty && pending.isEmpty }

    /// The number of partitions with a committed offset.
    public var count: Int { byTopic.values.reduce(0) { $0 + $1.count } }

    public subscript(topicPartition: TopicPartition) -> CommittedOffset? {
        byTopic[topicPartition.topic]?[topicPartition.partition]
    }

    /// Everything, by topic and partition.
    public var all: [(topicPartition: TopicPartition, offset: CommittedOffset)] {
        byTopic.sorted { $0.key < $1.key }.flatMap { topic, partitions in
            partitions.sorted { $0.key < $1.key }.map { (TopicPartition(topic: topic, partition: $0.key), $0.value) }
        }
    }

    /// Applies a committed record; `nil` is a tombstone. Live commits and the replay at start-up both come this way.
    public mutating func apply(_ topicPartition: TopicPartition, _ offset: CommittedOffset?) {
        if let offset {
            byTopic[topicPartition.topic, default: [:]][topicPartition.partition] = offset
        } else {
            byTopic[topicPartition.topic]?[topicPartition.partition] = nil
            if byTopic[topicPartition.topic]?.isEmpty == true { byTopic[topicPartition.topic] = nil }
        }
    }

    // MARK: Commits on their way

    mutating func began(_ topicPartition: TopicPartition) {
        pending[topicPartition, default: 0] += 1
    }

    mutating func ended(_ topicPartition: TopicPartition) {
        guard let count = pending[topicPartition] else { return }
        pending[topicPartition] = count > 1 ? count - 1 : nil
    }

    /// Whether a commit of this partition is on its way.
    public func isPending(_ topicPartition: TopicPartition) -> Bool { pending[topicPartition] != nil }

    // MARK: Retention

    /// Partitions whose offsets are past their retention: none that is subscribed, none with a commit on its way.
    func expired(
        at wallMilliseconds: Int64, retentionMilliseconds: Int64, from start: GroupStateMachine.RetentionStart,
        subscribedTopics: Set<String>
    ) -> [TopicPartition] {
        all.compactMap { topicPartition, offset in
            if subscribedTopics.contains(topicPartition.topic) || isPending(topicPartition) { return nil }
            let due: Int64
            switch (offset.expireTimestamp, start) {
            case (_, .never): return nil
            case (let explicit?, _): due = explicit
            case (nil, .commit): due = offset.commitTimestamp &+ retentionMilliseconds
            case (nil, .moment(let moment)): due = moment &+ retentionMilliseconds
            }
            return due <= wallMilliseconds ? topicPartition : nil
        }
    }
}
