import KafkaWire
import Metrics
import Synchronization

/// What a consumer tells the metrics system.
final class ConsumerProbe: Sendable {
    private struct TopicCounters {
        let records: Counter
        let bytes: Counter
    }

    private let group: String
    private let clientID: String
    private let topics = Mutex<[String: TopicCounters]>([:])
    private let lags = Mutex<[TopicPartition: Gauge]>([:])
    private let duration: Metrics.Timer
    private let rebalances: Counter
    private let commits: Counter

    init(groupID: String?, clientID: String) {
        group = groupID ?? ""
        self.clientID = clientID
        let dimensions = [("group", group), ("client_id", clientID)]
        duration = Timer(label: TelemetryNames.fetchRequestDuration, dimensions: dimensions)
        rebalances = Counter(label: TelemetryNames.rebalances, dimensions: dimensions)
        commits = Counter(label: TelemetryNames.commits, dimensions: dimensions)
    }

    /// A batch was given to the application.
    func consumed(_ batch: ConsumerBatch) {
        let topic = batch.topicPartition.topic
        let counters = topics.withLock { topics in
            if let known = topics[topic] { return known }
            let dimensions = [("topic", topic), ("group", group), ("client_id", clientID)]
            let made = TopicCounters(
                records: Counter(label: TelemetryNames.consumedRecords, dimensions: dimensions),
                bytes: Counter(label: TelemetryNames.consumedBytes, dimensions: dimensions))
            topics[topic] = made
            return made
        }
        counters.records.increment(by: batch.records.count)
        counters.bytes.increment(by: batch.byteCount)
    }

    /// How far each assigned partition is behind; gauges of partitions that are gone are destroyed.
    func lag(_ lag: [TopicPartition: Int64]) {
        lags.withLock { gauges in
            for (partition, gauge) in gauges where lag[partition] == nil {
                gauge.destroy()
                gauges[partition] = nil
            }
            for (partition, records) in lag {
                let gauge = gauges[partition] ?? makeLagGauge(partition)
                gauges[partition] = gauge
                gauge.record(records)
            }
        }
    }

    private func makeLagGauge(_ partition: TopicPartition) -> Gauge {
        Gauge(
            label: TelemetryNames.consumerLag,
            dimensions: [
                ("topic", partition.topic), ("partition", "\(partition.partition)"), ("group", group),
            ])
    }

    func fetchFinished(after duration: Duration) { self.duration.record(duration: duration) }

    func rebalanced() { rebalances.increment() }

    func committed() { commits.increment() }

    func failed(_ error: KafkaError) {
        Counter(
            label: TelemetryNames.consumeErrors,
            dimensions: [("group", group), ("client_id", clientID), ("error", error.label)]
        ).increment()
    }
}
