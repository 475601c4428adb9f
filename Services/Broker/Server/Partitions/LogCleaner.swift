import KafkaWire
import Logging
import NIOCore
import NIOPosix
import Storage
import SystemPackage

/// Compacts the logs of topics with `cleanup.policy=compact`: the dirtiest first, one at a time.
///
/// Works on a thread of its own, where it may block: it reads closed segments, and only to look at a log and to hand
/// over a finished segment does it go to the partition's thread. A log that cannot be cleaned is left alone until the
/// next start; nothing that goes wrong here stops the broker.
actor LogCleaner {
    /// How long a log rests that the disk did not let the cleaner write, so that it may have room again.
    private static let retryInterval = Duration.seconds(60)
    private static let policyKey = "cleanup.policy"

    private nonisolated let executor: any SerialExecutor
    private let parts: OpenedParts
    private let probe = CleanerProbe()
    private var random = SystemRandomNumberGenerator()

    /// Where the last cleaning of each partition ended, and which topic of that name it was.
    private var checkpoints: [TopicPartition: (topic: KafkaUUID, offset: Offset)] = [:]
    /// Partitions that stay as they are until the next start, and which topic of that name each was.
    private(set) var uncleanable: [TopicPartition: KafkaUUID] = [:]

    /// Partitions whose cleaning the disk has stopped, which topic of that name each was, and when they are looked at
    /// again.
    private var resting: [TopicPartition: (topic: KafkaUUID, until: ContinuousClock.Instant)] = [:]

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(_ parts: OpenedParts) {
        self.parts = parts
        executor = parts.threads.cleaner.next().executor
    }

    private var settings: CleanerConfiguration { parts.live.current.cleaner }
    private var logger: Logger { parts.logger }

    /// Cleans until the task is cancelled.
    func run() async throws {
        readCheckpoints()
        while !Task.isCancelled {
            let found = settings.isEnabled ? await dirtiest() : nil
            if let found {
                await clean(found)
            } else {
                try await Task.sleep(for: .milliseconds(settings.backoffMilliseconds))
            }
        }
    }

    // MARK: Which log

    /// The partition that needs cleaning most.
    private func dirtiest() async -> Partition? {
        var worst: (partition: Partition, dirtiness: LogDirtiness)?
        var (maximum, overdue) = (0.0, Int64(0))
        forgetMissing()
        for partition in cleanablePartitions() {
            guard let dirtiness = await dirtiness(of: partition) else { continue }
            maximum = max(maximum, dirtiness.ratio)
            overdue = max(overdue, dirtiness.overdueMilliseconds)
            if dirtiness.needsCleaning, dirtiness.ratio > worst?.dirtiness.ratio ?? -1 {
                worst = (partition, dirtiness)
            }
        }
        probe.beforeRound(dirtiest: maximum, overdueMilliseconds: overdue, uncleanable: uncleanable.count)
        return worst?.partition
    }

    /// Those of compacted topics that are in order, found without asking the partitions.
    private func cleanablePartitions() -> [Partition] {
        let byDefault = parts.live.current.topicDefaults
        let topics = parts.topics.all.filter { topic in
            let policy = topic.configurations[Self.policyKey] ?? byDefault[Self.policyKey]
            return policy?.contains("compact") ?? false
        }
        resting = resting.filter { $0.value.until > .now }
        return topics.flatMap(\.partitions).filter { partition in
            !partition.isOffline && uncleanable[partition.topicPartition] != partition.topicID
                && resting[partition.topicPartition]?.topic != partition.topicID
        }
    }

    private func dirtiness(of partition: Partition) async -> LogDirtiness? {
        do {
            return try await partition.dirtiness(since: checkpoint(of: partition))
        } catch {
            noteFailure(of: partition, error)
            return nil
        }
    }

    private func checkpoint(of partition: Partition) -> Offset? {
        let known = checkpoints[partition.topicPartition]
        return known?.topic == partition.topicID ? known?.offset : nil
    }

    // MARK: One log

    private func clean(_ partition: Partition) async {
        let begun = ContinuousClock.now
        do {
            guard let plan = try await partition.planCleaning(since: checkpoint(of: partition)) else { return }
            guard let (end, statistics) = try await clean(partition, plan) else { return }
            checkpoints[partition.topicPartition] = (partition.topicID, end)
            writeCheckpoints()
            let duration = ContinuousClock.now - begun
            probe.cleaned(statistics, after: duration)
            report(partition, plan, end, statistics, duration)
        } catch CleaningError.cancelled {
            logger.debug("a cleaning was stopped", metadata: ["partition": "\(partition.topicPartition)"])
        } catch {
            noteFailure(of: partition, error)
        }
    }

    /// Where the cleaning ended; `nil` where the log has changed so that it has to begin anew.
    private func clean(
        _ partition: Partition, _ plan: CleaningPlan
    ) async throws -> (end: Offset, CleaningStatistics)? {
        let pacer = CleanerPacer(bytesPerSecond: settings.maximumBytesPerSecond)
        let cleaning = LogCleaning(plan, limits: settings.limits, seed: (random.next(), random.next())) {
            (bytes) throws(CleaningError) in try pacer.pace(bytes)
        }
        for segment in plan.dirtySegments {
            guard let source = try await partition.cleaningSource(segment) else { return nil }
            if try !cleaning.readKeys(of: source) { break }
        }
        let (groups, end) = cleaning.finishKeys()
        for group in groups {
            guard try await write(group, of: partition, cleaning) else { return nil }
        }
        return (end, cleaning.statistics)
    }

    /// `false` where the log has changed meanwhile.
    private func write(
        _ group: [CleanableSegment], of partition: Partition, _ cleaning: LogCleaning
    ) async throws -> Bool {
        do {
            try cleaning.begin(group)
            for segment in group {
                guard let source = try await partition.cleaningSource(segment) else {
                    try cleaning.abandon()
                    return false
                }
                try cleaning.add(source)
            }
            // Names tell apart no topic from the one that was made after it: nothing is put into another's folder.
            guard partition.progress.offsetsUnlessGone != nil else {
                try cleaning.abandon()
                return false
            }
            guard let cleaned = try cleaning.finish() else { return true }
            return try await handOver(cleaned, to: partition)
        } catch {
            try cleaning.abandon()
            throw error
        }
    }

    private func handOver(_ cleaned: CleanedSegment, to partition: Partition) async throws -> Bool {
        let isTaken: Bool
        do {
            isTaken = try await partition.replaceSegments(with: cleaned)
        } catch {
            // An offline log may have been half way through: then the next start finishes it.
            if !partition.isOffline || partition.progress.offsetsUnlessGone == nil { try cleaned.discard() }
            throw error
        }
        guard isTaken else {
            try cleaned.discard()
            return false
        }
        do {
            try cleaned.finish()
        } catch {
            // The next start finishes it. Another cleaning before would take the place of what says how.
            uncleanable[partition.topicPartition] = partition.topicID
            throw error
        }
        return true
    }

    private func report(
        _ partition: Partition, _ plan: CleaningPlan, _ end: Offset, _ statistics: CleaningStatistics,
        _ duration: Duration
    ) {
        logger.info(
            "a log was cleaned",
            metadata: [
                "partition": "\(partition.topicPartition)", "from": "\(plan.dirtiness.firstDirtyOffset)",
                "to": "\(end)", "droppedRecords": "\(statistics.droppedRecords)",
                "bytesBefore": "\(statistics.bytesBefore)", "bytesAfter": "\(statistics.bytesAfter)",
                "keyMapBytes": "\(statistics.mapBytes)", "duration": "\(duration)",
            ])
    }

    /// A topic that is deleted while it is cleaned is no failure. What the disk refuses now it may take later; a batch
    /// that cannot be read, or a key map that is too small, stays so.
    private func noteFailure(of partition: Partition, _ error: any Error) {
        guard partition.progress.offsetsUnlessGone != nil else { return }
        let metadata: Logger.Metadata = ["partition": "\(partition.topicPartition)", "error": "\(error)"]
        if Self.isOfTheMoment(error), uncleanable[partition.topicPartition] != partition.topicID {
            resting[partition.topicPartition] = (partition.topicID, .now + Self.retryInterval)
            logger.warning("a log was not cleaned and will be tried again", metadata: metadata)
        } else {
            uncleanable[partition.topicPartition] = partition.topicID
            logger.error("a log cannot be cleaned and is left as it is until the next start", metadata: metadata)
        }
    }

    private static func isOfTheMoment(_ error: any Error) -> Bool {
        var storage = error as? StorageError
        if case .storage(let inner)? = error as? CleaningError { storage = inner }
        switch storage {
        case .operationFailed: return true
        case .endOfFile, .corrupt, .offline, nil: return false
        }
    }
}

