import EventStreams
import Logging
import Railway
import ServiceKit
import ServiceLifecycle

/// Tells a recording: at a speed, or as fast as the log takes it; once, or again on later service dates.
///
/// When it has been told the station stays up and has nothing to do.
struct ReplayedStation: Service, FiniteService {
    let station: StationID
    let settings: ReplaySettings
    let recording: Recording
    let railway: LoadedRailway
    let line: Line
    let log: EventLog
    let teller: EventTeller

    /// Events told in one go: enough that the log is busy, few enough that a stop is not waited for.
    static let maximumChunk = 500

    func run() async throws {
        guard await log.link.untilOpen() else { return }
        guard let calendar = recording.calendar(settings.serviceDate) else {
            log.environment.logger.warning(
                "the recording has no line that can be read", metadata: [StationNames.LogKey.file: "\(recording.path)"])
            return
        }
        do {
            try await cancelWhenGracefulShutdown { try await tell(calendar) }
        } catch is CancellationError {
            return
        }
    }

    private func tell(_ calendar: ReplayCalendar) async throws {
        let pace = ReplayPace(settings.speed, begin: begin(calendar), real: .now)
        let probe = StationProbe(station: station)
        var loop = 0
        repeat {
            var chunk: [StationEvent] = []
            var told = 0
            for result in recording.lines {
                guard let event = event(result, calendar, loop: loop, probe) else { continue }
                if chunk.count >= Self.maximumChunk || !chunk.isEmpty && pace.delay(until: event.at.instant) > .zero {
                    try await teller.tell(chunk)
                    told += chunk.count
                    chunk = []
                }
                let delay = pace.delay(until: event.at.instant)
                if delay > .zero { try await Task.sleep(for: delay) }
                chunk.append(event)
            }
            if !chunk.isEmpty { try await teller.tell(chunk) }
            told += chunk.count
            loop += 1
            log.environment.logger.info(
                "the recording is told",
                metadata: [
                    StationNames.LogKey.file: "\(recording.path)", EventStreamNames.LogKey.events: "\(told)",
                    StationNames.LogKey.loop: "\(loop)",
                ])
        } while settings.loops
    }

    /// The event of a line; a line that cannot be read is counted and logged, in the first loop only.
    private func event(
        _ result: Result<RecordedLine, UnreadableLine>, _ calendar: ReplayCalendar, loop: Int,
        _ probe: StationProbe
    ) -> StationEvent? {
        switch result {
        case .success(let recorded):
            do throws(EventError) {
                return try calendar.event(recorded, loop: loop, on: line, offsets: railway.offsets)
            } catch {
                if loop == 0 { reject("\(recording.path): \(error)", probe) }
            }
        case .failure(let problem):
            if loop == 0 { reject("\(recording.path):\(problem.number): \(problem.reason)", probe) }
        }
        return nil
    }

    private func reject(_ sentence: String, _ probe: StationProbe) {
        probe.rejectedLine()
        log.environment.logger.warning("a line of the recording is skipped: \(sentence)")
    }

    /// The event time at which playing starts: the first planned departure, so that stations that start together stay
    /// together; or the first line, where that is earlier or nothing is planned.
    private func begin(_ calendar: ReplayCalendar) -> Instant {
        var begin: Instant?
        if let headway = line.headways.first {
            let local = LocalDateTime(date: calendar.serviceDate.date, secondOfDay: headway.from)
            begin = railway.offsets.dateTime(local).instant
        }
        for case .success(let recorded) in recording.lines {
            let first = railway.offsets.dateTime(recorded.at).instant
            return begin.map { min($0, first) } ?? first
        }
        return begin ?? Instant(milliseconds: 0)
    }
}

/// When an event's turn has come: real time since the start × speed against event time since the recording's start.
struct ReplayPace: Sendable {
    private let speed: StationSpeed
    private let begin: Instant
    private let real: ContinuousClock.Instant

    init(_ speed: StationSpeed, begin: Instant, real: ContinuousClock.Instant) {
        self.speed = speed
        self.begin = begin
        self.real = real
    }

    /// How long to wait for the event at `time`; zero when it is due.
    func delay(until time: Instant, now: ContinuousClock.Instant = .now) -> Duration {
        switch speed {
        case .maximum: return .zero
        case .times(let times):
            let due = Duration.milliseconds(Int64(Double(time.milliseconds - begin.milliseconds) / times))
            return max(.zero, due - real.duration(to: now))
        }
    }
}
