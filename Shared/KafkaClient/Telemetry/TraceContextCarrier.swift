import KafkaRecords
import NIOCore
import ServiceContextModule
import Tracing

/// Writes a trace context into record headers (`traceparent`, `tracestate` with W3C propagation).
struct RecordHeaderInjector: Injector {
    func inject(_ value: String, forKey key: String, into headers: inout [RecordHeader]) {
        headers.removeAll { $0.name == key }
        headers.append(RecordHeader(name: key, value: ByteBuffer(string: value)))
    }
}

/// Reads a trace context out of record headers.
struct RecordHeaderExtractor: Extractor {
    func extract(key: String, from headers: [RecordHeader]) -> String? {
        headers.last { $0.name == key }?.value.map { String(buffer: $0) }
    }
}

extension Record {
    /// The context the record was written in, as its headers tell; top level where they tell nothing.
    public var serviceContext: ServiceContext {
        var context = ServiceContext.topLevel
        if !headers.isEmpty {
            InstrumentationSystem.instrument.extract(headers, into: &context, using: RecordHeaderExtractor())
        }
        return context
    }
}

/// The producer's spans, one per record, from acceptance to result.
struct ProducerTracing: Sendable {
    let clientID: String
    /// Without a tracer nothing is made and headers stay as they are.
    let isEnabled: Bool

    init(clientID: String, isEnabled: Bool) {
        self.clientID = clientID
        self.isEnabled = isEnabled
    }

    /// Looks for a tracer once: bootstrap instrumentation before making a client.
    init(clientID: String) {
        self.init(clientID: clientID, isEnabled: !(InstrumentationSystem.instrument is NoOpInstrument))
    }

    /// Starts the span and writes its context into the headers.
    func start(_ record: inout ProducerRecord) -> (any Span)? {
        guard isEnabled else { return nil }
        let span = startSpan("\(record.topic) publish", context: .current ?? .topLevel, ofKind: .producer)
        span.attributes[TelemetryNames.Attribute.system] = "kafka"
        span.attributes[TelemetryNames.Attribute.operationName] = "publish"
        span.attributes[TelemetryNames.Attribute.operationType] = "send"
        span.attributes[TelemetryNames.Attribute.destination] = record.topic
        span.attributes[TelemetryNames.Attribute.clientID] = clientID
        InstrumentationSystem.instrument.inject(
            span.context, into: &record.headers, using: RecordHeaderInjector())
        return span
    }

    /// Ends the span with where the record went, or why it did not.
    static func finish(_ span: any Span, _ result: Result<RecordMetadata, KafkaError>) {
        switch result {
        case .success(let metadata):
            span.attributes[TelemetryNames.Attribute.partition] = "\(metadata.topicPartition.partition)"
            if let offset = metadata.offset { span.attributes[TelemetryNames.Attribute.offset] = offset.rawValue }
        case .failure(let error):
            span.recordError(error)
            span.attributes[TelemetryNames.Attribute.errorType] = error.label
            span.setStatus(SpanStatus(code: .error, message: error.message))
        }
        span.end()
    }
}
