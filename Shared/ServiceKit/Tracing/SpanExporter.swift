import Logging
import Metrics
import ServiceLifecycle
import Synchronization
import Tracing

/// Hands finished spans to the sinks: every interval, when a batch is full, and once more when the process stops.
public final class SpanExporter: Service, FiniteService {
    private let buffer: SpanBuffer
    private let interval: Duration
    private let logger: Logger
    private let sinks: Mutex<[any SpanSink]>
    private let exported: Counter
    private let failed: Counter

    public init(
        buffer: SpanBuffer, sinks: [any SpanSink] = [], interval: Duration = .seconds(1), logger: Logger,
        metrics: any MetricsFactory = MetricsSystem.factory
    ) {
        self.buffer = buffer
        self.interval = interval
        self.logger = logger
        self.sinks = Mutex(sinks)
        exported = Counter(label: TelemetryNames.Metric.spansExported.name, factory: metrics)
        failed = Counter(
            label: TelemetryNames.Metric.spansDropped.name, dimensions: [(TelemetryNames.Label.reason, "sink")],
            factory: metrics)
    }

    /// Adds a sink, such as one that tells spans to a topic; it gets the spans from now on.
    public func attach(_ sink: any SpanSink) {
        sinks.withLock { $0.append(sink) }
    }

    public func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            let (buffer, interval) = (buffer, interval)
            group.addTask {
                await withTaskCancellationOrGracefulShutdownHandler {
                    while !Task.isCancelled, !Task.isShuttingDownGracefully {
                        do { try await Task.sleep(for: interval) } catch { return }
                        buffer.wake()
                    }
                } onCancelOrGracefulShutdown: {
                    buffer.close()
                }
            }
            for await _ in buffer.signals { await exportAll() }
            group.cancelAll()
        }
        await exportAll()
    }

    /// Hands over everything that waits now.
    public func exportAll() async {
        let sinks = sinks.withLock { $0 }
        var batch = buffer.takeBatch()
        while !batch.isEmpty {
            for sink in sinks { await export(batch, to: sink) }
            batch = buffer.takeBatch()
        }
    }

    private func export(_ batch: [FinishedSpan], to sink: any SpanSink) async {
        do {
            try await ServiceContext.$current.withValue(Self.silent) { try await sink.export(batch) }
            exported.increment(by: batch.count)
        } catch {
            failed.increment(by: batch.count)
            logger.debug("spans not exported", metadata: [TelemetryNames.LogKey.error: "\(error)"])
        }
    }

    private static var silent: ServiceContext {
        var context = ServiceContext.topLevel
        context.traceContext = TraceContext(traceID: TraceID(high: 0, low: 1), spanID: SpanID(1), isSampled: false)
        return context
    }
}
