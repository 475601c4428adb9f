import NIOCore

/// What a record of a control batch says; consumers skip such batches. Source: KIP-98, "Control Messages".
public enum ControlRecord: Hashable, Sendable {
    /// The producer's transaction is aborted.
    case abort
    /// The producer's transaction is committed.
    case commit
    /// A type of other parts of the protocol, such as Raft's leader change.
    case other(Int16)

    private static let currentVersion: Int16 = 0

    /// The number in the record's key.
    public var type: Int16 {
        switch self {
        case .abort: 0
        case .commit: 1
        case .other(let type): type
        }
    }

    /// Reads a control record's key: version and type, and perhaps more in later versions.
    public init(key: ByteBuffer?) throws(RecordError) {
        var key = key ?? ByteBuffer()
        guard let (version, type) = key.readMultipleIntegers(endianness: .big, as: (Int16, Int16).self),
            version >= Self.currentVersion
        else { throw .malformedRecord("the control key") }
        self =
            switch type {
            case 0: .abort
            case 1: .commit
            default: .other(type)
            }
    }

    /// The record's key.
    public var key: ByteBuffer {
        var key = ByteBuffer()
        key.writeMultipleIntegers(Self.currentVersion, type, endianness: .big)
        return key
    }

    /// The value of a record that ends a transaction.
    /// - Parameter coordinatorEpoch: the epoch of the transaction coordinator that decided it.
    public static func endTransactionValue(coordinatorEpoch: Int32) -> ByteBuffer {
        var value = ByteBuffer()
        value.writeMultipleIntegers(currentVersion, coordinatorEpoch, endianness: .big)
        return value
    }
}
