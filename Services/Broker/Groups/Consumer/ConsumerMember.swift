import KafkaWire

/// A member of a group of the next-generation protocol (KIP-848), as its records hold it.
public struct ConsumerMember: Sendable, Hashable {
    /// What the member said about itself.
    public struct Subscription: Sendable, Hashable {
        public var instanceID: String?
        public var rackID: String?
        public var clientID = ""
        public var clientHost = ""
        public var rebalanceTimeout: Duration = .zero
        /// Ascending, without repetition.
        public var topicNames: [String] = []
        /// `nil` for none.
        public var topicRegex: String?
        /// What it wants the coordinator to assign with; `nil` leaves that to the others and the configuration.
        public var serverAssignor: String?

        public init() {}

        /// Whether the other subscription reaches other topics.
        func readsOtherTopics(than other: Subscription) -> Bool {
            topicNames != other.topicNames || topicRegex != other.topicRegex
        }

        /// Bytes that the member makes the coordinator keep.
        var byteCount: Int {
            topicNames.reduce(topicRegex?.utf8.count ?? 0) { $0 + $1.utf8.count }
        }
    }

    /// What it holds, and how far it has come towards its target.
    public struct Current: Sendable, Hashable {
        /// Kafka's numbers.
        public enum State: Int8, Sendable, Hashable, CaseIterable {
            /// It has reached the epoch it is in.
            case stable = 0
            /// It was told to give partitions up and has not said yet that it did.
            case unrevokedPartitions = 1
            /// It waits for partitions that others still hold.
            case unreleasedPartitions = 2
        }

        public var epoch: Int32 = 0
        public var previousEpoch: Int32 = 0
        public var state = State.stable
        public var assigned = AssignedPartitions()
        public var pendingRevocation = AssignedPartitions()

        public init() {}

        /// The epoch of a static member that is expected back.
        static let leftEpoch: Int32 = -2

        mutating func advance(to next: Int32) {
            if next == epoch { return }
            previousEpoch = epoch
            epoch = next
        }
    }

    public let memberID: String
    public var subscription: Subscription
    public var current: Current

    public init(memberID: String, subscription: Subscription = Subscription(), current: Current = Current()) {
        self.memberID = memberID
        self.subscription = subscription
        self.current = current
    }

    /// Whether it holds its target of this epoch, all of it and nothing else.
    func isReconciled(to epoch: Int32) -> Bool {
        current.state == .stable && current.epoch == epoch
    }
}
