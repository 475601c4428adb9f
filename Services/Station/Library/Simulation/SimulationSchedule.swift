import Railway

/// What a simulated station tells, event after event, without end.
///
/// Begins with the trips that left their first stop at or after `from`: a trip is told by all stations or by none.
public struct SimulationSchedule: Sendable {
    private let station: StationID
    private let from: Instant
    private var day: DaySimulation
    private var events: ArraySlice<StationEvent>

    /// A schedule; `from` is simulated time.
    public init(
        station: StationID, line: Line, seed: UInt64, from: Instant, clock: SimulationClock, railway: Network,
        offsets: any UTCOffsets
    ) throws(EventError) {
        self.station = station
        self.from = from
        day = try DaySimulation(
            network: railway, line: line.id, seed: seed, serviceDate: clock.serviceDate(at: from), offsets: offsets)
        events = SimulationSchedule.events(of: day, at: station, from: from)
    }

    /// The next event; nil where the line has no trips at all.
    public mutating func next() -> StationEvent? {
        // The first day may be over already; a line that has no trips on two days has none on any.
        for _ in 0..<3 {
            if let event = events.popFirst() { return event }
            day = day.next()
            events = SimulationSchedule.events(of: day, at: station, from: from)
        }
        return nil
    }

    private static func events(
        of day: DaySimulation, at station: StationID, from: Instant
    ) -> ArraySlice<StationEvent> {
        let told = Set(day.trips.filter { ($0.calls[0].departure ?? from) >= from }.map(\.id))
        return day.events(at: station).filter { told.contains($0.trip) }[...]
    }
}
