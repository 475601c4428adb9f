import KafkaTransport
import Logging
import Storage

extension Broker {
    /// Files of logs that were not used for this long are closed.
    private static let idleFileInterval = Duration.seconds(60)
    /// Between two looks at what the allocator keeps.
    private static let memoryInterval = Duration.seconds(10)

    /// `flush.ms`, retention, idle files and gauges, on the interval each has. Partitions that nothing is due for are
    /// not touched, but by retention.
    func maintain() async throws {
        let tick = Duration.seconds(1)
        let retention = Duration.milliseconds(parts.configuration.retentionCheckMilliseconds)
        var nextRetention = ContinuousClock.now + retention
        var nextIdleFiles = ContinuousClock.now + Self.idleFileInterval
        var nextMemory = ContinuousClock.now + Self.memoryInterval
        var memoryReturn = MemoryReturn()
        let allocator = Allocator()
        while !Task.isCancelled {
            try await Task.sleep(for: min(tick, retention))
            recordGauges()
            for partition in parts.environment.due.take() { await partition.startFlush() }
            if ContinuousClock.now >= nextIdleFiles {
                parts.files.openFiles.closeIdle()
                nextIdleFiles = .now + Self.idleFileInterval
            }
            if ContinuousClock.now >= nextMemory {
                nextMemory = .now + Self.memoryInterval
                allocator.look(&memoryReturn)
            }
            if ContinuousClock.now >= nextRetention {
                nextRetention = .now + retention
                await applyRetention()
            }
        }
    }

    private func recordGauges() {
        networkProbe.connections(
            connections.current, queuedBytes: admission.usedBytes, partialBytes: admission.partialBytes)
        parts.environment.probe.recordGauges(
            openFiles: parts.files.openFiles.count, tailCacheBytes: parts.environment.tails.usedBytes)
    }

    private func applyRetention() async {
        for topic in topics.all {
            for partition in topic.partitions where !partition.isOffline {
                do {
                    try await partition.applyRetention()
                } catch {
                    // Deleted in between.
                    if partition.progress.offsetsUnlessGone == nil { continue }
                    logger.error(
                        "retention failed",
                        metadata: ["partition": "\(partition.topicPartition)", "error": "\(error)"])
                }
            }
        }
    }
}
