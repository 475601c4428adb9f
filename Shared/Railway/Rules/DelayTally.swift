/// What trips add to the summary; tallies of different trips add up, in any order and grouping.
///
/// So a service can keep one set of rules per partition (a trip is always in one) and add their tallies.
public struct DelayTally: Hashable, Codable, Sendable {
    /// Trips with any event.
    public private(set) var trips = 0
    /// Trips with any late arrival.
    public private(set) var late = 0
    /// The largest delay of any arrival in seconds; 0 if none is behind.
    public private(set) var maxDelaySeconds = 0
    /// Stations with at least one arrival of a trip whose schedule is known.
    public private(set) var stations: [StationID: StationTally] = [:]

    /// What arrivals at one station add up to.
    public struct StationTally: Hashable, Codable, Sendable {
        /// Arrivals, each (trip, station) once.
        public internal(set) var arrivals = 0
        /// Those that were late.
        public internal(set) var late = 0
        /// Sum of all delays in seconds; early ones count below zero.
        public internal(set) var delaySeconds = 0
    }

    /// Nothing.
    public init() {}

    /// Adds one trip. Arrivals at the first stop have no schedule and do not count.
    mutating func add(_ trip: TripObservations, on line: Line, lateFromSeconds: Int) {
        var isLate = false
        for (stop, call) in zip(line.stops, TripTimeline(trip, on: line).stops) where call.arrival != nil {
            let delay = call.delaySeconds
            let isLateHere = delay >= lateFromSeconds
            var station = stations[stop.station.id] ?? StationTally()
            station.arrivals += 1
            station.late += isLateHere ? 1 : 0
            station.delaySeconds += delay
            stations[stop.station.id] = station
            maxDelaySeconds = max(maxDelaySeconds, delay)
            isLate = isLate || isLateHere
        }
        trips += 1
        late += isLate ? 1 : 0
    }

    /// Adds another tally, of other trips.
    public mutating func add(_ other: DelayTally) {
        trips += other.trips
        late += other.late
        maxDelaySeconds = max(maxDelaySeconds, other.maxDelaySeconds)
        for (id, tally) in other.stations {
            stations[id, default: StationTally()].arrivals += tally.arrivals
            stations[id, default: StationTally()].late += tally.late
            stations[id, default: StationTally()].delaySeconds += tally.delaySeconds
        }
    }
}
