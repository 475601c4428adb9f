import KafkaWire
import Logging
import Metadata
import NIOCore
import NIOPosix
import Storage
import SystemPackage

/// Opens partitions in the data folder and gives each a storage thread.
struct PartitionOpener: Sendable {
    let live: LiveConfiguration
    let folder: FilePath
    let files: any FileSystem
    let threads: OpenedParts.Threads
    let environment: PartitionEnvironment
    let wasCleanShutdown: Bool

    /// One partition to open, and where.
    private struct Place: Sendable {
        let topicID: KafkaUUID
        let topicPartition: TopicPartition
        let leaderEpoch: LeaderEpoch
        let configuration: LogConfiguration
    }

    /// The partitions of each topic in order; folders that are missing are made.
    ///
    /// Parameter as in ``open(_:ofTopic:id:configurations:isNew:)``.
    func open(_ topics: [MetadataImage.Topic], isNew: Bool) async throws -> [KafkaUUID: [Partition]] {
        let all = try topics.flatMap { topic in
            try places(topic.partitions, ofTopic: topic.name, id: topic.id, configurations: topic.configurations)
        }
        return Dictionary(grouping: try await open(all, isNew: isNew), by: \.topicID)
    }

    /// Some of a topic's partitions, in the order of their records; folders that are missing are made.
    ///
    /// - Parameter isNew: whether a folder that is there can only be left of a deleted topic of the same name, when
    ///   the process ended before it was removed; then it is removed now.
    func open(
        _ records: [PartitionRecord], ofTopic name: String, id: KafkaUUID, configurations: [String: String],
        isNew: Bool
    ) async throws -> [Partition] {
        try await open(places(records, ofTopic: name, id: id, configurations: configurations), isNew: isNew)
    }

    private func places(
        _ records: [PartitionRecord], ofTopic name: String, id: KafkaUUID, configurations: [String: String]
    ) throws -> [Place] {
        let log = try live.current.logConfiguration(topic: configurations)
        return records.map { record in
            Place(
                topicID: id, topicPartition: TopicPartition(topic: name, partition: record.partition),
                leaderEpoch: record.leaderEpoch, configuration: log)
        }
    }

    /// Every storage thread opens the partitions that it is going to run, all threads at once.
    private func open(_ places: [Place], isNew: Bool) async throws -> [Partition] {
        let loops = (0..<max(1, min(threads.storageCount, places.count))).map { _ in threads.storage.next() }
        let opening = loops.enumerated().map { number, loop in
            loop.submit {
                // Neighbours in a topic go to different threads.
                try stride(from: number, to: places.count, by: loops.count).map { index in
                    try open(places[index], isNew: isNew, on: loop)
                }
            }
        }
        var opened: [[Partition]] = []
        var failure: (any Error)?
        for share in opening {
            do { opened.append(try await share.get()) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
        return places.indices.map { opened[$0 % loops.count][$0 / loops.count] }
    }

    private func open(_ place: Place, isNew: Bool, on loop: any EventLoop) throws(StorageError) -> Partition {
        let path = folder.appending(place.topicPartition.description)
        if isNew { try files.removeFolder(path) }
        let log = try PartitionLog.open(
            folder: path, topicPartition: place.topicPartition, configuration: place.configuration, files: files,
            wasCleanShutdown: wasCleanShutdown, now: environment.clock.now())
        report(log.recovery, of: place.topicPartition)
        return Partition(
            place.topicPartition, topicID: place.topicID, leaderEpoch: place.leaderEpoch, log: log, eventLoop: loop,
            environment: environment)
    }

    private func report(_ recovery: RecoveryReport, of topicPartition: TopicPartition) {
        guard recovery.cutBytes > 0 else { return }
        environment.logger.warning(
            "cut a torn tail",
            metadata: [
                "partition": "\(topicPartition)", "bytes": "\(recovery.cutBytes)", "reason": "\(recovery.reason ?? "")",
            ])
    }
}
