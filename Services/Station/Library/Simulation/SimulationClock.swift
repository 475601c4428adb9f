import Railway

/// Simulated time as a function of real time: the same at every station and after every start.
///
/// `simulated = anchor + (real − anchor) × speed`; at speed 1 that is real time. With `skipsNights`, time that passes
/// counts only the hours of operation: from a service date's first departure until its last train has ended, then the
/// first departure of the next. Both directions are exact to the millisecond.
public struct SimulationClock: Sendable {
    /// When simulated and real time are equal (without `skipsNights`).
    public let anchor: Instant
    /// Simulated seconds per real second.
    public let speed: Double
    private let days: OperatingDays?
    private let offsets: any UTCOffsets

    /// The hours of operation, the same on every service date.
    private struct OperatingDays: Sendable {
        let first: ServiceDate
        let startSecond: Int
        let milliseconds: Int64
    }

    /// After the last departure, how long the last train may need more than planned, in seconds.
    static let lastTrainMargin = 900

    /// A clock; a line without headways has no nights to skip.
    public init(
        anchor: Instant, speed: Double, skipsNights: Bool, line: Line, offsets: any UTCOffsets
    ) {
        self.anchor = anchor
        self.speed = speed
        self.offsets = offsets
        if skipsNights, let first = line.headways.first, let last = line.headways.last {
            let end = last.to + line.last.arrivalAfterSeconds + SimulationClock.lastTrainMargin
            days = OperatingDays(
                first: ServiceDate(containing: offsets.dateTime(anchor).local), startSecond: first.from,
                milliseconds: Int64(min(end - first.from, 86_400)) * 1000)
        } else {
            days = nil
        }
    }

    /// The simulated time at a real instant.
    public func simulated(at real: Instant) -> Instant {
        let passed = Int64((Double(real.milliseconds - anchor.milliseconds) * speed).rounded(.down))
        guard let days else { return Instant(milliseconds: anchor.milliseconds + passed) }
        var (day, rest) = passed.quotientAndRemainder(dividingBy: days.milliseconds)
        if rest < 0 { (day, rest) = (day - 1, rest + days.milliseconds) }
        let date = days.first.adding(days: Int(day))
        return Instant(milliseconds: start(of: date, days).milliseconds + rest)
    }

    /// The real instant at which it is `simulated`; in a night that is skipped, the end of the day before it.
    public func real(at simulated: Instant) -> Instant {
        let passed: Int64
        if let days {
            var date = ServiceDate(containing: offsets.dateTime(simulated).local)
            var into = simulated.milliseconds - start(of: date, days).milliseconds
            if into < 0 {
                // Between 04:00 and the first departure: still the night after the day before.
                date = date.adding(days: -1)
                into = days.milliseconds
            }
            passed = Int64(date.days(since: days.first)) * days.milliseconds + min(into, days.milliseconds)
        } else {
            passed = simulated.milliseconds - anchor.milliseconds
        }
        return Instant(milliseconds: anchor.milliseconds + Int64((Double(passed) / speed).rounded(.up)))
    }

    /// The service date at a simulated instant.
    public func serviceDate(at simulated: Instant) -> ServiceDate {
        ServiceDate(containing: offsets.dateTime(simulated).local)
    }

    private func start(of date: ServiceDate, _ days: OperatingDays) -> Instant {
        offsets.dateTime(LocalDateTime(date: date.date, secondOfDay: days.startSecond)).instant
    }
}
