import Tracing

/// A value of a span's attribute, in the kinds that OTLP has.
public enum SpanValue: Sendable, Hashable, Codable {
    case string(String)
    case integer(Int64)
    case double(Double)
    case bool(Bool)
    case strings([String])

    init(_ attribute: SpanAttribute) {
        switch attribute {
        case .string(let value): self = .string(value)
        case .int32(let value): self = .integer(Int64(value))
        case .int64(let value): self = .integer(value)
        case .double(let value): self = .double(value)
        case .bool(let value): self = .bool(value)
        case .stringArray(let values): self = .strings(values)
        case .int32Array(let values): self = .strings(values.map(String.init))
        case .int64Array(let values): self = .strings(values.map(String.init))
        case .doubleArray(let values): self = .strings(values.map { String($0) })
        case .boolArray(let values): self = .strings(values.map { String($0) })
        case .stringConvertible(let value): self = .string(value.description)
        case .stringConvertibleArray(let values): self = .strings(values.map(\.description))
        default: self = .string("\(attribute)")
        }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .double(value)
        } else if let value = try? container.decode([String].self) {
            self = .strings(value)
        } else {
            self = .string(try container.decode(String.self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .string(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .double(let value): try container.encode(value)
        case .bool(let value): try container.encode(value)
        case .strings(let values): try container.encode(values)
        }
    }
}

/// A span that has ended, in OTLP's shape; as JSON one flat object with ids in hexadecimal.
public struct FinishedSpan: Sendable, Hashable, Codable {
    /// What part the span plays between services.
    public enum Kind: String, Sendable, Hashable, Codable {
        case `internal`, server, client, producer, consumer

        init(_ kind: SpanKind) {
            switch kind {
            case .server: self = .server
            case .client: self = .client
            case .producer: self = .producer
            case .consumer: self = .consumer
            case .internal: self = .internal
            }
        }
    }

    /// How the span's work ended.
    public enum Status: String, Sendable, Hashable, Codable {
        case unset, ok, error
    }

    /// Something that happened during the span.
    public struct Event: Sendable, Hashable, Codable {
        public var name: String
        public var timeNanoseconds: UInt64
        public var attributes: [String: SpanValue]
    }

    /// 32 hexadecimal digits.
    public var traceID: String
    /// 16 hexadecimal digits.
    public var spanID: String
    /// 16 hexadecimal digits; `nil` at a trace's start.
    public var parentSpanID: String?
    public var name: String
    public var kind: Kind
    /// Nanoseconds since 1970, as is the end.
    public var startNanoseconds: UInt64
    public var endNanoseconds: UInt64
    public var attributes: [String: SpanValue]
    public var events: [Event]
    /// Other spans that led to this one, as `traceparent` texts: a batch's records, for instance.
    public var links: [String]
    public var status: Status
    public var statusMessage: String?
    /// The service that did the work.
    public var service: String

    enum CodingKeys: String, CodingKey {
        case traceID = "traceId"
        case spanID = "spanId"
        case parentSpanID = "parentSpanId"
        case name, kind
        case startNanoseconds = "startTimeUnixNano"
        case endNanoseconds = "endTimeUnixNano"
        case attributes, events, links, status, statusMessage, service
    }

    /// A span with everything given, for tests and for those who build spans by hand.
    public init(
        traceID: TraceID, spanID: SpanID, parentSpanID: SpanID? = nil, name: String, kind: Kind = .internal,
        startNanoseconds: UInt64, endNanoseconds: UInt64, attributes: [String: SpanValue] = [:],
        events: [Event] = [], links: [String] = [], status: Status = .unset, statusMessage: String? = nil,
        service: String
    ) {
        self.traceID = traceID.description
        self.spanID = spanID.description
        self.parentSpanID = parentSpanID?.description
        self.name = name
        self.kind = kind
        self.startNanoseconds = startNanoseconds
        self.endNanoseconds = endNanoseconds
        self.attributes = attributes
        self.events = events
        self.links = links
        self.status = status
        self.statusMessage = statusMessage
        self.service = service
    }
}
