import Metrics
import Storage

/// What the log cleaner does.
struct CleanerProbe: Sendable {
    private let cleanings = Counter(label: "kafka_log_cleaner_cleanings_total")
    private let readBytes = Counter(label: "kafka_log_cleaner_read_bytes_total")
    private let writtenBytes = Counter(label: "kafka_log_cleaner_written_bytes_total")
    private let reclaimedBytes = Counter(label: "kafka_log_cleaner_reclaimed_bytes_total")
    private let droppedRecords = Counter(label: "kafka_log_cleaner_dropped_records_total")
    private let seconds = Metrics.Timer(label: "kafka_log_cleaner_duration_seconds")
    private let mapRatio = Gauge(label: "kafka_log_cleaner_buffer_utilization_ratio")
    private let mapBytes = Gauge(label: "kafka_log_cleaner_buffer_bytes")
    private let dirtyRatio = Gauge(label: "kafka_log_cleaner_max_dirty_ratio")
    private let delay = Gauge(label: "kafka_log_cleaner_max_compaction_delay_seconds")
    private let uncleanable = Gauge(label: "kafka_log_cleaner_uncleanable_partitions")

    /// Before a round of cleaning: the dirtiest log, and the one that is overdue the longest.
    func beforeRound(dirtiest: Double, overdueMilliseconds: Int64, uncleanable count: Int) {
        dirtyRatio.record(dirtiest)
        delay.record(Double(overdueMilliseconds) / 1000)
        uncleanable.record(count)
    }

    func cleaned(_ statistics: CleaningStatistics, after duration: Duration) {
        cleanings.increment()
        readBytes.increment(by: statistics.readBytes)
        writtenBytes.increment(by: statistics.writtenBytes)
        reclaimedBytes.increment(by: max(0, statistics.bytesBefore - statistics.bytesAfter))
        droppedRecords.increment(by: statistics.droppedRecords)
        mapRatio.record(statistics.mapUtilization)
        mapBytes.record(statistics.mapBytes)
        seconds.record(duration: duration)
    }
}
