/// A span has ended, in the shape of OTLP's JSON. Topic `spans`, key trace id.
public struct SpanEnded: RailwayEvent {
    /// 32 lower-case hexadecimal digits.
    public let traceId: String
    /// 16 lower-case hexadecimal digits.
    public let spanId: String
    /// 16 lower-case hexadecimal digits; nil at the root.
    public let parentSpanId: String?
    /// What was done, such as `station-events publish`.
    public let name: String
    /// OTLP's kind: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    public let kind: Int
    /// The service that did it.
    public let service: String
    /// Start in nanoseconds since the epoch; text, as OTLP writes 64-bit numbers.
    public let startTimeUnixNano: String
    /// End in nanoseconds since the epoch.
    public let endTimeUnixNano: String
    /// What else is known of it.
    public let attributes: [String: String]
    /// Whether it failed.
    public let isError: Bool
    /// Event time: when it ended.
    public let at: OffsetDateTime

    /// Most attributes of one span.
    public static let maximumAttributes = 64

    /// A span that ended at `endTimeUnixNano`; attributes over the bound are left out, last names first.
    public init(
        traceId: String, spanId: String, parentSpanId: String?, name: String, kind: Int, service: String,
        startTimeUnixNano: UInt64, endTimeUnixNano: UInt64, attributes: [String: String], isError: Bool
    ) {
        self.traceId = traceId
        self.spanId = spanId
        self.parentSpanId = parentSpanId
        self.name = name
        self.kind = kind
        self.service = service
        self.startTimeUnixNano = String(startTimeUnixNano)
        self.endTimeUnixNano = String(endTimeUnixNano)
        let kept = attributes.keys.sorted().prefix(SpanEnded.maximumAttributes)
        self.attributes = attributes.filter { kept.contains($0.key) }
        self.isError = isError
        let milliseconds = Int64(clamping: endTimeUnixNano / 1_000_000)
        self.at = OffsetDateTime(Instant(milliseconds: milliseconds), offsetSeconds: 0)
    }

    /// The topic it is told in.
    public static var topic: Topic { .spans }
    /// Its `ce_type`.
    public var eventType: EventType { .spanEnded }
    /// Follows from the content alone.
    public var eventID: String { "span:\(traceId):\(spanId)" }
    /// The record's key.
    public var key: String { traceId }
    /// When it happened, in event time.
    public var time: OffsetDateTime { at }
}
