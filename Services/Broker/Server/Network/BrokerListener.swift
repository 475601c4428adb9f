import KafkaTransport
import Logging
import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// An address could not be bound; the text says which and why.
public struct ListenError: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(description: String) {
        self.description = description
    }

    init(_ listener: Listener, host: String, cause: any Error) {
        let isInUse = (cause as? IOError)?.errnoCode == EADDRINUSE
        description =
            "listeners: \(listener.name)://\(host):\(listener.port) "
            + (isInUse ? "is in use" : "cannot be bound: \(cause)")
    }
}

/// One listening socket and the connections that came in through it.
final class BrokerListener: Sendable {
    let listener: Listener
    private let channel: any Channel
    /// Connections that came in and are not served yet.
    private let accepted: AsyncStream<Connection>
    private let connections: ConnectionCount
    private let environment: ConnectionEnvironment

    /// The port that was really bound.
    var port: Int { channel.localAddress?.port ?? listener.port }

    /// Binds; throws ``ListenError`` when the address is taken or not this machine's.
    init(
        configuration: BrokerConfiguration, admission: MemoryAdmission, connections: ConnectionCount,
        environment: ConnectionEnvironment, group: MultiThreadedEventLoopGroup
    ) async throws {
        listener = environment.listener
        self.environment = environment
        self.connections = connections
        let (accepted, input) = AsyncStream.makeStream(of: Connection.self)
        self.accepted = accepted
        let host = listener.host.isEmpty ? "0.0.0.0" : listener.host
        do {
            channel = try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 1024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        // Out of descriptors: accepting waits a moment instead of spinning.
                        try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                    }
                }
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.autoRead, value: false)
                // One read at a time: what may be read is asked before each, and a connection keeps one buffer.
                .childChannelOption(.maxMessagesPerRead, value: 1)
                .childChannelOption(
                    .recvAllocator,
                    value: AdaptiveRecvByteBufferAllocator(
                        minimum: 1024, initial: 4096, maximum: FrameDecoder.readBufferBytes)
                )
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try Self.open(channel, configuration, admission, environment, input)
                    }
                }
                .bind(host: host, port: listener.port).get()
            try await channel.eventLoop.submit { [channel, logger = environment.logger] in
                try channel.pipeline.syncOperations.addHandler(AcceptHandler(input, logger: logger))
            }.get()
        } catch {
            throw ListenError(listener, host: host, cause: error)
        }
    }

    private static func open(
        _ channel: any Channel, _ configuration: BrokerConfiguration, _ admission: MemoryAdmission,
        _ environment: ConnectionEnvironment, _ input: AsyncStream<Connection>.Continuation
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        let connection = Connection(channel, environment: environment)
        if configuration.idleConnectionMilliseconds >= 0 {
            let idle = TimeAmount.milliseconds(configuration.idleConnectionMilliseconds)
            try pipeline.addHandler(IdleStateHandler(allTimeout: idle))
        }
        try pipeline.addHandler(
            FrameDecoder(
                maximumFrameBytes: configuration.maximumRequestBytes, admission: admission,
                stallTime: .milliseconds(configuration.requestStallMilliseconds)))
        try pipeline.addHandler(FrameEncoder())
        try pipeline.addHandler(ConnectionHandler(connection, accepted: input, logger: environment.logger))
    }

    /// Stops listening without having served anybody.
    func close() async throws {
        try await channel.close().get()
    }

    /// Serves connections until the task is cancelled.
    ///
    /// - Throws: ``ListenError`` where the socket was closed without that: nobody could connect any more.
    func run() async throws {
        try await withTaskCancellationHandler {
            try await withThrowingDiscardingTaskGroup { group in
                for await connection in accepted {
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
                if !Task.isCancelled { throw ListenError(description: "listeners: \(listener.name) was closed") }
            }
        } onCancel: {
            channel.close(promise: nil)
        }
    }
}

/// The end of a listening socket's pipeline: one connection that could not be set up is no reason to stop listening.
private final class AcceptHandler: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let accepted: AsyncStream<Connection>.Continuation
    private let logger: Logger

    init(_ accepted: AsyncStream<Connection>.Continuation, logger: Logger) {
        self.accepted = accepted
        self.logger = logger
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.warning("a connection was not accepted", metadata: ["error": "\(error)"])
    }

    func channelInactive(context: ChannelHandlerContext) {
        accepted.finish()
        context.fireChannelInactive()
    }
}

/// Connections open over all listeners, bounded by `max.connections`.
final class ConnectionCount: Sendable {
    private let limit: @Sendable () -> Int
    private let count = Mutex(0)

    /// - Parameter limit: as it is now; it can change while connections are open.
    init(limit: @escaping @Sendable () -> Int) {
        self.limit = limit
    }

    var current: Int { count.withLock { $0 } }

    /// Counts one more, unless that would pass the limit.
    func enter() -> Bool {
        let limit = limit()
        return count.withLock { count in
            if count >= limit { return false }
            count += 1
            return true
        }
    }

    func leave() {
        count.withLock { $0 -= 1 }
    }
}
