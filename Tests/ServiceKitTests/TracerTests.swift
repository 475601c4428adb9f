import CoreMetrics
import Logging
import Synchronization
import TestSupport
import Testing
import Tracing

@testable import ServiceKit

private struct HeaderCarrier: Injector, Extractor {
    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
    func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
}

/// Numbers 1, 2, 3… instead of random ones.
private func counting() -> @Sendable () -> UInt64 {
    let last = Counting()
    return { last.next() }
}

private final class Counting: Sendable {
    private let value = Mutex<UInt64>(0)
    func next() -> UInt64 {
        value.withLock {
            $0 += 1
            return $0
        }
    }
}

@Suite("Tracer", .tags(.unit))
struct TracerTests {
    private let buffer = SpanBuffer(capacity: 8, batchSize: 4, metrics: NOOPMetricsHandler.instance)

    private func tracer(ratio: Double = 1) -> ServiceTracer {
        ServiceTracer(service: "delays", ratio: ratio, buffer: buffer, random: counting())
    }

    @Test("A child has its parent's trace, the parent's span as parent, and its own id")
    func parentAndChild() throws {
        let tracer = tracer()
        tracer.withSpan("consume", ofKind: .consumer) { parent in
            parent.attributes.set("messaging.system", value: .string("kafka"))
            tracer.withSpan("decide") { child in
                child.addEvent("looked up")
                child.attributes.set("late", value: .int(Int64(120)))
            }
        }
        let spans = buffer.takeBatch()
        #expect(spans.map(\.name) == ["decide", "consume"])
        let (child, parent) = (spans[0], spans[1])
        #expect(parent.traceID == "00000000000000010000000000000002")
        #expect(child.traceID == parent.traceID)
        #expect(child.parentSpanID == parent.spanID)
        #expect(child.spanID != parent.spanID)
        #expect(parent.parentSpanID == nil)
        #expect(parent.kind == .consumer)
        #expect(parent.attributes == ["messaging.system": .string("kafka")])
        #expect(child.attributes == ["late": .integer(120)])
        #expect(child.events.map(\.name) == ["looked up"])
        #expect(child.endNanoseconds >= child.startNanoseconds)
        #expect(child.service == "delays")
    }

    @Test("A span whose work throws has status error and the error as an event")
    func failure() throws {
        struct Broken: Error {}
        #expect(throws: Broken.self) {
            try tracer().withSpan("work") { _ in throw Broken() }
        }
        let span = try #require(buffer.takeBatch().first)
        #expect(span.status == .error)
        #expect(span.events.first?.attributes["exception.message"] == .string("Broken()"))
    }

    @Test("Context travels through headers: injected by one service, extracted by the next")
    func travel() throws {
        let station = tracer()
        var headers: [String: String] = [:]
        let span = station.startSpan("produce", ofKind: .producer)
        station.inject(span.context, into: &headers, using: HeaderCarrier())
        var context = ServiceContext.topLevel
        context.serviceName = "notifications"
        station.extract(headers, into: &context, using: HeaderCarrier())
        let next = station.startSpan("consume", context: context, ofKind: .consumer)
        next.end()
        span.end()
        let spans = buffer.takeBatch()
        #expect(headers["traceparent"]?.hasPrefix("00-\(spans[1].traceID)-\(spans[1].spanID)-01") == true)
        #expect(spans[0].traceID == spans[1].traceID)
        #expect(spans[0].parentSpanID == spans[1].spanID)
        #expect(spans[0].service == "notifications")
    }

    @Test("Tracestate is passed on; an invalid traceparent leaves the context as it was")
    func extraction() throws {
        let tracer = tracer()
        var context = ServiceContext.topLevel
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
        tracer.extract(["traceparent": parent, "tracestate": "a=1"], into: &context, using: HeaderCarrier())
        var headers: [String: String] = [:]
        tracer.inject(context, into: &headers, using: HeaderCarrier())
        #expect(headers == ["traceparent": parent, "tracestate": "a=1"])
        tracer.extract(["traceparent": "junk"], into: &context, using: HeaderCarrier())
        #expect(context.traceContext?.traceparent == parent)
    }

    @Test("The parent's flag decides whether a child is recorded, whatever the ratio")
    func parentBased() throws {
        for (flag, kept) in [("00", 0), ("01", 1)] {
            let tracer = tracer(ratio: flag == "00" ? 1 : 0)
            var context = ServiceContext.topLevel
            let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-\(flag)"
            context.traceContext = TraceContext(traceparent: parent)
            let span = tracer.startSpan("work", context: context)
            span.attributes.set("a", value: .string("b"))
            #expect(span.isRecording == (kept == 1))
            span.end()
            #expect(buffer.takeBatch().count == kept)
        }
    }

    @Test("Of new traces the ratio is sampled, by the trace's id alone", arguments: [0.0, 0.25, 1.0])
    func ratio(ratio: Double) {
        var generator = SystemRandomNumberGenerator()
        let tracer = ServiceTracer(service: "x", ratio: ratio, buffer: buffer)
        var sampled = 0
        for _ in 0..<2_000 {
            _ = generator.next()
            if tracer.startSpan("work", context: .topLevel).isRecording { sampled += 1 }
        }
        #expect(abs(Double(sampled) / 2_000 - ratio) < 0.06)
    }

    @Test("Ids are never zero, whatever the generator says")
    func zeroGenerator() throws {
        let tracer = ServiceTracer(service: "x", buffer: buffer, random: { 0 })
        let trace = try #require(tracer.startSpan("work", context: .topLevel).context.traceContext)
        #expect(TraceContext(traceparent: trace.traceparent) != nil)
    }

    @Test("A span ends once, and keeps at most its bound of events")
    func bounds() {
        let span = tracer().startSpan("work", context: .topLevel)
        for number in 0..<200 { span.addEvent(SpanEvent(name: "\(number)")) }
        span.end()
        span.end()
        let spans = buffer.takeBatch()
        #expect(spans.count == 1)
        #expect(spans[0].events.count == ServiceSpan.limit)
    }

    @Test("A full buffer drops the newest spans and counts them")
    func fullBuffer() throws {
        let registry = PrometheusRegistry()
        let buffer = SpanBuffer(capacity: 8, batchSize: 4, metrics: registry)
        let tracer = ServiceTracer(service: "x", buffer: buffer)
        for number in 0..<11 { tracer.startSpan("\(number)", context: .topLevel).end() }
        #expect(registry.expose().contains("tracing_spans_dropped_total{reason=\"full\"} 3\n"))
        #expect(buffer.takeBatch().map(\.name) == ["0", "1", "2", "3"])
        #expect(buffer.takeBatch().map(\.name) == ["4", "5", "6", "7"])
        #expect(buffer.takeBatch() == [])
    }
}

