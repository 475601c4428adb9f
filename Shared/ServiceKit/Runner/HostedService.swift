import ServiceLifecycle
import Tracing

/// Runs one service of a part: its tasks carry the part's name, and its end is an error unless it may end.
struct HostedService: Service {
    let part: String
    let service: any Service

    func run() async throws {
        var context = ServiceContext.current ?? .topLevel
        context.serviceName = part
        try await ServiceContext.$current.withValue(context) { try await service.run() }
        let mayEnd = service is any FiniteService || Task.isShuttingDownGracefully || Task.isCancelled
        if !mayEnd { throw StartupError("\(part): \(type(of: service)) ended unexpectedly") }
    }
}

/// Is the first to hear that the process stops: tells the health checks and starts the deadline.
struct StopNotice: Service {
    let health: HealthRegistry
    let stopping: AsyncStream<Void>.Continuation

    func run() async throws {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        await withTaskCancellationOrGracefulShutdownHandler {
            for await _ in stream {}
        } onCancelOrGracefulShutdown: {
            health.beginStopping()
            stopping.yield()
            continuation.finish()
        }
    }
}
