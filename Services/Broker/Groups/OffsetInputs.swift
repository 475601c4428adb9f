import KafkaWire

/// The producer whose transaction a commit belongs to.
public struct TransactionalProducer: Sendable, Hashable {
    public var id: ProducerID
    public var epoch: Int16

    public init(id: ProducerID, epoch: Int16) {
        self.id = id
        self.epoch = epoch
    }
}

/// An OffsetCommit or TxnOffsetCommit request.
public struct OffsetCommitInput: Sendable, Hashable {
    /// One partition of the commit.
    public struct Partition: Sendable, Hashable {
        public var topicPartition: TopicPartition
        /// Version 10 and later; carried to the answer.
        public var topicId: KafkaUUID
        public var offset: Offset
        public var leaderEpoch: LeaderEpoch
        public var metadata: String
        /// Set by the driver when it refuses this partition for a reason of its own, such as an unknown topic.
        public var refusal: ErrorCode?

        public init(
            _ topicPartition: TopicPartition, topicId: KafkaUUID = .zero, offset: Offset,
            leaderEpoch: LeaderEpoch = .none, metadata: String = "", refusal: ErrorCode? = nil
        ) {
            self.topicPartition = topicPartition
            self.topicId = topicId
            self.offset = offset
            self.leaderEpoch = leaderEpoch
            self.metadata = metadata
            self.refusal = refusal
        }
    }

    public var ticket: RequestTicket
    public var groupId: String
    /// An empty id and no generation is a simple consumer, which only an empty group accepts.
    public var member: MemberIdentity
    public var generation: Generation
    /// Versions 2 to 4: a retention of the client's own.
    public var retention: Duration?
    public var partitions: [Partition]
    /// Version 9 and later: a missing group is `GROUP_ID_NOT_FOUND`, before it was `ILLEGAL_GENERATION`.
    public var knowsGroupIdNotFound: Bool
    /// Set for a transactional commit, which counts from the marker of the producer's transaction on.
    public var producer: TransactionalProducer?

    var isTransactional: Bool { producer != nil }

    public init(
        ticket: RequestTicket, groupId: String, member: MemberIdentity = MemberIdentity(memberId: ""),
        generation: Generation = .none, retention: Duration? = nil, partitions: [Partition],
        knowsGroupIdNotFound: Bool = true, producer: TransactionalProducer? = nil
    ) {
        self.ticket = ticket
        self.groupId = groupId
        self.member = member
        self.generation = generation
        self.retention = retention
        self.partitions = partitions
        self.knowsGroupIdNotFound = knowsGroupIdNotFound
        self.producer = producer
    }
}

/// One group of a DeleteGroups request.
public struct GroupDeletionInput: Sendable, Hashable {
    public var ticket: RequestTicket
    public var groupId: String

    public init(ticket: RequestTicket, groupId: String) {
        self.ticket = ticket
        self.groupId = groupId
    }
}

/// An OffsetDelete request.
public struct OffsetDeletionInput: Sendable, Hashable {
    /// One partition whose offset is to go.
    public struct Partition: Sendable, Hashable {
        public var topicPartition: TopicPartition
        /// Set by the driver when it refuses this partition, such as for an unknown topic.
        public var refusal: ErrorCode?

        public init(_ topicPartition: TopicPartition, refusal: ErrorCode? = nil) {
            self.topicPartition = topicPartition
            self.refusal = refusal
        }
    }

    public var ticket: RequestTicket
    public var groupId: String
    public var partitions: [Partition]

    public init(ticket: RequestTicket, groupId: String, partitions: [Partition]) {
        self.ticket = ticket
        self.groupId = groupId
        self.partitions = partitions
    }
}
