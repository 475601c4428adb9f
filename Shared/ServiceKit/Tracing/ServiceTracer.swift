import Synchronization
import Tracing

/// A swift-distributed-tracing backend with W3C contexts, whose finished spans go to a `SpanBuffer`.
///
/// A trace is sampled or not by whoever starts it: with a parent its flag decides, without one a part `ratio` of
/// the new traces is sampled.
public struct ServiceTracer: Tracer {
    public typealias Span = ServiceSpan

    private let service: String
    private let ratio: Double
    private let buffer: SpanBuffer
    private let random: @Sendable () -> UInt64

    /// `random` gives the ids' bits; tests give a seeded one.
    public init(
        service: String, ratio: Double = 1, buffer: SpanBuffer,
        random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
    ) {
        self.service = service
        self.ratio = ratio
        self.buffer = buffer
        self.random = random
    }

    /// The same tracer for another service of the process: its spans carry that service's name.
    public func named(_ service: String) -> ServiceTracer {
        ServiceTracer(service: service, ratio: ratio, buffer: buffer, random: random)
    }

    public func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> ServiceSpan {
        var context = context()
        let parent = context.traceContext
        let trace: TraceContext
        if let parent {
            trace = TraceContext(
                traceID: parent.traceID, spanID: newSpanID(), isSampled: parent.isSampled, state: parent.state)
        } else {
            let id = TraceID(high: random(), low: nonZero())
            trace = TraceContext(traceID: id, spanID: newSpanID(), isSampled: isSampled(id))
        }
        context.traceContext = trace
        let buffer = buffer
        return ServiceSpan(
            name: operationName, kind: kind, context: context, trace: trace, parent: parent?.spanID,
            startNanoseconds: instant().nanosecondsSinceEpoch, service: context.serviceName ?? service
        ) { buffer.add($0) }
    }

    /// Does nothing: the exporter's interval decides.
    public func forceFlush() {}

    public func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let parent = extractor.extract(key: TraceContext.parentHeader, from: carrier) else { return }
        let state = extractor.extract(key: TraceContext.stateHeader, from: carrier)
        if let trace = TraceContext(traceparent: parent, tracestate: state) { context.traceContext = trace }
    }

    public func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let trace = context.traceContext else { return }
        injector.inject(trace.traceparent, forKey: TraceContext.parentHeader, into: &carrier)
        if !trace.state.isEmpty {
            injector.inject(trace.state, forKey: TraceContext.stateHeader, into: &carrier)
        }
    }

    private func newSpanID() -> SpanID { SpanID(nonZero()) }

    private func nonZero() -> UInt64 {
        let value = random()
        return value == 0 ? 1 : value
    }

    /// By the low 63 bits of the trace's id, so that every service would choose the same.
    private func isSampled(_ id: TraceID) -> Bool {
        if ratio >= 1 { return true }
        return Double(id.low & (.max >> 1)) < ratio * 0x1p63
    }
}

private enum ServiceNameKey: ServiceContextKey {
    typealias Value = String
}

extension ServiceContext {
    /// The service on whose behalf a task works, where one process hosts several; spans carry it.
    public var serviceName: String? {
        get { self[ServiceNameKey.self] }
        set { self[ServiceNameKey.self] = newValue }
    }
}
