import KafkaClient
import Logging
import Metrics
import Railway
import ServiceKit
import ServiceLifecycle

/// Tells finished spans to the topic `spans`, those of one service: in a process of many, each tells its own.
///
/// Never waits for the log: spans that find no room or no broker are counted and gone. Makes no spans itself, for the
/// exporter calls it in a context that is not sampled.
final class SpanTeller: SpanSink, Service, FiniteService {
    private let service: String
    private let producer: KafkaProducer
    private let lost: Counter

    init(_ configuration: EventLogConfiguration, in environment: ServiceEnvironment) throws(KafkaError) {
        service = environment.name
        var settings = KafkaProducerConfiguration(client: configuration.client(for: "\(environment.name)-spans"))
        settings.acks = .leader
        settings.enableIdempotence = false
        settings.linger = .milliseconds(50)
        settings.batchSizeBytes = 128 * 1024
        settings.bufferMemoryBytes = 4 * 1024 * 1024
        settings.deliveryTimeout = .seconds(10)
        settings.maxBlock = .milliseconds(200)
        var logger = environment.logger
        logger.logLevel = .error
        producer = try KafkaProducer(configuration: settings, logger: logger)
        lost = Counter(label: EventStreamNames.Metric.spansLost.name)
    }

    func run() async throws {
        try await producer.run()
    }

    func export(_ spans: [FinishedSpan]) async throws {
        let own = spans.filter { $0.service == service }
        for (index, span) in own.enumerated() {
            let record = try ProducerRecord(SpanEnded(span), source: "/services/\(service)")
            do throws(KafkaError) {
                try await producer.enqueue(record) { [lost] result in
                    if case .failure = result { lost.increment() }
                }
            } catch {
                // Without a broker each further one would wait in vain.
                lost.increment(by: own.count - index)
                throw error
            }
        }
    }
}

extension SpanEnded {
    /// A finished span as an event.
    init(_ span: FinishedSpan) {
        let kind =
            switch span.kind {
            case .internal: 1
            case .server: 2
            case .client: 3
            case .producer: 4
            case .consumer: 5
            }
        self.init(
            traceId: span.traceID, spanId: span.spanID, parentSpanId: span.parentSpanID, name: span.name, kind: kind,
            service: span.service, startTimeUnixNano: span.startNanoseconds, endTimeUnixNano: span.endNanoseconds,
            attributes: span.attributes.mapValues(\.text), isError: span.status == .error)
    }
}

extension SpanValue {
    /// The value as people write it.
    var text: String {
        switch self {
        case .string(let value): value
        case .integer(let value): "\(value)"
        case .double(let value): "\(value)"
        case .bool(let value): "\(value)"
        case .strings(let values): values.joined(separator: ",")
        }
    }
}
