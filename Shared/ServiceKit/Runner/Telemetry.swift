import CoreMetrics
import Logging
import Synchronization
import Tracing

/// The process's logging, metrics and tracing backends; made once, shared by all services of the process.
public struct Telemetry: Sendable {
    public let registry: PrometheusRegistry
    public let tracer: ServiceTracer
    public let spans: SpanExporter

    private static let shared = Mutex<Telemetry?>(nil)

    /// Installs the backends globally at the first call; later calls return the first one's.
    ///
    /// `service` is the process's name in log lines and spans that no hosted service claims.
    public static func bootstrap(
        _ configuration: TelemetryConfiguration, service: String, sink: any LogSink = StandardErrorSink()
    ) throws(StartupError) -> Telemetry {
        let spanSinks: [any SpanSink] =
            if let file = configuration.spanFile { [try JSONLinesSpanSink(path: file)] } else { [] }
        return shared.withLock { shared in
            if let telemetry = shared { return telemetry }
            let registry = PrometheusRegistry(seriesLimit: configuration.seriesLimit)
            ProcessMetrics.register(in: registry)
            MetricsSystem.bootstrap(registry)
            LoggingSystem.bootstrap(
                { label, provider in
                    StreamLogHandler(
                        label: label, service: service, format: configuration.logFormat,
                        level: configuration.logLevel, sink: sink, metadataProvider: provider)
                }, metadataProvider: .traceContext)
            let buffer = SpanBuffer(capacity: configuration.spanBufferSize, metrics: registry)
            let tracer = ServiceTracer(service: service, ratio: configuration.samplingRatio, buffer: buffer)
            InstrumentationSystem.bootstrap(tracer)
            let spans = SpanExporter(
                buffer: buffer, sinks: spanSinks, interval: configuration.spanInterval,
                logger: Logger(label: service), metrics: registry)
            let telemetry = Telemetry(registry: registry, tracer: tracer, spans: spans)
            shared = telemetry
            return telemetry
        }
    }
}
