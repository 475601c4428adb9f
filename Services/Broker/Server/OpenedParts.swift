import Logging
import Metadata
import NIOCore
import NIOPosix
import Storage
import SystemPackage

/// What of a broker is there once its partitions are open, before anybody can connect.
struct OpenedParts: Sendable {
    let configuration: BrokerConfiguration
    let folder: DataFolder
    let files: any FileSystem
    let topics: TopicTable
    let controller: TopicController
    let threads: Threads
    let clock: WallClock
    let logger: Logger

    var network: MultiThreadedEventLoopGroup { threads.network }

    /// The event loops of the sockets, and those that the partitions run on.
    struct Threads: Sendable {
        let network: MultiThreadedEventLoopGroup
        let storage: MultiThreadedEventLoopGroup

        init(_ configuration: BrokerConfiguration) {
            let cores = System.coreCount
            let count = { (asked: Int, most: Int) in asked > 0 ? asked : min(cores, most) }
            network = MultiThreadedEventLoopGroup(numberOfThreads: count(configuration.networkThreads, 3))
            storage = MultiThreadedEventLoopGroup(numberOfThreads: count(configuration.storageThreads, 8))
        }

        func stop() async throws {
            try await network.shutdownGracefully()
            try await storage.shutdownGracefully()
        }
    }

    /// Takes the data folder and opens everything in it. After an error nothing is left open.
    static func recover(
        _ configuration: BrokerConfiguration, files: any FileSystem, clock: WallClock, logger: Logger
    ) async throws -> OpenedParts {
        let folder = try DataFolder(configuration, files: files)
        let threads = Threads(configuration)
        do {
            return try await recover(
                configuration, folder: folder, threads: threads, files: files, clock: clock, logger: logger)
        } catch {
            try await threads.stop()
            throw error
        }
    }

    private static func recover(
        _ configuration: BrokerConfiguration, folder: DataFolder, threads: Threads, files: any FileSystem,
        clock: WallClock, logger: Logger
    ) async throws -> OpenedParts {
        try PartitionLog.removeDeletedFolders(in: folder.path, files: files)
        let wasClean = try CleanShutdownMarker.take(in: folder.path, files: files)
        if !wasClean { logger.info("the last stop was not clean, or this is the first start: logs are checked") }
        let topics = TopicTable()
        let log = try MetadataLog(
            folder: folder.path.appending("\(TopicName.clusterMetadata)-0"),
            configuration: LogConfiguration(topicConfigurations: ["retention.ms": "-1"]), files: files, clock: clock,
            wasCleanShutdown: wasClean)
        let opener = PartitionOpener(
            configuration: configuration, folder: folder.path, files: files, clock: clock,
            storageThreads: threads.storage, wasCleanShutdown: wasClean, logger: logger)
        let controller = TopicController(
            log: log, opener: opener, configuration: configuration, topics: topics, logger: logger)
        try await controller.openAll()
        return OpenedParts(
            configuration: configuration, folder: folder, files: files, topics: topics, controller: controller,
            threads: threads, clock: clock, logger: logger)
    }

    /// Closes every log, says on the disk that all of them were when they were, and ends the threads.
    func close() async throws {
        var isClean = true
        for topic in topics.all {
            for partition in topic.partitions {
                do {
                    try await partition.close()
                } catch {
                    isClean = false
                    logger.error(
                        "a partition was not closed cleanly",
                        metadata: ["partition": "\(partition.topicPartition)", "error": "\(error)"])
                }
            }
        }
        do {
            try await controller.close()
        } catch {
            isClean = false
            logger.error("the metadata log was not closed cleanly", metadata: ["error": "\(error)"])
        }
        if isClean { try CleanShutdownMarker.write(in: folder.path, files: files) }
        try await threads.stop()
        logger.info("stopped", metadata: ["clean": "\(isClean)"])
    }
}
