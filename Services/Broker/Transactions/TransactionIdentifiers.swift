import KafkaWire

/// A request that waits for its response; the driver makes them up and finds the connection again by them.
public struct TransactionTicket: IntegerIdentifier {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One append to `__transaction_state` whose outcome the coordinator waits for.
public struct TransactionToken: IntegerIdentifier {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// The driver's clocks at the moment of an input.
///
/// Short waits follow `uptime`; transactions and their ids expire by `wallMilliseconds`, which is in the log, so that
/// their time goes on over a restart.
public struct TransactionTime: Sendable, Hashable {
    /// Time of a clock that only goes forward, from any origin.
    public var uptime: Duration
    /// Milliseconds since 1970-01-01 UTC.
    public var wallMilliseconds: Int64

    public init(uptime: Duration, wallMilliseconds: Int64) {
        self.uptime = uptime
        self.wallMilliseconds = wallMilliseconds
    }
}

/// A producer's id with its epoch: what a transactional producer is fenced by.
public struct ProducerIdentity: Sendable, Hashable {
    public var id: ProducerID
    public var epoch: Int16

    public init(id: ProducerID, epoch: Int16) {
        self.id = id
        self.epoch = epoch
    }

    /// "No producer", as the protocol writes it.
    public static let none = ProducerIdentity(id: .none, epoch: noEpoch)

    /// "No epoch", as the protocol writes it.
    public static let noEpoch: Int16 = -1
    /// The last epoch a producer is given. One more is kept back, so that the coordinator can always fence.
    public static let lastEpoch = Int16.max - 1

    /// Whether the next instance needs a new id.
    public var isExhausted: Bool { epoch >= Self.lastEpoch }

    /// The same id one epoch later; stays at the largest.
    var bumped: ProducerIdentity {
        ProducerIdentity(id: id, epoch: epoch == Int16.max ? epoch : epoch + 1)
    }
}

/// The states of a transactional id, numbered as in `__transaction_state` and named as in DescribeTransactions.
public enum TransactionState: Int8, Sendable, Hashable, CaseIterable {
    /// A producer was initialized; it has no transaction yet.
    case empty = 0
    /// Partitions were added.
    case ongoing = 1
    /// The commit is decided; its markers are being written.
    case prepareCommit = 2
    /// The abort is decided; its markers are being written.
    case prepareAbort = 3
    /// Every marker of the commit is in its log.
    case completeCommit = 4
    /// Every marker of the abort is in its log.
    case completeAbort = 5
    /// The id is being forgotten.
    case dead = 6
    /// An older producer is being fenced. Never written: the log has `PrepareAbort` with the higher epoch instead.
    case prepareEpochFence = 7

    /// Kafka's name.
    public var name: String {
        switch self {
        case .empty: "Empty"
        case .ongoing: "Ongoing"
        case .prepareCommit: "PrepareCommit"
        case .prepareAbort: "PrepareAbort"
        case .completeCommit: "CompleteCommit"
        case .completeAbort: "CompleteAbort"
        case .dead: "Dead"
        case .prepareEpochFence: "PrepareEpochFence"
        }
    }

    /// The state of a name as DescribeTransactions spells it.
    public init?(name: String) {
        guard let state = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = state
    }

    /// Whether the outcome is decided and markers are on their way.
    public var isPrepared: Bool { self == .prepareCommit || self == .prepareAbort }

    /// Whether there is a transaction that can still be committed or aborted.
    public var isOpen: Bool { self == .ongoing || self == .prepareEpochFence }
}

/// How a client ends its transactions: the feature `transaction.version`.
public enum TransactionProtocol: Int16, Sendable, Hashable, Comparable {
    /// The epoch stays from one transaction to the next.
    case classic = 0
    /// Records of flexible versions; for clients the same as before.
    case flexible = 1
    /// Every end raises the epoch, and producing adds partitions (KIP-890, second part).
    case epochPerTransaction = 2

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
