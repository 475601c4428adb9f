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
    /// The topic that was committed for, which a later one of the same name is not; zero where the record does not
    /// say: Kafka's older formats, and the one with a retention of its own.
    public var topicID: KafkaUUID

    public init(
        offset: Offset, leaderEpoch: LeaderEpoch = .none, metadata: String = "", commitTimestamp: Int64,
        expireTimestamp: Int64? = nil, topicID: KafkaUUID = .zero
    ) {
        self.offset = offset
        self.leaderEpoch = leaderEpoch
        self.metadata = metadata
        self.commitTimestamp = commitTimestamp
        self.expireTimestamp = expireTimestamp
        self.topicID = topicID
    }
}

/// The committed offsets of one group, those of open transactions, and what is on its way to the log.
///
/// An offset is here if and only if its record is committed; one of a transaction counts from its commit marker on.
public struct OffsetsTable: Sendable {
    /// An offset with its place in the log: of two, the one that was written later counts.
    struct Stored: Sendable {
        var offset: CommittedOffset
        var order: UInt64
    }

    /// Appends of one partition's offset whose outcome is awaited.
    struct UnderWay: Sendable {
        var plain = 0
        var transactional = 0
    }

    var byTopic: [String: [Int32: Stored]] = [:]
    /// By producer, what its transaction will commit.
    var transactions: [ProducerID: [TopicPartition: Stored]] = [:]
    var underWay: [TopicPartition: UnderWay] = [:]
    /// Records are applied in the log's order, live as in a replay, so counting them tells which one came later.
    private var lastOrder: UInt64 = 0

    public init() {}

    /// True when nothing is stored, nothing pending and nothing on its way.
    public var isEmpty: Bool { byTopic.isEmpty && transactions.isEmpty && underWay.isEmpty }

    /// The number of partitions with a committed offset.
    public var count: Int { byTopic.values.reduce(0) { $0 + $1.count } }

    public subscript(topicPartition: TopicPartition) -> CommittedOffset? {
        byTopic[topicPartition.topic]?[topicPartition.partition]?.offset
    }

    /// Everything, by topic and partition.
    public var all: [(topicPartition: TopicPartition, offset: CommittedOffset)] {
        byTopic.sorted { $0.key < $1.key }.flatMap { topic, partitions in
            partitions.sorted { $0.key < $1.key }.map {
                (TopicPartition(topic: topic, partition: $0.key), $0.value.offset)
            }
        }
    }

    /// Applies a committed record; `nil` is a tombstone, which also ends what transactions have pending there. Live
    /// commits and the replay at start-up both come this way.
    public mutating func apply(_ topicPartition: TopicPartition, _ offset: CommittedOffset?) {
        if let offset {
            store(topicPartition, stored(offset))
        } else {
            byTopic[topicPartition.topic]?[topicPartition.partition] = nil
            if byTopic[topicPartition.topic]?.isEmpty == true { byTopic[topicPartition.topic] = nil }
            for producer in transactions.keys { transactions[producer]?[topicPartition] = nil }
        }
    }

    func order(of topicPartition: TopicPartition) -> UInt64? {
        byTopic[topicPartition.topic]?[topicPartition.partition]?.order
    }

    mutating func store(_ topicPartition: TopicPartition, _ stored: Stored) {
        byTopic[topicPartition.topic, default: [:]][topicPartition.partition] = stored
    }

    mutating func stored(_ offset: CommittedOffset) -> Stored {
        lastOrder += 1
        return Stored(offset: offset, order: lastOrder)
    }

    // MARK: Commits on their way

    mutating func began(_ topicPartition: TopicPartition, isTransactional: Bool = false) {
        if isTransactional {
            underWay[topicPartition, default: UnderWay()].transactional += 1
        } else {
            underWay[topicPartition, default: UnderWay()].plain += 1
        }
    }

    mutating func ended(_ topicPartition: TopicPartition, isTransactional: Bool = false) {
        guard var counts = underWay[topicPartition] else { return }
        if isTransactional { counts.transactional -= 1 } else { counts.plain -= 1 }
        underWay[topicPartition] = counts.plain == 0 && counts.transactional == 0 ? nil : counts
    }

    /// Whether a commit of this partition is on its way to the log or waits for the end of its transaction.
    public func isPending(_ topicPartition: TopicPartition) -> Bool {
        underWay[topicPartition] != nil || isUnstable(topicPartition)
    }

    // MARK: Retention

    /// Partitions with nothing but offsets that pass the test, stored or pending, and none on its way to the log.
    func positions(where test: (String, CommittedOffset) -> Bool) -> [TopicPartition] {
        let stored = all.map(\.topicPartition)
        return Set(stored + pendingPartitions).sorted().filter { position in
            let pending = transactions.values.compactMap { $0[position]?.offset }
            let offsets = pending + (self[position].map { [$0] } ?? [])
            return underWay[position] == nil && offsets.allSatisfy { test(position.topic, $0) }
        }
    }

    /// Partitions whose offsets are past their retention: none that is subscribed, none with a commit pending. Those
    /// of deleted topics are past it at once.
    func expired(
        at wallMilliseconds: Int64, retentionMilliseconds: Int64, from start: RetentionStart,
        isSubscribed: (String) -> Bool, isOfDeletedTopic: (String, CommittedOffset) -> Bool
    ) -> [TopicPartition] {
        all.compactMap { topicPartition, offset in
            if isPending(topicPartition) { return nil }
            if isOfDeletedTopic(topicPartition.topic, offset) { return topicPartition }
            if isSubscribed(topicPartition.topic) { return nil }
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

/// From when on an offset's retention counts (KIP-211).
enum RetentionStart: Sendable, Hashable {
    /// From its own commit.
    case commit
    /// From a wall-clock time in milliseconds: when the group lost its last member.
    case moment(Int64)
    /// It is kept.
    case never
}
