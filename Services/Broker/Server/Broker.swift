import Groups
import KafkaTransport
import Logging
import NIOCore
import NIOPosix
import Storage

/// One broker: a data folder, its partitions, and the sockets that clients reach them by.
///
/// ``open(_:files:clock:logger:)`` recovers and binds; ``run()`` serves until its task is cancelled and then closes
/// everything, so that the next start reads no log data.
public final class Broker: Sendable {
    let parts: OpenedParts
    let coordinators: Coordinators
    /// What is served.
    let registry: APIRegistry
    let listeners: [BrokerListener]
    let connections: ConnectionCount
    let admission: MemoryAdmission
    let cleaner: LogCleaner
    let networkProbe: NetworkProbe

    /// The ports that were bound, in the order of the listeners.
    public var ports: [Int] { listeners.map(\.port) }

    var topics: TopicTable { parts.topics }
    var fetchSessions: FetchSessionCache { parts.fetchSessions }
    var logger: Logger { parts.logger }

    private init(
        _ parts: OpenedParts, coordinators: Coordinators, registry: APIRegistry, listeners: [BrokerListener],
        connections: ConnectionCount, admission: MemoryAdmission, networkProbe: NetworkProbe
    ) {
        self.parts = parts
        cleaner = LogCleaner(parts)
        self.coordinators = coordinators
        self.registry = registry
        self.listeners = listeners
        self.connections = connections
        self.admission = admission
        self.networkProbe = networkProbe
    }

    /// Opens the data folder, recovers what is in it, and binds the listeners.
    ///
    /// - Throws: ``DataFolderError``, ``ListenError``, or the error of a log that cannot be opened.
    public static func open(
        _ configuration: BrokerConfiguration, files: (any FileSystem)? = nil, clock: WallClock = .system,
        logger: Logger
    ) async throws -> Broker {
        let descriptors = FileDescriptorLimit.raise()
        let openFiles = OpenFilePool(limit: min(configuration.maximumOpenFiles, max(16, descriptors / 2)))
        let files = files ?? POSIXFileSystem(openFiles: openFiles)
        let parts = try await OpenedParts.recover(configuration, files: files, clock: clock, logger: logger)
        do {
            return try await bind(parts)
        } catch {
            try await parts.close()
            throw error
        }
    }

    private static func bind(_ parts: OpenedParts) async throws -> Broker {
        let configuration = parts.configuration
        let logger = parts.logger
        let coordinators = await Coordinators.load(parts)
        let registry = APIRegistry.broker(parts, coordinators)
        let connections = ConnectionCount { [live = parts.live] in live.current.maximumConnections }
        let admission = MemoryAdmission(
            limitBytes: configuration.queuedRequestBytes, partialLimitBytes: configuration.partialRequestBytes)
        let probe = NetworkProbe()
        var listeners: [BrokerListener] = []
        for listener in configuration.listeners {
            let environment = ConnectionEnvironment(
                registry: registry, probe: probe, logger: logger,
                owedBound: configuration.queuedRequestsPerConnection,
                owedBytesBound: configuration.queuedResponseBytes,
                elementBound: configuration.maximumRequestElements, listener: listener)
            let bound: BrokerListener
            do {
                bound = try await BrokerListener(
                    configuration: configuration, admission: admission, connections: connections,
                    environment: environment, group: parts.network)
            } catch {
                for earlier in listeners { try await earlier.close() }
                throw error
            }
            logger.info(
                "listening",
                metadata: ["listener": "\(listener.name)", "host": "\(listener.host)", "port": "\(bound.port)"])
            listeners.append(bound)
        }
        return Broker(
            parts, coordinators: coordinators, registry: registry, listeners: listeners, connections: connections,
            admission: admission, networkProbe: probe)
    }

    /// Serves until the task is cancelled; throws when the broker cannot go on. Everything is closed either way.
    public func run() async throws {
        var failure: (any Error)?
        do {
            try await serve()
        } catch is CancellationError {
            logger.debug("told to stop")
        } catch {
            failure = error
        }
        try await parts.close()
        if let failure { throw failure }
    }

    private func serve() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for listener in listeners {
                group.addTask { try await listener.run() }
            }
            group.addTask { await self.coordinators.run() }
            group.addTask { try await self.maintain() }
            group.addTask { try await self.cleaner.run() }
            // None of them returns before the broker is told to stop.
            try await group.next()
            group.cancelAll()
            try await group.waitForAll()
        }
    }
}
