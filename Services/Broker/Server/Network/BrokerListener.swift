import KafkaTransport
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// An address could not be bound; the text says which and why.
public struct ListenError: Error, Sendable, CustomStringConvertible {
    public let description: String
}

/// One listening socket and the connections that came in through it.
final class BrokerListener: Sendable {
    /// The largest single read from a socket: big enough that a batch of 1 MiB takes few, small enough for the cache.
    private static let maximumReadBytes = 256 * 1024

    let listener: Listener
    private let channel: NIOAsyncChannel<Connection, Never>
    private let connections: ConnectionCount
    private let environment: ConnectionEnvironment

    /// The port that was really bound.
    var port: Int { channel.channel.localAddress?.port ?? listener.port }

    /// Binds; throws ``ListenError`` when the address is taken or not this machine's.
    init(
        configuration: BrokerConfiguration, admission: MemoryAdmission, connections: ConnectionCount,
        environment: ConnectionEnvironment, group: MultiThreadedEventLoopGroup
    ) async throws {
        listener = environment.listener
        self.environment = environment
        self.connections = connections
        let host = listener.host.isEmpty ? "0.0.0.0" : listener.host
        do {
            channel = try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 1024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
                .childChannelOption(.autoRead, value: false)
                .childChannelOption(.maxMessagesPerRead, value: 4)
                .childChannelOption(
                    .recvAllocator,
                    value: AdaptiveRecvByteBufferAllocator(
                        minimum: 1024, initial: 4096, maximum: Self.maximumReadBytes)
                )
                .bind(host: host, port: listener.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try Self.open(channel, configuration, admission, environment)
                    }
                }
        } catch {
            throw ListenError(
                description: "listeners: \(listener.name)://\(host):\(listener.port) cannot be bound: \(error)")
        }
    }

    private static func open(
        _ channel: any Channel, _ configuration: BrokerConfiguration, _ admission: MemoryAdmission,
        _ environment: ConnectionEnvironment
    ) throws -> Connection {
        let pipeline = channel.pipeline.syncOperations
        let connection = Connection(channel, environment: environment)
        if configuration.idleConnectionMilliseconds >= 0 {
            let idle = TimeAmount.milliseconds(configuration.idleConnectionMilliseconds)
            try pipeline.addHandler(IdleStateHandler(allTimeout: idle))
        }
        try pipeline.addHandler(
            FrameDecoder(maximumFrameBytes: configuration.maximumRequestBytes, admission: admission))
        try pipeline.addHandler(FrameEncoder())
        try pipeline.addHandler(ConnectionHandler(connection, logger: environment.logger))
        return connection
    }

    /// Stops listening without having served anybody.
    func close() async throws {
        try await channel.executeThenClose { _ in }
    }

    /// Serves connections until the task is cancelled.
    func run() async throws {
        try await channel.executeThenClose { inbound in
            try await withThrowingDiscardingTaskGroup { group in
                for try await connection in inbound {
                    guard connections.enter() else {
                        environment.probe.refusedConnection()
                        environment.logger.warning("refusing a connection: max.connections are open")
                        await connection.refuse()
                        continue
                    }
                    group.addTask {
                        await connection.run()
                        self.connections.leave()
                    }
                }
            }
        }
    }
}

/// Connections open over all listeners, bounded by `max.connections`.
final class ConnectionCount: Sendable {
    private let limit: Int
    private let count = Mutex(0)

    init(limit: Int) {
        self.limit = limit
    }

    var current: Int { count.withLock { $0 } }

    /// Counts one more, unless that would pass the limit.
    func enter() -> Bool {
        count.withLock { count in
            if count >= limit { return false }
            count += 1
            return true
        }
    }

    func leave() {
        count.withLock { $0 -= 1 }
    }
}
