import Metrics
import Synchronization

/// What a producer tells the metrics system.
final class ProducerProbe: Sendable {
    private struct TopicCounters {
        let records: Counter
        let bytes: Counter
    }

    private let clientID: String
    private let topics = Mutex<[String: TopicCounters]>([:])
    private let duration: Metrics.Timer
    private let retries: Counter
    private let buffered: Gauge

    init(clientID: String) {
        self.clientID = clientID
        let dimensions = [("client_id", clientID)]
        duration = Timer(label: TelemetryNames.produceRequestDuration, dimensions: dimensions)
        retries = Counter(label: TelemetryNames.produceRetries, dimensions: dimensions)
        buffered = Gauge(label: TelemetryNames.produceBufferedBytes, dimensions: dimensions)
    }

    /// A batch was acknowledged.
    func acknowledged(topic: String, records: Int, bytes: Int) {
        let counters = topics.withLock { topics in
            if let known = topics[topic] { return known }
            let dimensions = [("topic", topic), ("client_id", clientID)]
            let made = TopicCounters(
                records: Counter(label: TelemetryNames.producedRecords, dimensions: dimensions),
                bytes: Counter(label: TelemetryNames.producedBytes, dimensions: dimensions))
            topics[topic] = made
            return made
        }
        counters.records.increment(by: records)
        counters.bytes.increment(by: bytes)
    }

    /// Records failed for good.
    func failed(topic: String, records: Int, error: KafkaError) {
        let dimensions = [("topic", topic), ("client_id", clientID), ("error", error.label)]
        Counter(label: TelemetryNames.produceErrors, dimensions: dimensions).increment(by: records)
    }

    /// A produce request was answered.
    func requestFinished(after duration: Duration) { self.duration.record(duration: duration) }

    /// A batch is sent again.
    func retried() { retries.increment() }

    /// Bytes of records that have no result yet.
    func buffered(bytes: Int) { buffered.record(bytes) }
}

extension KafkaError {
    /// One word for a metric's label or a span's `error.type`.
    var label: String {
        if case .broker(let errorCode) = code { errorCode.name } else { "\(code)" }
    }
}
