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
        /// Whether a topic of that name was deleted before, and a folder of its name may be what is left of it.
        let followsDeletion: Bool
    }

    /// The partitions of each topic in order; folders that are missing are made.
    ///
    /// Parameters as in ``open(_:ofTopic:id:configurations:isNew:followsDeletion:)``.
    func open(
        _ topics: [MetadataImage.Topic], isNew: Bool, followsDeletion: Bool = false
    ) async throws -> [KafkaUUID: [Partition]] {
        let all = try topics.flatMap { topic in
            try places(
                topic.partitions, ofTopic: topic.name, id: topic.id, configurations: topic.configurations,
                followsDeletion: followsDeletion)
        }
        return Dictionary(grouping: try await open(all, isNew: isNew), by: \.topicID)
    }

    /// Some of a topic's partitions, in the order of their records; folders that are missing are made.
    ///
    /// - Parameters:
    ///   - isNew: whether the partitions are to begin empty, and to fail as a whole where one cannot be opened.
    ///   - followsDeletion: whether a folder that is there can be left of a deleted topic of the same name, when the
    ///     process ended before it was removed; then it is removed now.
    func open(
        _ records: [PartitionRecord], ofTopic name: String, id: KafkaUUID, configurations: [String: String],
        isNew: Bool, followsDeletion: Bool = false
    ) async throws -> [Partition] {
        let places = try places(
            records, ofTopic: name, id: id, configurations: configurations, followsDeletion: followsDeletion)
        return try await open(places, isNew: isNew)
    }

    private func places(
        _ records: [PartitionRecord], ofTopic name: String, id: KafkaUUID, configurations: [String: String],
        followsDeletion: Bool
    ) throws -> [Place] {
        let log = try live.current.logConfiguration(topic: configurations)
        return records.map { record in
            Place(
                topicID: id, topicPartition: TopicPartition(topic: name, partition: record.partition),
                leaderEpoch: record.leaderEpoch, configuration: log, followsDeletion: followsDeletion)
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
        if isNew { try makeRoom(at: path, for: place) }
        return Partition(
            place.topicPartition, topicID: place.topicID, leaderEpoch: place.leaderEpoch,
            log: try log(of: place, at: path, isNew: isNew), eventLoop: loop, environment: environment)
    }

    /// The partition's log. One that is there and cannot be opened is offline until the next start, and the others are
    /// served.
    private func log(
        of place: Place, at path: FilePath, isNew: Bool
    ) throws(StorageError) -> sending PartitionLog {
        do {
            let log = try PartitionLog.open(
                folder: path, topicPartition: place.topicPartition, configuration: place.configuration, files: files,
                wasCleanShutdown: wasCleanShutdown, now: environment.clock.now())
            report(log.recovery, of: place.topicPartition)
            return log
        } catch {
            if isNew { throw error }
            environment.probe.failed()
            environment.logger.error(
                "a partition cannot be opened and is offline until the next start",
                metadata: ["partition": "\(place.topicPartition)", "error": "\(error)"])
            return PartitionLog.offline(
                folder: path, topicPartition: place.topicPartition, configuration: place.configuration, files: files,
                cause: error)
        }
    }

    /// Sees to it that a new partition starts empty. A folder of its name with records in it that no deleted topic left
    /// is what damaged metadata leaves behind: it gets another name.
    private func makeRoom(at path: FilePath, for place: Place) throws(StorageError) {
        let isStray = place.followsDeletion ? false : try PartitionLog.hasRecords(in: path, files: files)
        guard isStray else { return try files.removeFolder(path) }
        let stray = try PartitionLog.setAsideStray(path, files: files)
        environment.logger.error(
            "a folder with records of a topic that the metadata does not know was set aside",
            metadata: ["partition": "\(place.topicPartition)", "folder": "\(stray)"])
    }

    private func report(_ recovery: RecoveryReport, of topicPartition: TopicPartition) {
        if !recovery.setAside.isEmpty {
            environment.logger.error(
                "records behind a damaged batch were cut off and are kept beside the log",
                metadata: [
                    "partition": "\(topicPartition)", "files": "\(recovery.setAside.joined(separator: " "))",
                    "reason": "\(recovery.reason ?? "")",
                ])
        } else if recovery.cutBytes > 0 {
            environment.logger.warning(
                "cut a torn tail",
                metadata: [
                    "partition": "\(topicPartition)", "bytes": "\(recovery.cutBytes)",
                    "reason": "\(recovery.reason ?? "")",
                ])
        }
    }
}
