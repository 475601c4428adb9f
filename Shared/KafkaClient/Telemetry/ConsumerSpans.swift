import KafkaRecords
import KafkaWire
import ServiceContextModule
import Tracing

extension ConsumerBatch {
    /// Runs `body` in a CONSUMER span `<topic> process` that continues the record's trace.
    ///
    /// Inside, `ServiceContext.current` is the span's, so what is produced there belongs to the same trace.
    public func withSpan<Value>(
        for record: ConsumerRecord, groupID: String? = nil, isolation: isolated (any Actor)? = #isolation,
        _ body: (any Span) async throws -> Value
    ) async rethrows -> Value {
        try await Tracing.withSpan(
            "\(topicPartition.topic) process", context: record.serviceContext, ofKind: .consumer, isolation: isolation
        ) { span in
            describe(span, groupID: groupID)
            span.attributes[TelemetryNames.Attribute.offset] = record.offset.rawValue
            return try await body(span)
        }
    }

    /// Runs `body` in one CONSUMER span for the whole batch, linked to the trace of each record that has one.
    public func withSpan<Value>(
        groupID: String? = nil, isolation: isolated (any Actor)? = #isolation,
        _ body: (any Span) async throws -> Value
    ) async rethrows -> Value {
        try await Tracing.withSpan(
            "\(topicPartition.topic) process", ofKind: .consumer, isolation: isolation
        ) { span in
            describe(span, groupID: groupID)
            span.attributes[TelemetryNames.Attribute.batchCount] = records.count
            for record in records where !record.headers.isEmpty {
                span.addLink(SpanLink(context: record.serviceContext, attributes: [:]))
            }
            return try await body(span)
        }
    }

    private func describe(_ span: any Span, groupID: String?) {
        span.attributes[TelemetryNames.Attribute.system] = "kafka"
        span.attributes[TelemetryNames.Attribute.operationName] = "process"
        span.attributes[TelemetryNames.Attribute.operationType] = "process"
        span.attributes[TelemetryNames.Attribute.destination] = topicPartition.topic
        span.attributes[TelemetryNames.Attribute.partition] = "\(topicPartition.partition)"
        if let groupID { span.attributes[TelemetryNames.Attribute.consumerGroup] = groupID }
    }
}
