import ServiceKit
import ServiceLifecycle

/// Tells the pages of changes on the line, at most every ``interval``, and of the time at least every ``pulse``.
struct LinePublisher: Service {
    static let interval = Duration.milliseconds(150)
    static let pulse = 7

    let room: ControlRoom

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            var ticks = 0
            while !Task.isCancelled {
                do { try await Task.sleep(for: Self.interval) } catch { return }
                ticks += 1
                try room.publishLine(always: ticks % Self.pulse == 0)
            }
        }
        room.broadcast.finish()
    }
}