// MARK: Checkpoints

extension LogCleaner {
    private var dataFolder: FilePath { parts.folder.path }

    private func readCheckpoints() {
        do {
            let known = try CleanerCheckpoint.read(in: dataFolder, files: parts.files).offsets
            for (position, offset) in known {
                guard let partition = parts.topics.partition(position) else { continue }
                checkpoints[position] = (partition.topicID, offset)
            }
        } catch {
            logger.error(
                "where logs were cleaned up to is not known; all of them are cleaned from their start",
                metadata: ["error": "\(error)"])
        }
    }

    /// What is not written is cleaned again after the next start.
    private func writeCheckpoints() {
        do {
            try CleanerCheckpoint(checkpoints.mapValues(\.offset)).write(in: dataFolder, files: parts.files)
        } catch {
            logger.error("the cleaner's checkpoints were not written", metadata: ["error": "\(error)"])
        }
    }

    /// A topic that is made again under the same name starts without a checkpoint.
    private func forgetMissing() {
        let gone = checkpoints.filter { parts.topics.partition($0.key)?.topicID != $0.value.topic }.keys
        uncleanable = uncleanable.filter { parts.topics.partition($0.key)?.topicID == $0.value }
        if gone.isEmpty { return }
        for position in gone { checkpoints[position] = nil }
        writeCheckpoints()
    }
}
