import KafkaWire
import Metrics

/// What goes into and out of the partitions.
struct RecordsProbe: Sendable {
    private let appendedBytes = Counter(label: "kafka_server_produced_bytes_total")
    private let duplicates = Counter(label: "kafka_server_duplicate_batches_total")
    private let fetchedBytes = Counter(label: "kafka_server_fetched_bytes_total")

    func appended(bytes: Int, isDuplicate: Bool) {
        if isDuplicate { duplicates.increment() } else { appendedBytes.increment(by: bytes) }
    }

    /// A batch that was not appended.
    func refused(_ code: ErrorCode) {
        Counter(label: "kafka_server_refused_batches_total", dimensions: [("error", code.name)]).increment()
    }

    func fetched(bytes: Int) {
        fetchedBytes.increment(by: bytes)
    }
}
