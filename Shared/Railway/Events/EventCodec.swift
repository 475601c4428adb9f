import FoundationEssentials

/// Turns events into JSON bytes and back.
///
/// Keys are sorted, so equal events have equal bytes. Decoding is bounded in size before anything is parsed.
public enum EventCodec {
    /// Largest value that is decoded, in bytes.
    public static let maximumValueBytes = 64 * 1024

    /// The event's JSON.
    public static func encode<Event: Encodable>(_ event: Event) throws(EventError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(event))
        } catch {
            throw .malformed("it has no JSON form (\(error))")
        }
    }

    /// The event in `bytes`.
    public static func decode<Event: Decodable>(
        _ type: Event.Type, from bytes: some Collection<UInt8>
    ) throws(EventError) -> Event {
        guard bytes.count <= maximumValueBytes else {
            throw .tooLarge(bytes: bytes.count, maximum: maximumValueBytes)
        }
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw .malformed(sentence(error))
        } catch {
            throw .malformed("\(error)")
        }
    }

    private static func sentence(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context):
            return "field '\(path(context.codingPath + [key]))' is missing"
        case .valueNotFound(_, let context):
            return "field '\(path(context.codingPath))' is null"
        case .typeMismatch(let type, let context):
            return context.codingPath.isEmpty
                ? "it is no JSON object" : "field '\(path(context.codingPath))' is no \(type)"
        case .dataCorrupted(let context):
            return context.codingPath.isEmpty
                ? context.debugDescription : "field '\(path(context.codingPath))': \(context.debugDescription)"
        @unknown default:
            return "\(error)"
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    }
}
