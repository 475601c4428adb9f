/// The attribute bits of a batch; unknown bits are kept.
public struct RecordBatchAttributes: RawRepresentable, Hashable, Sendable {
    /// The bits as they are on the wire.
    public var rawValue: Int16

    /// Any bits are accepted, known or not.
    public init(rawValue: Int16) { self.rawValue = rawValue }

    /// Attributes with these bits and no others.
    public init(
        compression: Compression, timestampType: TimestampType = .createTime, isTransactional: Bool = false,
        isControl: Bool = false
    ) {
        rawValue =
            compression.rawValue | (timestampType == .logAppendTime ? Self.logAppendTime : 0)
            | (isTransactional ? Self.transactional : 0) | (isControl ? Self.control : 0)
    }

    private static let codecMask: Int16 = 0b111
    private static let logAppendTime: Int16 = 1 << 3
    private static let transactional: Int16 = 1 << 4
    private static let control: Int16 = 1 << 5
    private static let deleteHorizon: Int16 = 1 << 6

    /// The codec's number; 5 to 7 are not in use.
    public var codec: Int { Int(rawValue & Self.codecMask) }

    /// The codec, or `nil` for a number that is not in use.
    public var compression: Compression? { Compression(rawValue: rawValue & Self.codecMask) }

    /// Whose clock the timestamps come from.
    public var timestampType: TimestampType {
        get { rawValue & Self.logAppendTime == 0 ? .createTime : .logAppendTime }
        set {
            switch newValue {
            case .createTime: rawValue &= ~Self.logAppendTime
            case .logAppendTime: rawValue |= Self.logAppendTime
            }
        }
    }

    /// Part of a transaction, or the marker that ends one.
    public var isTransactional: Bool { rawValue & Self.transactional != 0 }

    /// Holds control records, which consumers skip.
    public var isControl: Bool { rawValue & Self.control != 0 }

    /// The base timestamp is the time from which tombstones may go; only compaction sets it (KIP-534).
    public var hasDeleteHorizon: Bool {
        get { rawValue & Self.deleteHorizon != 0 }
        set { rawValue = newValue ? rawValue | Self.deleteHorizon : rawValue & ~Self.deleteHorizon }
    }

    /// Sets the codec and leaves the rest.
    mutating func setCompression(_ compression: Compression) {
        rawValue = rawValue & ~Self.codecMask | compression.rawValue
    }
}

/// Whose clock a batch's timestamps come from.
public enum TimestampType: Hashable, Sendable {
    /// The producer's: each record has its own.
    case createTime
    /// The broker's: all records have the batch's maximum timestamp.
    case logAppendTime
}
