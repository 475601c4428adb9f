import KafkaMessages
import KafkaWire
import NIOCore

/// The first fields of every request: what it asks, in which version, and the number its response must carry.
struct RequestHead: Equatable, Sendable {
    let apiKey: APIKey
    let version: Int16
    let correlationID: Int32

    /// The fixed part, which every version of the header starts with.
    init(from reader: inout WireReader) throws(WireError) {
        apiKey = APIKey(rawValue: try reader.readInt16())
        version = try reader.readInt16()
        correlationID = try reader.readInt32()
    }

    /// The client's name for itself, and the tagged section where the header has one.
    static func readRest(from reader: inout WireReader, isFlexible: Bool) throws(WireError) -> String? {
        let clientID = try reader.readNullableString(flexible: false)
        if isFlexible { try reader.readTaggedFields() }
        return clientID
    }
}