private struct FailingSink: SpanSink {
    struct Refused: Error {}
    func export(_ spans: [FinishedSpan]) async throws { throw Refused() }
}

@Suite("Span exporter", .tags(.unit))
struct SpanExporterTests {
    @Test("Spans go to every sink; a sink that fails is counted and does not stop the others")
    func sinks() async throws {
        let registry = PrometheusRegistry()
        let buffer = SpanBuffer(metrics: registry)
        let memory = MemorySpanSink()
        let exporter = SpanExporter(
            buffer: buffer, sinks: [FailingSink()], logger: Logger(label: "test"), metrics: registry)
        exporter.attach(memory)
        let tracer = ServiceTracer(service: "x", buffer: buffer)
        for number in 0..<3 { tracer.startSpan("\(number)", context: .topLevel).end() }
        await exporter.exportAll()
        #expect(memory.spans.map(\.name) == ["0", "1", "2"])
        let text = registry.expose()
        #expect(text.contains("tracing_spans_exported_total 3\n"))
        #expect(text.contains("tracing_spans_dropped_total{reason=\"sink\"} 3\n"))
    }

    @Test("Exporting happens by itself, and once more at the end")
    func running() async throws {
        let buffer = SpanBuffer(batchSize: 2, metrics: NOOPMetricsHandler.instance)
        let memory = MemorySpanSink()
        let exporter = SpanExporter(
            buffer: buffer, sinks: [memory], interval: .seconds(3_600), logger: Logger(label: "test"),
            metrics: NOOPMetricsHandler.instance)
        let tracer = ServiceTracer(service: "x", buffer: buffer)
        let running = Task { try await exporter.run() }
        tracer.startSpan("a", context: .topLevel).end()
        tracer.startSpan("b", context: .topLevel).end()
        try await eventually("a full batch is exported at once") { memory.spans.count == 2 }
        tracer.startSpan("c", context: .topLevel).end()
        running.cancel()
        try await running.value
        #expect(memory.spans.map(\.name) == ["a", "b", "c"])
    }

    @Test("Sinks work in a context that is not sampled, so that sending spans makes no spans")
    func silence() async throws {
        struct TracingSink: SpanSink {
            let tracer: ServiceTracer
            func export(_ spans: [FinishedSpan]) async throws { tracer.withSpan("send") { _ in } }
        }
        let buffer = SpanBuffer(metrics: NOOPMetricsHandler.instance)
        let tracer = ServiceTracer(service: "x", buffer: buffer)
        let exporter = SpanExporter(
            buffer: buffer, sinks: [TracingSink(tracer: tracer)], logger: Logger(label: "test"),
            metrics: NOOPMetricsHandler.instance)
        tracer.startSpan("a", context: .topLevel).end()
        await exporter.exportAll()
        #expect(buffer.takeBatch() == [])
    }

    @Test("The file sink writes one JSON object per line, in OTLP's names, that reads back equal")
    func file() async throws {
        let span = FinishedSpan(
            traceID: TraceID(high: 1, low: 2), spanID: SpanID(3), parentSpanID: SpanID(4), name: "consume",
            kind: .consumer, startNanoseconds: 5, endNanoseconds: 6,
            attributes: ["a": .string("x"), "b": .integer(7), "c": .bool(true), "d": .strings(["y"])],
            events: [.init(name: "e", timeNanoseconds: 5, attributes: [:])], links: ["l"], status: .error,
            statusMessage: "late", service: "delays")
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/spans.jsonl"
            let sink = try JSONLinesSpanSink(path: path)
            try await sink.export([span])
            try await sink.export([span])
            let text = String(decoding: try readFile(path, limitBytes: 1 << 20), as: UTF8.self)
            let lines = text.split(separator: "\n")
            #expect(lines.count == 2)
            #expect(lines[0].contains("\"traceId\":\"00000000000000010000000000000002\""))
            #expect(lines[0].contains("\"startTimeUnixNano\":5"))
            #expect(try decodeSpan(String(lines[1])) == span)
        }
    }
}
