import Hummingbird
import HummingbirdCore
import Logging
import Metrics
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// An HTTP server as a service: routes of its owner, telemetry, error bodies, bounds, graceful stop.
///
/// On a graceful stop no connection is accepted any more, requests at work end, event streams end, and idle
/// connections are closed.
public final class HTTPServer: Service, StartupChecking {
    /// What messages and the health check call this server: `http`, `admin`.
    public let name: String
    public let configuration: HTTPServerConfiguration

    private let application: Application<RouterResponder<ServiceRequestContext>>
    private let running: RunningState

    /// `routes` adds the owner's routes to the router. `check` is set healthy while the server
    /// listens.
    public init(
        _ configuration: HTTPServerConfiguration, name: String = "http", logger: Logger,
        check: HealthCheck? = nil, metrics: any MetricsFactory = MetricsSystem.factory,
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        routes: (ServiceRouter) -> Void
    ) {
        self.name = name
        self.configuration = configuration
        let router = ServiceRouter(context: ServiceRequestContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: TelemetryMiddleware(metrics: metrics, logLevel: logger.logLevel))
        router.add(middleware: ErrorBodyMiddleware(maximumRequestBytes: configuration.maximumRequestBytes))
        routes(router)
        let running = RunningState(check: check)
        self.running = running
        let seconds = Int64(configuration.idleTimeout.components.seconds)
        var serverLogger = logger
        serverLogger.logLevel = max(logger.logLevel, .notice)
        application = Application(
            responder: router.buildResponder(),
            server: .http1(configuration: .init(idleTimeout: .seconds(seconds))),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port),
                availableConnectionsDelegate: MaximumAvailableConnections(configuration.maximumConnections)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? configuration.port
                running.started(port: port)
                let address = "\(configuration.host):\(port)"
                logger.info("\(name) listening", metadata: [TelemetryNames.LogKey.address: "\(address)"])
            },
            eventLoopGroupProvider: .shared(eventLoopGroup), logger: serverLogger)
    }

    /// The port that the server listens on; `nil` before it does.
    public var port: Int? { running.port }

    /// Binds and releases the port, so that a port in use is told before any service runs.
    public func checkStartup() async throws(StartupError) {
        guard configuration.port != 0 else { return }
        do {
            let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
                .bind(host: configuration.host, port: configuration.port).get()
            try await channel.close()
        } catch {
            throw startupError(error)
        }
    }

    public func run() async throws {
        do {
            try await application.run()
        } catch {
            running.stopped()
            if running.port == nil { throw startupError(error) }
            throw error
        }
        running.stopped()
    }

    private func startupError(_ error: any Error) -> StartupError {
        let address = "\(configuration.host):\(configuration.port)"
        guard let ioError = error as? IOError else { return StartupError("\(name): \(address): \(error)") }
        switch ioError.errnoCode {
        case EADDRINUSE: return StartupError("\(name): \(address) is in use")
        case EADDRNOTAVAIL: return StartupError("\(name): \(address) is not an address of this machine")
        case EACCES: return StartupError("\(name): \(address) may not be used by this user")
        default: return StartupError("\(name): \(address): \(ioError)")
        }
    }
}

/// The port and the health check of a server that runs.
private final class RunningState: Sendable {
    private let value = Mutex<Int?>(nil)
    private let check: HealthCheck?

    init(check: HealthCheck?) {
        self.check = check
    }

    var port: Int? { value.withLock { $0 } }

    func started(port: Int) {
        // Whoever learns of the port finds the server healthy.
        check?.set(.healthy)
        value.withLock { $0 = port }
    }

    func stopped() {
        check?.set(.unhealthy("stopped"))
    }
}
