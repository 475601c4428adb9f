/// A station's id, such as `NATION`.
///
/// Letters, digits, `_` and `-`, 1 to 64 of them: ids become parts of keys, event ids and addresses.
public struct StationID: Hashable, Sendable, RawRepresentable, LosslessStringConvertible, ExpressibleByStringLiteral {
    /// The id as text.
    public let rawValue: String

    /// The id, or nil when the text is none.
    public init?(rawValue: String) {
        guard isIdentifier(rawValue) else { return nil }
        self.rawValue = rawValue
    }

    /// The id, or nil when the text is none.
    public init?(_ description: String) { self.init(rawValue: description) }

    /// An id written in source code; a text that is none is a programming error.
    public init(stringLiteral value: String) {
        precondition(isIdentifier(value), "a station id has letters, digits, '_' and '-' only")
        self.rawValue = value
    }

    /// The text form.
    public var description: String { rawValue }
}

extension StationID: Comparable, Codable {
    /// Ordered as the parts are.
    public static func < (left: StationID, right: StationID) -> Bool { left.rawValue < right.rawValue }

    /// Reads the coded form; refuses what is outside the bounds with a sentence.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let id = StationID(text) else { throw decoder.refusal("'\(text.prefix(64))' is no station id") }
        self = id
    }

    /// Writes the text form or the fields.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

/// A line's id, such as `M1`; letters, digits, `_` and `-`, 1 to 64 of them.
public struct LineID: Hashable, Sendable, RawRepresentable, LosslessStringConvertible, ExpressibleByStringLiteral {
    /// The id as text.
    public let rawValue: String

    /// The id, or nil when the text is none.
    public init?(rawValue: String) {
        guard isIdentifier(rawValue) else { return nil }
        self.rawValue = rawValue
    }

    /// The id, or nil when the text is none.
    public init?(_ description: String) { self.init(rawValue: description) }

    /// An id written in source code; a text that is none is a programming error.
    public init(stringLiteral value: String) {
        precondition(isIdentifier(value), "a line id has letters, digits, '_' and '-' only")
        self.rawValue = value
    }

    /// The text form.
    public var description: String { rawValue }
}

extension LineID: Comparable, Codable {
    /// Ordered as the parts are.
    public static func < (left: LineID, right: LineID) -> Bool { left.rawValue < right.rawValue }

    /// Reads the coded form; refuses what is outside the bounds with a sentence.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let id = LineID(text) else { throw decoder.refusal("'\(text.prefix(64))' is no line id") }
        self = id
    }

    /// Writes the text form or the fields.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

/// Whether `text` can be an id: 1 to 64 ASCII letters, digits, `_` or `-`.
func isIdentifier(_ text: some StringProtocol) -> Bool {
    let bytes = text.utf8
    guard !bytes.isEmpty, bytes.count <= 64 else { return false }
    return bytes.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
