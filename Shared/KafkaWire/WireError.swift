/// Why bytes could not be read as the protocol's primitives.
///
/// Every case carries the numbers a log line needs; none is a programming error, all are a peer's or a disk's.
public enum WireError: Error, Hashable, Sendable {
    /// The field needs `needed` more bytes and only `remaining` are left.
    case truncated(needed: Int, remaining: Int)
    /// A length or count that is negative where that is not allowed, or larger than the bytes that remain.
    case invalidLength(Int)
    /// Arrays of more elements than the message may have in all.
    case tooManyElements(Int, limit: Int)
    /// A null where the field is not nullable at this version.
    case unexpectedNull
    /// A string that is not UTF-8.
    case invalidUTF8
    /// A varint of more bytes than its type can hold.
    case varintOverflow
    /// A tag that was repeated or out of order; KIP-482 wants tags ascending.
    case invalidTag(UInt32)
    /// A version outside the message's range.
    case unsupportedVersion(Int16)
    /// Bytes left after a complete message.
    case trailingBytes(Int)
    /// A field set by the caller that this version cannot carry and that may not be dropped.
    case fieldNotInVersion(String, Int16)
}

extension WireError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .truncated(let needed, let remaining): "needs \(needed) bytes, \(remaining) remain"
        case .invalidLength(let length): "length \(length) is not possible here"
        case .tooManyElements(let count, let limit):
            "an array of \(count) brings the message to more than \(limit) elements"
        case .unexpectedNull: "null where a value is required"
        case .invalidUTF8: "string is not UTF-8"
        case .varintOverflow: "varint is too long"
        case .invalidTag(let tag): "tag \(tag) is repeated or out of order"
        case .unsupportedVersion(let version): "version \(version) is not supported"
        case .trailingBytes(let count): "\(count) bytes follow the message"
        case .fieldNotInVersion(let field, let version): "\(field) cannot be sent at version \(version)"
        }
    }
}
