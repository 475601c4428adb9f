import KafkaWire

/// An API that this build has messages for.
public struct APIDescription: Hashable, Sendable {
    /// The number in the request header.
    public let apiKey: APIKey
    /// Kafka's name, such as `Produce`.
    public let name: String
    /// The versions that the messages cover, without holes.
    public let versions: ClosedRange<Int16>
    /// The first version with compact lengths and tagged fields.
    public let firstFlexibleVersion: Int16
}

/// What the definitions say about each API; ``all`` is generated from them.
public enum MessageRegistry {
    /// The API of a key, or `nil` where this build has no messages for it.
    public static subscript(apiKey: APIKey) -> APIDescription? {
        byKey[apiKey]
    }

    /// The version of the ``RequestHeader`` that a request of this key and version has; `nil` for an unknown key.
    ///
    /// Also answers for versions outside the range, so that a server can read the header of a request it must refuse.
    public static func requestHeaderVersion(_ apiKey: APIKey, version: Int16) -> Int16? {
        byKey[apiKey].map { version >= $0.firstFlexibleVersion ? 2 : 1 }
    }

    /// The version of the ``ResponseHeader`` in front of the response; `nil` for an unknown key.
    public static func responseHeaderVersion(_ apiKey: APIKey, version: Int16) -> Int16? {
        byKey[apiKey].map { responseHeaderVersion(isFlexible: version >= $0.firstFlexibleVersion, apiKey: apiKey) }
    }

    /// ApiVersions always has version 0: a client that asked at a version the broker does not know must still be able
    /// to read the answer (KIP-511).
    static func responseHeaderVersion(isFlexible: Bool, apiKey: APIKey) -> Int16 {
        isFlexible && apiKey != .apiVersions ? 1 : 0
    }

    private static let byKey = Dictionary(uniqueKeysWithValues: all.map { ($0.apiKey, $0) })
}
