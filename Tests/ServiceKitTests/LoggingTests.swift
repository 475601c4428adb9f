import Logging
import Synchronization
import Testing
import Tracing

@testable import ServiceKit

private final class MemoryLogSink: LogSink {
    private let written = Mutex<[UInt8]>([])
    var text: String { String(decoding: written.withLock { $0 }, as: UTF8.self) }
    func write(_ line: [UInt8]) { written.withLock { $0 += line } }
}

@Suite("Log lines", .tags(.unit))
struct LoggingTests {
    private let sink = MemoryLogSink()

    private func logger(_ format: LogFormat, label: String = "delays", level: Logger.Level = .info) -> Logger {
        Logger(label: label) { label in
            StreamLogHandler(
                label: label, service: "signalbox", format: format, level: level, sink: sink,
                metadataProvider: .traceContext, now: { 1_772_366_400_123_000_000 })
        }
    }

    @Test("A human line has time, level, service and logger, message and sorted metadata")
    func human() {
        logger(.human).info("caught up", metadata: ["lag": "0", "group": "a b"])
        #expect(sink.text == "2026-03-01T12:00:00.123Z info     signalbox/delays: caught up group=\"a b\" lag=0\n")
    }

    @Test("A message stays on one line whatever it holds")
    func oneLinePerMessage() {
        logger(.human).warning("two\nlines\u{1}")
        #expect(sink.text == "2026-03-01T12:00:00.123Z warning  signalbox/delays: two lines \n")
    }

    @Test("A JSON line is one object, everything escaped, nested metadata kept")
    func json() {
        var logger = logger(.json)
        logger[metadataKey: "service"] = "delays"
        logger.error("a \"b\"\n\\", metadata: ["list": ["x", "y"], "map": ["k": "v\u{1}"], "level": "no"])
        #expect(
            sink.text == """
                {"time":"2026-03-01T12:00:00.123Z","level":"error","service":"delays","logger":"delays",\
                "message":"a \\"b\\"\\n\\\\","list":["x","y"],"map":{"k":"v\\u0001"}}

                """)
    }

    @Test("Lines below the level are not written")
    func level() {
        logger(.human, level: .warning).info("no")
        #expect(sink.text.isEmpty)
    }

    @Test("A line inside a trace has its ids")
    func traceIDs() {
        var context = ServiceContext.topLevel
        context.traceContext = TraceContext(
            traceID: TraceID(high: 0, low: 10), spanID: SpanID(11), isSampled: true)
        ServiceContext.$current.withValue(context) { logger(.human).info("hello") }
        #expect(sink.text.hasSuffix("hello span_id=000000000000000b trace_id=0000000000000000000000000000000a\n"))
    }

    @Test(
        "Times are right over leap years and centuries",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_868_799, "2000-02-29T23:59:59.000Z"), (1_709_164_800, "2024-02-29T00:00:00.000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000Z"), (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (1_798_761_599, "2026-12-31T23:59:59.000Z"),
        ] as [(UInt64, String)])
    func times(seconds: UInt64, text: String) {
        var bytes: [UInt8] = []
        Timestamp.write(seconds * 1_000_000_000, into: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == text)
    }
}
