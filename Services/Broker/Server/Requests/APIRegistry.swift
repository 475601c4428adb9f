import KafkaMessages
import KafkaWire
import Logging
import Metrics
import NIOCore

/// A response on its way.
enum PendingReply: Sendable {
    /// Bytes that a request may leave behind its body: librdkafka 2.16 leaves some after some of its requests.
    static let longestRest = 1024

    case ready([WirePiece])
    case later(@Sendable () async throws(WireError) -> [WirePiece])
    case none
    case close(reason: String)

    /// Whether what the request brought may still be in memory. Where it is not, its charge must not stay either: the
    /// reply may wait for one that waits for others, whom nobody would read from.
    var holdsRequest: Bool {
        if case .later = self { true } else { false }
    }

    /// Bytes of ours that it takes while it waits to be sent.
    var memoryBytes: Int {
        guard case .ready(let pieces) = self else { return 0 }
        return pieces.reduce(0) { sum, piece in
            if case .bytes(let bytes) = piece { sum + bytes.readableBytes } else { sum }
        }
    }
}

/// One API as the connections see it: bytes in, bytes out.
struct RegisteredAPI: Sendable {
    let key: APIKey
    /// What the handler can decode.
    let served: ClosedRange<Int16>
    /// What ApiVersions lists.
    let advertised: ClosedRange<Int16>
    /// What is missing, in words; empty when nothing is.
    let gaps: String
    let isFlexible: @Sendable (Int16) -> Bool
    let probe: RequestProbe
    let begin: @Sendable (WireReader, RequestHead, RequestContext) async throws(WireError) -> PendingReply

    init<Handler: APIHandler>(_ handler: Handler) {
        let key = Handler.Request.apiKey
        let probe = RequestProbe(api: key)
        self.key = key
        self.probe = probe
        served = Handler.Request.versions
        advertised = Handler.advertised
        gaps = Handler.gaps
        isFlexible = { Handler.Request.isFlexible($0) }
        begin = { (reader, head, context) async throws(WireError) -> PendingReply in
            var reader = reader
            let request = try Handler.Request(from: &reader, version: head.version)
            if reader.remaining > PendingReply.longestRest { throw .trailingBytes(reader.remaining) }
            switch await handler.handle(request, context) {
            case .now(let response):
                return .ready(try Self.encode(response, for: head))
            case .later(let response):
                return .later { () async throws(WireError) in try Self.encode(await response(), for: head) }
            case .none:
                return .none
            case .close(let reason):
                return .close(reason: reason)
            }
        }
    }

    /// The response header's two versions differ by a tagged section; ApiVersions never has it, so that a client of
    /// any age can read the answer.
    static func encode<Response: KafkaMessage>(
        _ response: Response, for head: RequestHead
    ) throws(WireError) -> [WirePiece] {
        var writer = WireWriter()
        writer.write(head.correlationID)
        if Response.isFlexible(head.version), head.apiKey != .apiVersions { try writer.writeTaggedFields() }
        try response.write(to: &writer, version: head.version)
        return writer.finish()
    }
}

/// All APIs of a broker, by key: the one place that says what is served.
struct APIRegistry: Sendable {
    private let entries: [Int16: RegisteredAPI]

    init(_ apis: [RegisteredAPI]) {
        entries = Dictionary(uniqueKeysWithValues: apis.map { ($0.key.rawValue, $0) })
    }

    subscript(key: APIKey) -> RegisteredAPI? { entries[key.rawValue] }

    /// Ascending by key, as ApiVersions answers them.
    var all: [RegisteredAPI] { entries.values.sorted { $0.key.rawValue < $1.key.rawValue } }
}
