import KafkaWire

/// A request that waits for its response; the driver makes them up and finds the connection again by them.
public struct RequestTicket: IntegerIdentifier {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One append to `__consumer_offsets` whose outcome the coordinator waits for.
public struct CommitToken: IntegerIdentifier {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One group metadata record that a ``GroupStateMachine`` wants to have appended.
public struct PersistID: IntegerIdentifier {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// The number of rebalances a group has completed; what members are fenced by.
public struct Generation: IntegerIdentifier {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
    /// "No generation", as the protocol writes it.
    public static let none = Generation(rawValue: -1)

    /// The one after; starts over at 1 after 2^31 - 1.
    var next: Generation { rawValue == Int32.max ? 1 : Generation(rawValue: rawValue + 1) }
}

/// The driver's clocks at the moment of an input.
///
/// Timeouts follow `uptime`, so a step of the wall clock expires nobody; records and offset retention carry
/// `wallMilliseconds`, so they keep their meaning over a restart.
public struct CoordinatorTime: Sendable, Hashable {
    /// Time of a clock that only goes forward, from any origin.
    public var uptime: Duration
    /// Milliseconds since 1970-01-01 UTC.
    public var wallMilliseconds: Int64

    public init(uptime: Duration, wallMilliseconds: Int64) {
        self.uptime = uptime
        self.wallMilliseconds = wallMilliseconds
    }
}

/// The five states of a classic consumer group.
public enum GroupState: String, Sendable, Hashable, CaseIterable {
    /// No members; there may be committed offsets.
    case empty = "Empty"
    /// Members are asked to join again; the generation's members are not known yet.
    case preparingRebalance = "PreparingRebalance"
    /// The generation's members are known; the leader's assignment is awaited or on its way to the log.
    case completingRebalance = "CompletingRebalance"
    /// Every member has an assignment of the current generation.
    case stable = "Stable"
    /// The group's removal is on its way to the log, or its partition has moved away.
    case dead = "Dead"

    /// The states that may come after this one.
    var successors: Set<GroupState> {
        switch self {
        case .empty: [.preparingRebalance, .dead]
        case .preparingRebalance: [.completingRebalance, .empty, .dead]
        case .completingRebalance: [.stable, .preparingRebalance, .dead]
        case .stable: [.preparingRebalance, .dead]
        case .dead: [.empty, .dead]
        }
    }
}
