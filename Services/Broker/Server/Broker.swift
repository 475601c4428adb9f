import Groups
import KafkaTransport
import KafkaWire
import Logging
import Metadata
import NIOCore
import NIOPosix
import Storage
import SystemPackage

/// One broker: a data folder, its partitions, and the sockets that clients reach them by.
///
/// ``open(_:files:clock:logger:)`` recovers and binds; ``run()`` serves until its task is cancelled and then closes
/// everything, so that the next start reads no log data.
public final class Broker: Sendable {
    private let configuration: BrokerConfiguration
    private let folder: DataFolder
    private let files: any FileSystem
    private let topics: TopicTable
    private let controller: TopicController
    private let coordinator: GroupCoordinator
    private let listeners: [BrokerListener]
    private let connections: ConnectionCount
    private let admission: MemoryAdmission
    private let network: MultiThreadedEventLoopGroup
    private let storage: MultiThreadedEventLoopGroup
    private let networkProbe: NetworkProbe
    private let logger: Logger

    /// The ports that were bound, in the order of the listeners.
    public var ports: [Int] { listeners.map(\.port) }

    private init(
        _ parts: Parts, coordinator: GroupCoordinator, listeners: [BrokerListener], connections: ConnectionCount,
        admission: MemoryAdmission, networkProbe: NetworkProbe
    ) {
        configuration = parts.configuration
        folder = parts.folder
        files = parts.files
        topics = parts.topics
        controller = parts.controller
        network = parts.network
        storage = parts.storage
        logger = parts.logger
        self.coordinator = coordinator
        self.listeners = listeners
        self.connections = connections
        self.admission = admission
        self.networkProbe = networkProbe
    }

    /// What is there once the partitions are open, before anybody can connect.
    private struct Parts {
        let configuration: BrokerConfiguration
        let folder: DataFolder
        let files: any FileSystem
        let topics: TopicTable
        let controller: TopicController
        let network: MultiThreadedEventLoopGroup
        let storage: MultiThreadedEventLoopGroup
        let clock: WallClock
        let logger: Logger
    }

    /// Opens the data folder, recovers what is in it, and binds the listeners.
    ///
    /// - Throws: ``DataFolderError``, ``ListenError``, or the error of a log that cannot be opened.
    public static func open(
        _ configuration: BrokerConfiguration, files: any FileSystem = POSIXFileSystem(), clock: WallClock = .system,
        logger: Logger
    ) async throws -> Broker {
        let parts = try await recover(configuration, files: files, clock: clock, logger: logger)
        let coordinator = GroupCoordinator(
            configuration: configuration.groups, topics: parts.topics, controller: parts.controller, clock: clock,
            timers: parts.network.next(), logger: logger)
        try await coordinator.load()
        let registry = APIRegistry.broker(
            configuration: configuration, identity: parts.folder.identity, topics: parts.topics,
            controller: parts.controller, coordinator: coordinator)
        let connections = ConnectionCount(limit: configuration.maximumConnections)
        let admission = MemoryAdmission(limitBytes: configuration.queuedRequestBytes)
        let probe = NetworkProbe()
        var listeners: [BrokerListener] = []
        for listener in configuration.listeners {
            let environment = ConnectionEnvironment(
                registry: registry, probe: probe, logger: logger,
                owedBound: configuration.queuedRequestsPerConnection, listener: listener)
            let bound = try await BrokerListener(
                configuration: configuration, admission: admission, connections: connections,
                environment: environment, group: parts.network)
            logger.info(
                "listening",
                metadata: ["listener": "\(listener.name)", "host": "\(listener.host)", "port": "\(bound.port)"])
            listeners.append(bound)
        }
        return Broker(
            parts, coordinator: coordinator, listeners: listeners, connections: connections, admission: admission,
            networkProbe: probe)
    }

    private static func recover(
        _ configuration: BrokerConfiguration, files: any FileSystem, clock: WallClock, logger: Logger
    ) async throws -> Parts {
        let cores = System.coreCount
        let threads = { (asked: Int, most: Int) in asked > 0 ? asked : min(cores, most) }
        let network = MultiThreadedEventLoopGroup(numberOfThreads: threads(configuration.networkThreads, 3))
        let storage = MultiThreadedEventLoopGroup(numberOfThreads: threads(configuration.storageThreads, 8))
        let folder = try DataFolder(configuration, files: files)
        try PartitionLog.removeDeletedFolders(in: folder.path, files: files)
        let wasClean = try CleanShutdownMarker.take(in: folder.path, files: files)
        if !wasClean { logger.info("the last stop was not clean, or this is the first start: logs are checked") }
        let topics = TopicTable()
        let log = try MetadataLog(
            folder: folder.path.appending("\(TopicName.clusterMetadata)-0"),
            configuration: LogConfiguration(topicConfigurations: ["retention.ms": "-1"]), files: files, clock: clock,
            wasCleanShutdown: wasClean)
        let opener = PartitionOpener(
            configuration: configuration, folder: folder.path, files: files, clock: clock, storageThreads: storage,
            wasCleanShutdown: wasClean, logger: logger)
        let controller = TopicController(
            log: log, opener: opener, configuration: configuration, topics: topics, logger: logger)
        try await controller.openAll()
        return Parts(
            configuration: configuration, folder: folder, files: files, topics: topics, controller: controller,
            network: network, storage: storage, clock: clock, logger: logger)
    }

    /// Serves until the task is cancelled; throws when the broker cannot go on.
    public func run() async throws {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for listener in listeners {
                    group.addTask { try await listener.run() }
                }
                group.addTask { await self.coordinator.run() }
                group.addTask { try await self.maintain() }
                // None of them returns before the broker is told to stop.
                try await group.next()
                group.cancelAll()
                try await group.waitForAll()
            }
        } catch is CancellationError {
            logger.debug("told to stop")
        }
        try await close()
    }

    /// Retention, `flush.ms` and gauges, on the interval each has.
    private func maintain() async throws {
        let tick = Duration.seconds(1)
        let retention = Duration.milliseconds(configuration.retentionCheckMilliseconds)
        var nextRetention = ContinuousClock.now + retention
        while !Task.isCancelled {
            try await Task.sleep(for: min(tick, retention))
            networkProbe.connections(connections.current, queuedBytes: admission.usedBytes)
            let isRetentionDue = ContinuousClock.now >= nextRetention
            if isRetentionDue { nextRetention = .now + retention }
            for topic in topics.all {
                for partition in topic.partitions {
                    await maintain(partition, applyRetention: isRetentionDue)
                }
            }
        }
    }

    private func maintain(_ partition: Partition, applyRetention: Bool) async {
        do {
            if let work = try await partition.takeFlushWork() {
                // Closed segments can be large; their way to the disk holds nobody up.
                try await partition.finish(work, failure: await Self.run(work))
            }
            try await partition.maintain(applyRetention: applyRetention)
        } catch {
            logger.error(
                "maintenance failed",
                metadata: ["partition": "\(partition.topicPartition)", "error": "\(error)"])
        }
    }

    private static func run(_ work: FlushWork) async throws -> StorageError? {
        try await NIOThreadPool.singleton.runIfActive {
            do throws(StorageError) {
                try work.run()
                return nil
            } catch {
                return error
            }
        }
    }

    private func close() async throws {
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
        try await controller.close()
        if isClean { try CleanShutdownMarker.write(in: folder.path, files: files) }
        try await network.shutdownGracefully()
        try await storage.shutdownGracefully()
        logger.info("stopped", metadata: ["clean": "\(isClean)"])
    }
}
