import Synchronization
import Tracing

/// A span that is being worked on; ends once, and is then handed to its tracer when the trace is sampled.
///
/// At most 128 attributes, 128 events and 128 links are kept; more are dropped silently, as OpenTelemetry's limits
/// have it.
public final class ServiceSpan: Tracing.Span {
    /// Attributes, events and links each.
    public static let limit = 128

    private struct State {
        var name: String
        var attributes: SpanAttributes = [:]
        var status: SpanStatus?
        var events: [SpanEvent] = []
        var links: [SpanLink] = []
        var hasEnded = false
    }

    public let context: ServiceContext
    /// False when the trace is not sampled: then nothing is kept.
    public let isRecording: Bool

    private let trace: TraceContext
    private let parent: SpanID?
    private let kind: SpanKind
    private let start: UInt64
    private let service: String
    private let finish: @Sendable (FinishedSpan) -> Void
    private let state: Mutex<State>

    init(
        name: String, kind: SpanKind, context: ServiceContext, trace: TraceContext, parent: SpanID?,
        startNanoseconds: UInt64, service: String, finish: @escaping @Sendable (FinishedSpan) -> Void
    ) {
        self.context = context
        self.trace = trace
        self.parent = parent
        self.kind = kind
        self.service = service
        self.finish = finish
        start = startNanoseconds
        isRecording = trace.isSampled
        state = Mutex(State(name: name))
    }

    public var operationName: String {
        get { state.withLock { $0.name } }
        set { state.withLock { $0.name = newValue } }
    }

    public var attributes: SpanAttributes {
        get { state.withLock { $0.attributes } }
        set {
            guard isRecording, newValue.count <= Self.limit else { return }
            state.withLock { $0.attributes = newValue }
        }
    }

    public func setStatus(_ status: SpanStatus) {
        state.withLock { state in
            // An explicit success is final.
            if state.status?.code != .ok { state.status = status }
        }
    }

    public func addEvent(_ event: SpanEvent) {
        guard isRecording else { return }
        state.withLock { state in
            if state.events.count < Self.limit { state.events.append(event) }
        }
    }

    public func recordError<Instant: TracerInstant>(
        _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
    ) {
        guard isRecording else { return }
        var attributes = attributes
        attributes.set(TelemetryNames.SpanAttribute.errorMessage, value: .string("\(error)"))
        addEvent(SpanEvent(name: "exception", at: instant(), attributes: attributes))
    }

    public func addLink(_ link: SpanLink) {
        guard isRecording else { return }
        state.withLock { state in
            if state.links.count < Self.limit { state.links.append(link) }
        }
    }

    public func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        let end = instant().nanosecondsSinceEpoch
        let ended: State? = state.withLock { state in
            guard !state.hasEnded else { return nil }
            state.hasEnded = true
            return state
        }
        guard let ended, isRecording else { return }
        finish(finished(ended, end: end))
    }

    private func finished(_ state: State, end: UInt64) -> FinishedSpan {
        FinishedSpan(
            traceID: trace.traceID, spanID: trace.spanID, parentSpanID: parent, name: state.name,
            kind: FinishedSpan.Kind(kind), startNanoseconds: start, endNanoseconds: max(start, end),
            attributes: Self.values(state.attributes),
            events: state.events.map {
                FinishedSpan.Event(
                    name: $0.name, timeNanoseconds: $0.nanosecondsSinceEpoch,
                    attributes: Self.values($0.attributes))
            },
            links: state.links.compactMap { $0.context.traceContext?.traceparent },
            status: state.status.map { $0.code == .ok ? .ok : .error } ?? .unset,
            statusMessage: state.status?.message, service: service)
    }

    private static func values(_ attributes: SpanAttributes) -> [String: SpanValue] {
        var values: [String: SpanValue] = [:]
        attributes.forEach { values[$0] = SpanValue($1) }
        return values
    }
}
