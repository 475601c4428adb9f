import KafkaWire
import NIOCore

/// The answer to one request.
public enum GroupReply: Sendable, Hashable {
    case join(JoinReply)
    case sync(SyncReply)
    case heartbeat(ErrorCode)
    case leave(LeaveReply)
    case offsetCommit(OffsetCommitReply)
    case groupDeletion(ErrorCode)
    case offsetDeletion(OffsetDeletionReply)
    case consumerHeartbeat(ConsumerHeartbeatReply)

    /// The error as a whole; `NONE` where only parts of the request failed.
    public var errorCode: ErrorCode {
        switch self {
        case .join(let reply): reply.errorCode
        case .sync(let reply): reply.errorCode
        case .heartbeat(let code), .groupDeletion(let code): code
        case .leave(let reply): reply.errorCode
        case .offsetCommit: .none
        case .offsetDeletion(let reply): reply.errorCode
        case .consumerHeartbeat(let reply): reply.errorCode
        }
    }
}

/// What JoinGroup answers.
public struct JoinReply: Sendable, Hashable {
    /// A member as the leader sees it.
    public struct Member: Sendable, Hashable {
        public var memberId: String
        public var groupInstanceId: String?
        /// Under the selected protocol.
        public var metadata: ByteBuffer

        public init(memberId: String, groupInstanceId: String?, metadata: ByteBuffer) {
            self.memberId = memberId
            self.groupInstanceId = groupInstanceId
            self.metadata = metadata
        }
    }

    public var errorCode: ErrorCode = .none
    public var generation: Generation = .none
    public var protocolType: String?
    public var protocolName: String?
    public var leader = ""
    public var skipAssignment = false
    public var memberId: String
    /// Empty for all but the leader.
    public var members: [Member] = []

    /// A refusal; further fields stay at the protocol's "none".
    public init(_ errorCode: ErrorCode, memberId: String) {
        self.errorCode = errorCode
        self.memberId = memberId
    }
}

/// What SyncGroup answers.
public struct SyncReply: Sendable, Hashable {
    public var errorCode: ErrorCode
    public var protocolType: String?
    public var protocolName: String?
    public var assignment: ByteBuffer

    public init(
        _ errorCode: ErrorCode, protocolType: String? = nil, protocolName: String? = nil,
        assignment: ByteBuffer = ByteBuffer()
    ) {
        self.errorCode = errorCode
        self.protocolType = protocolType
        self.protocolName = protocolName
        self.assignment = assignment
    }
}

/// What LeaveGroup answers.
public struct LeaveReply: Sendable, Hashable {
    /// One member of the request, in its order.
    public struct Member: Sendable, Hashable {
        public var identity: MemberIdentity
        public var errorCode: ErrorCode

        public init(identity: MemberIdentity, errorCode: ErrorCode) {
            self.identity = identity
            self.errorCode = errorCode
        }
    }

    public var errorCode: ErrorCode
    public var members: [Member]

    public init(_ errorCode: ErrorCode, members: [Member] = []) {
        self.errorCode = errorCode
        self.members = members
    }
}

/// What OffsetCommit answers: one error code per partition, in the request's order.
public struct OffsetCommitReply: Sendable, Hashable {
    /// One partition's outcome.
    public struct Partition: Sendable, Hashable {
        public var topicPartition: TopicPartition
        public var topicId: KafkaUUID
        public var errorCode: ErrorCode

        public init(topicPartition: TopicPartition, topicId: KafkaUUID = .zero, errorCode: ErrorCode) {
            self.topicPartition = topicPartition
            self.topicId = topicId
            self.errorCode = errorCode
        }
    }

    public var partitions: [Partition]

    public init(partitions: [Partition]) {
        self.partitions = partitions
    }
}

/// What OffsetDelete answers: an error for the whole, or one per partition in the request's order.
public struct OffsetDeletionReply: Sendable, Hashable {
    public var errorCode: ErrorCode
    public var partitions: [OffsetCommitReply.Partition]

    public init(_ errorCode: ErrorCode, partitions: [OffsetCommitReply.Partition] = []) {
        self.errorCode = errorCode
        self.partitions = partitions
    }
}

/// What one group asks of its surroundings.
public enum GroupAction: Sendable, Hashable {
    /// Answer a request; a ticket is answered exactly once.
    case reply(RequestTicket, GroupReply)
    /// Append this snapshot of the group and report the outcome under its id.
    case persist(PersistID, GroupMetadata)
}
