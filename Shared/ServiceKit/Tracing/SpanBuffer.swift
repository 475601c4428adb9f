import Metrics
import Synchronization

/// Takes batches of finished spans: to a topic, a file, a collector.
public protocol SpanSink: Sendable {
    /// Called by one task at a time, with a context that is not sampled so that sending spans makes no spans.
    /// A batch that throws is dropped and counted; there is no second try.
    func export(_ spans: [FinishedSpan]) async throws
}

/// Finished spans waiting for their sink; bounded, and the newest are dropped and counted when it is full.
public final class SpanBuffer: Sendable {
    private struct State {
        var spans: [FinishedSpan] = []
        var isSignalled = false
    }

    private let state = Mutex(State())
    private let capacity: Int
    private let batchSize: Int
    private let dropped: Counter
    let signals: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    /// Holds `capacity` spans; wakes the exporter early once `batchSize` wait.
    public init(capacity: Int = 4_096, batchSize: Int = 512, metrics: any MetricsFactory = MetricsSystem.factory) {
        self.capacity = capacity
        self.batchSize = batchSize
        dropped = Counter(
            label: TelemetryNames.Metric.spansDropped.name, dimensions: [(TelemetryNames.Label.reason, "full")],
            factory: metrics)
        (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func add(_ span: FinishedSpan) {
        enum Outcome { case kept, batchReady, full }
        let outcome: Outcome = state.withLock { state in
            guard state.spans.count < capacity else { return .full }
            state.spans.append(span)
            return state.spans.count == batchSize ? .batchReady : .kept
        }
        switch outcome {
        case .kept: break
        case .batchReady: wake()
        case .full: dropped.increment()
        }
    }

    /// Takes up to one batch, the oldest spans; empty when there is none.
    func takeBatch() -> [FinishedSpan] {
        state.withLock { state in
            let batch = Array(state.spans.prefix(batchSize))
            state.spans.removeFirst(batch.count)
            return batch
        }
    }

    /// Makes the exporter look now.
    func wake() { continuation.yield() }

    /// Ends the exporter's loop.
    func close() { continuation.finish() }
}
