import Metrics

/// What happens between the partitions and the disk.
struct StorageProbe: Sendable {
    private let flushSeconds = Metrics.Timer(label: "kafka_server_log_flush_duration_seconds")
    private let flushedMessages = Counter(label: "kafka_server_log_flushed_messages_total")
    private let failures = Counter(label: "kafka_server_log_failures_total")
    private let offline = Meter(label: "kafka_server_offline_partitions")
    private let openFiles = Gauge(label: "kafka_server_open_log_files")
    private let tailCacheBytes = Gauge(label: "kafka_server_tail_cache_bytes")

    /// One flush of one partition; many appends may have waited for it.
    func flushed(messages: Int64, after duration: Duration) {
        flushedMessages.increment(by: messages)
        flushSeconds.record(duration: duration)
    }

    /// A partition went offline, and is until the broker starts again.
    func failed() {
        failures.increment()
        offline.increment()
    }

    /// A partition that was offline was deleted.
    func forgotten() { offline.decrement() }

    func recordGauges(openFiles count: Int, tailCacheBytes bytes: Int) {
        openFiles.record(count)
        tailCacheBytes.record(bytes)
    }
}
