import ServiceLifecycle
import Tracing

/// Runs one service of a part: its tasks carry the part's name, and its end is an error unless it may end.
///
/// A finite service that has ended stays in the group until the group stops: ServiceLifecycle takes the end of any
/// service as unexpected while others are being stopped.
struct HostedService: Service {
    let part: String
    let service: any Service

    func run() async throws {
        var context = ServiceContext.current ?? .topLevel
        context.serviceName = part
        try await ServiceContext.$current.withValue(context) { try await service.run() }
        if Task.isShuttingDownGracefully || Task.isCancelled { return }
        guard service is any FiniteService else {
            throw StartupError("\(part): \(type(of: service)) ended unexpectedly")
        }
        await untilStopped {}
    }
}

/// Is the first to hear that the process stops: tells the health checks and starts the deadline.
struct StopNotice: Service {
    let health: HealthRegistry
    let stopping: AsyncStream<Void>.Continuation

    func run() async throws {
        await untilStopped {
            health.beginStopping()
            stopping.yield()
        }
    }
}

/// Waits until the current service is asked to stop or is cancelled.
private func untilStopped(_ onStop: @escaping @Sendable () -> Void) async {
    let (stream, continuation) = AsyncStream<Void>.makeStream()
    await withTaskCancellationOrGracefulShutdownHandler {
        for await _ in stream {}
    } onCancelOrGracefulShutdown: {
        onStop()
        continuation.finish()
    }
}
