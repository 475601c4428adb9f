import KafkaWire

/// A message of the protocol: one value for all of its versions.
///
/// A field that a version does not have keeps its default when read. When written it is dropped where it has its
/// default or the definition calls it ignorable; otherwise writing throws `fieldNotInVersion`.
public protocol KafkaMessage: Equatable, Sendable {
    /// The versions this build reads and writes.
    static var versions: ClosedRange<Int16> { get }

    /// The first version with compact lengths and tagged fields (KIP-482); `nil` for never.
    static var firstFlexibleVersion: Int16? { get }

    /// Reads the body from the front of `reader`; bytes behind it are left there.
    init(from reader: inout WireReader, version: Int16) throws(WireError)

    /// Appends the body. After an error `writer` holds a part of it and is of no more use.
    func write(to writer: inout WireWriter, version: Int16) throws(WireError)
}

extension KafkaMessage {
    /// Whether the version has compact lengths and tagged fields.
    public static func isFlexible(_ version: Int16) -> Bool {
        firstFlexibleVersion.map { version >= $0 } ?? false
    }
}

/// A request, and with it the type of its response; both have the same versions.
public protocol KafkaRequest: KafkaMessage {
    associatedtype Response: KafkaMessage

    static var apiKey: APIKey { get }
}

extension KafkaRequest {
    /// The version of the ``RequestHeader`` in front of this request.
    public static func requestHeaderVersion(_ version: Int16) -> Int16 {
        isFlexible(version) ? 2 : 1
    }

    /// The version of the ``ResponseHeader`` in front of the response.
    public static func responseHeaderVersion(_ version: Int16) -> Int16 {
        MessageRegistry.responseHeaderVersion(isFlexible: isFlexible(version), apiKey: apiKey)
    }
}
