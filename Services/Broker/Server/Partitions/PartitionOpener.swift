import KafkaWire
import Logging
import Metadata
import NIOCore
import NIOPosix
import Storage
import SystemPackage

/// Opens partitions in the data folder and gives each a storage thread.
struct PartitionOpener: Sendable {
    let configuration: BrokerConfiguration
    let folder: FilePath
    let files: any FileSystem
    let clock: WallClock
    let storageThreads: MultiThreadedEventLoopGroup
    let wasCleanShutdown: Bool
    let logger: Logger

    /// The topic's partitions in order; folders that are missing are made.
    func open(_ topic: MetadataImage.Topic, isNew: Bool) async throws -> [Partition] {
        try await open(
            topic.partitions, ofTopic: topic.name, id: topic.id, configurations: topic.configurations, isNew: isNew)
    }

    /// Some of a topic's partitions, in the order of their records.
    ///
    /// - Parameter isNew: whether a folder that is there can only be left of a deleted topic of the same name, when
    ///   the process ended before it was removed; then it is removed now.
    func open(
        _ records: [PartitionRecord], ofTopic name: String, id: KafkaUUID, configurations: [String: String],
        isNew: Bool
    ) async throws -> [Partition] {
        let log = try configuration.logConfiguration(topic: configurations)
        var partitions: [Partition] = []
        partitions.reserveCapacity(records.count)
        for record in records {
            let topicPartition = TopicPartition(topic: name, partition: record.partition)
            let place = folder.appending(topicPartition.description)
            if isNew { try files.removeFolder(place) }
            let opened = try PartitionLog.open(
                folder: place, topicPartition: topicPartition,
                configuration: log, files: files, wasCleanShutdown: wasCleanShutdown, now: clock.now())
            report(opened.recovery, of: topicPartition)
            partitions.append(
                Partition(
                    topicPartition, topicID: id, leaderEpoch: record.leaderEpoch, log: opened, clock: clock,
                    executor: storageThreads.next().executor))
        }
        return partitions
    }

    private func report(_ recovery: RecoveryReport, of topicPartition: TopicPartition) {
        guard recovery.cutBytes > 0 else { return }
        logger.warning(
            "cut a torn tail",
            metadata: [
                "partition": "\(topicPartition)", "bytes": "\(recovery.cutBytes)", "reason": "\(recovery.reason ?? "")",
            ])
    }
}
