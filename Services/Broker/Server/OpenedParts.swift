import Logging
import Metadata
import NIOCore
import NIOPosix
import Storage
import SystemPackage

/// What of a broker is there once its partitions are open, before anybody can connect.
struct OpenedParts: Sendable {
    /// What the file says; ``live`` has what holds now.
    let configuration: BrokerConfiguration
    let live: LiveConfiguration
    let folder: DataFolder
    let files: any FileSystem
    let topics: TopicTable
    let controller: TopicController
    let fetchSessions: FetchSessionCache
    let threads: Threads
    let environment: PartitionEnvironment

    var network: MultiThreadedEventLoopGroup { threads.network }
    var clock: WallClock { environment.clock }
    var logger: Logger { environment.logger }

    /// The event loops of the sockets, those that the partitions run on, threads that wait for the disk, and the log
    /// cleaner's.
    struct Threads: Sendable {
        let network: MultiThreadedEventLoopGroup
        let storage: MultiThreadedEventLoopGroup
        let storageCount: Int
        let flush: NIOThreadPool
        let cleaner = MultiThreadedEventLoopGroup(numberOfThreads: 1)

        init(_ configuration: BrokerConfiguration) {
            let cores = System.coreCount
            let count = { (asked: Int, most: Int) in asked > 0 ? asked : min(cores, most) }
            network = MultiThreadedEventLoopGroup(numberOfThreads: count(configuration.networkThreads, 3))
            storageCount = count(configuration.storageThreads, 8)
            storage = MultiThreadedEventLoopGroup(numberOfThreads: storageCount)
            flush = NIOThreadPool(numberOfThreads: configuration.flushThreads)
            flush.start()
        }

        func stop() async throws {
            try await network.shutdownGracefully()
            try await storage.shutdownGracefully()
            try await flush.shutdownGracefully()
            try await cleaner.shutdownGracefully()
        }
    }

    /// Takes the data folder and opens everything in it. After an error nothing is left open.
    static func recover(
        _ configuration: BrokerConfiguration, files: any FileSystem, clock: WallClock, logger: Logger
    ) async throws -> OpenedParts {
        let folder = try DataFolder(configuration, files: files)
        let threads = Threads(configuration)
        let live = LiveConfiguration(configuration, logLevel: BrokerLogLevel(logger.logLevel))
        do {
            return try await recover(
                configuration, live: live, folder: folder, threads: threads, files: files, clock: clock,
                logger: live.logLevel.follow(logger))
        } catch {
            try await threads.stop()
            throw error
        }
    }

    private static func recover(
        _ configuration: BrokerConfiguration, live: LiveConfiguration, folder: DataFolder, threads: Threads,
        files: any FileSystem, clock: WallClock, logger: Logger
    ) async throws -> OpenedParts {
        try PartitionLog.removeDeletedFolders(in: folder.path, files: files)
        let wasClean = try CleanShutdownMarker.take(in: folder.path, files: files)
        if !wasClean {
            logger.info("the last stop was not clean, or this is the first start: logs are checked")
            // A partition's folder may be as new as its first records, which its recovery makes durable.
            try files.syncFolder(folder.path)
        }
        let topics = TopicTable()
        let log = try MetadataLog(
            folder: folder.path.appending("\(TopicName.clusterMetadata)-0"),
            configuration: LogConfiguration(topicConfigurations: ["retention.ms": "-1"]), files: files, clock: clock,
            wasCleanShutdown: wasClean)
        let environment = PartitionEnvironment(
            clock: clock, flushThreads: threads.flush, due: DuePartitions(),
            tails: TailCache(limitBytes: configuration.tailCacheBytes), probe: StorageProbe(), logger: logger)
        for name in try files.list(folder.path) where log.isLeftOver(name) {
            logger.info("removing what is left of a deleted topic", metadata: ["folder": "\(name)"])
            try files.removeFolder(folder.path.appending(name))
        }
        do {
            try live.apply(log.image)
        } catch {
            // What cannot hold any more must not keep the broker from starting.
            logger.error("changed settings do not go together with the file", metadata: ["error": "\(error)"])
        }
        let opener = PartitionOpener(
            live: live, folder: folder.path, files: files, threads: threads,
            environment: environment, wasCleanShutdown: wasClean)
        let controller = TopicController(
            log: log, opener: opener, live: live, topics: topics, eventLoop: threads.storage.next(),
            logger: logger)
        try await controller.openAll()
        return OpenedParts(
            configuration: configuration, live: live, folder: folder, files: files, topics: topics,
            controller: controller,
            fetchSessions: FetchSessionCache(
                slots: configuration.fetchSessionSlots, maximumPartitions: configuration.fetchSessionPartitions,
                clock: clock), threads: threads,
            environment: environment)
    }

    /// Closes every partition, one at a time on each storage thread and all threads at once; whether all went well.
    private func closePartitions() async -> Bool {
        let partitions = topics.all.flatMap(\.partitions)
        return await withTaskGroup(of: Bool.self) { group in
            for number in 0..<threads.storageCount {
                group.addTask {
                    var isClean = true
                    for index in stride(from: number, to: partitions.count, by: threads.storageCount) {
                        isClean = await close(partitions[index]) && isClean
                    }
                    return isClean
                }
            }
            return await group.reduce(true) { $0 && $1 }
        }
    }

    private func close(_ partition: Partition) async -> Bool {
        do {
            try await partition.close()
            return true
        } catch {
            logger.error(
                "a partition was not closed cleanly",
                metadata: ["partition": "\(partition.topicPartition)", "error": "\(error)"])
            return false
        }
    }

    /// Closes every log, says on the disk that all of them were when they were, and ends the threads.
    func close() async throws {
        var isClean = await closePartitions()
        do {
            try await controller.close()
        } catch {
            isClean = false
            logger.error("the metadata log was not closed cleanly", metadata: ["error": "\(error)"])
        }
        do {
            if isClean { try CleanShutdownMarker.write(in: folder.path, files: files) }
        } catch {
            isClean = false
            logger.error("the next start checks the logs", metadata: ["error": "\(error)"])
        }
        try await threads.stop()
        logger.info("stopped", metadata: ["clean": "\(isClean)"])
    }
}
