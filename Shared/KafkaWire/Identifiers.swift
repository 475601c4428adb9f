/// An id or offset that is an integer on the wire and a type of its own in code.
public protocol IntegerIdentifier: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible,
    ExpressibleByIntegerLiteral
where RawValue: FixedWidthInteger & Sendable {
    init(rawValue: RawValue)
}

extension IntegerIdentifier {
    public init(_ rawValue: RawValue) { self.init(rawValue: rawValue) }
    public init(integerLiteral value: RawValue) { self.init(rawValue: value) }
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    public var description: String { String(rawValue) }
}

/// The position of a record in a partition; the first record ever written has offset 0.
public struct Offset: IntegerIdentifier {
    public let rawValue: Int64
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// The offset `count` records further on.
    public static func + (left: Offset, count: Int64) -> Offset { Offset(rawValue: left.rawValue &+ count) }
    public static func - (left: Offset, count: Int64) -> Offset { Offset(rawValue: left.rawValue &- count) }
    /// The number of offsets from `right` up to `left`.
    public static func - (left: Offset, right: Offset) -> Int64 { left.rawValue &- right.rawValue }
}

/// The number of times a partition has changed its leader; -1 where unknown.
public struct LeaderEpoch: IntegerIdentifier {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
    /// "No epoch known", as the protocol writes it.
    public static let none = LeaderEpoch(rawValue: -1)
}

/// The identity an idempotent or transactional producer was given; -1 for a producer without one.
public struct ProducerID: IntegerIdentifier {
    public let rawValue: Int64
    public init(rawValue: Int64) { self.rawValue = rawValue }
    /// A producer that is not idempotent.
    public static let none = ProducerID(rawValue: -1)
}

/// A broker's number within its cluster.
public struct BrokerID: IntegerIdentifier {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
}

/// One partition of one topic.
public struct TopicPartition: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var topic: String
    public var partition: Int32

    public init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    /// By topic, then by partition number.
    public static func < (left: TopicPartition, right: TopicPartition) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }

    /// Kafka's own spelling, `topic-partition`; also the name of the partition's folder on disk.
    public var description: String { "\(topic)-\(partition)" }
}
