import EventStreams
import Logging
import Railway
import ServiceKit
import ServiceLifecycle

/// Tells the simulated events of one station when their time has come, and at the start those just past.
struct SimulatedStation: Service, FiniteService {
    let station: StationID
    let settings: SimulationSettings
    let clock: SimulationClock
    let railway: LoadedRailway
    let line: Line
    let log: EventLog
    let teller: EventTeller
    var now: @Sendable () -> Instant = { .wallClock }

    /// Events told in one go while catching up.
    static let maximumChunk = 500

    func run() async throws {
        guard await log.link.untilOpen() else { return }
        do {
            try await cancelWhenGracefulShutdown { try await tell() }
        } catch is CancellationError {
            return
        }
    }

    private func tell() async throws {
        let begin = clock.simulated(at: now())
        var schedule = try SimulationSchedule(
            station: station, line: line, seed: settings.seed,
            from: begin.adding(seconds: -Int(settings.catchUp.components.seconds)), clock: clock,
            railway: railway.network, offsets: railway.offsets)
        log.environment.logger.info(
            "simulating",
            metadata: ["time": "\(railway.offsets.dateTime(begin))", "speed": "\(settings.speed)"])
        var waiting = schedule.next()
        while let first = waiting {
            try await sleep(until: clock.real(at: first.at.instant))
            let time = clock.simulated(at: now())
            var due: [StationEvent] = [first]
            waiting = schedule.next()
            while let event = waiting, event.at.instant <= time, due.count < Self.maximumChunk {
                due.append(event)
                waiting = schedule.next()
            }
            try await teller.tell(due)
        }
        log.environment.logger.warning("the line has no headways, so there is nothing to simulate")
    }

    private func sleep(until real: Instant) async throws {
        // In steps, so that a clock that is set is followed.
        while true {
            let left = real.milliseconds - now().milliseconds
            guard left > 0 else { return }
            try await Task.sleep(for: .milliseconds(min(left, 5_000)))
        }
    }
}
