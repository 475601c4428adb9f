import KafkaRecords
import NIOCore
import Testing

@testable import KafkaClient

@Suite("Telemetry")
struct TelemetryTests {
    @Test("headers carry a context there and back, and a second injection replaces the first")
    func carrier() {
        var headers = [RecordHeader(name: "content-type", value: ByteBuffer(string: "text/plain"))]
        let injector = RecordHeaderInjector()
        injector.inject("one", forKey: "traceparent", into: &headers)
        injector.inject("two", forKey: "traceparent", into: &headers)
        #expect(headers.count == 2)
        #expect(RecordHeaderExtractor().extract(key: "traceparent", from: headers) == "two")
        #expect(RecordHeaderExtractor().extract(key: "tracestate", from: headers) == nil)
    }

    @Test("without instrumentation a record has no context and the producer adds no headers")
    func disabled() {
        let tracing = ProducerTracing(clientID: "c", isEnabled: false)
        var record = ProducerRecord(topic: "t", key: nil, value: "x")
        #expect(tracing.start(&record) == nil)
        #expect(record.headers.isEmpty)
    }

    @Test("every metric has its unit in its name")
    func names() {
        let names = [
            TelemetryNames.producedRecords, TelemetryNames.producedBytes, TelemetryNames.produceRequestDuration,
            TelemetryNames.produceErrors, TelemetryNames.produceRetries, TelemetryNames.produceBufferedBytes,
            TelemetryNames.consumedRecords, TelemetryNames.consumedBytes, TelemetryNames.fetchRequestDuration,
            TelemetryNames.consumeErrors, TelemetryNames.consumerLag, TelemetryNames.rebalances,
            TelemetryNames.commits,
        ]
        let units = ["_total", "_seconds", "_bytes", "_records"]
        #expect(names.allSatisfy { name in name.hasPrefix("kafka_client_") && units.contains { name.hasSuffix($0) } })
        #expect(Set(names).count == names.count)
    }
}
