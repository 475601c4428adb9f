/// One simulated service date of one line: the timetable from its headways, with seeded disturbances.
///
/// Everything follows from network, line, seed and service date, so every station works out the same day for itself and
/// tells only its own part. Trains never overtake: each keeps ``minimumGapSeconds`` behind the one before. There is a
/// day after every day: ``next()``.
public struct DaySimulation: Sendable {
    /// The railway.
    public let network: Network
    /// The line.
    public let line: Line
    /// The seed; another one is another day.
    public let seed: UInt64
    /// The service date.
    public let serviceDate: ServiceDate
    /// The trips by number, from 1.
    public let trips: [SimulatedTrip]
    private let offsets: any UTCOffsets

    /// Seconds between a departure and the next train's arrival at the same platform.
    public static let minimumGapSeconds = 45
    /// Most departures of one service date.
    public static let maximumTrips = 2000

    /// Works out the day; a line without headways has no trips, an unknown line is an error.
    public init(
        network: Network, line: LineID, seed: UInt64, serviceDate: ServiceDate, offsets: any UTCOffsets
    ) throws(EventError) {
        guard let known = network.line(line) else { throw .notInNetwork("there is no line \(line)") }
        self.init(network: network, line: known, seed: seed, serviceDate: serviceDate, offsets: offsets)
    }

    private init(
        network: Network, line: Line, seed: UInt64, serviceDate: ServiceDate, offsets: any UTCOffsets
    ) {
        self.network = network
        self.line = line
        self.seed = seed
        self.serviceDate = serviceDate
        self.offsets = offsets
        var trips: [SimulatedTrip] = []
        for (index, second) in DaySimulation.departures(line.headways).enumerated() {
            let id = TripID(serviceDate: serviceDate, line: line.id, number: UInt32(index + 1))
            let local = LocalDateTime(date: serviceDate.date, secondOfDay: second)
            trips.append(
                SimulatedTrip(
                    id, on: line, leaving: offsets.dateTime(local).instant, seed: seed, behind: trips.last))
        }
        self.trips = trips
    }

    /// The same line and seed on the next service date.
    public func next() -> DaySimulation {
        DaySimulation(
            network: network, line: line, seed: seed, serviceDate: serviceDate.adding(days: 1), offsets: offsets)
    }

    /// What `station` tells that day, in order of time; empty when the line does not call there.
    public func events(at station: StationID) -> [StationEvent] {
        guard let position = line.position(of: station) else { return [] }
        let events = trips.flatMap { trip -> [StationEvent] in
            let call = trip.calls[position]
            var told: [StationEvent] = []
            if let arrival = call.arrival { told.append(event(trip.id, position, .arrived, arrival)) }
            if let departure = call.departure { told.append(event(trip.id, position, .departed, departure)) }
            return told
        }
        return events.sorted { ($0.at.instant, $0.trip, $0.sequence) < ($1.at.instant, $1.trip, $1.sequence) }
    }

    private func event(_ trip: TripID, _ position: Int, _ state: StationState, _ at: Instant) -> StationEvent {
        StationEvent(
            trip: trip, train: String(trip.number), station: line.stops[position].station.id, state: state,
            at: offsets.dateTime(at), platform: line.stops[position].platform,
            sequence: 2 * position + (state == .departed ? 1 : 0))
    }

    /// Seconds after the service date's midnight at which trips leave the first stop.
    static func departures(_ headways: [Headway]) -> [Int] {
        var departures: [Int] = []
        for (index, band) in headways.enumerated() {
            // The end of a band is the start of the next; only the last one's own end is a departure.
            let isLast = index == headways.count - 1
            var second = max(band.from, (departures.last ?? 0) + Headway.minimumSeconds)
            while (isLast ? second <= band.to : second < band.to) && departures.count < maximumTrips {
                departures.append(second)
                second += band.seconds
            }
        }
        return departures
    }
}

/// One simulated trip with all its times.
public struct SimulatedTrip: Hashable, Sendable {
    /// The trip.
    public let id: TripID
    /// Its calls, from the first stop to the last.
    public let calls: [SimulatedCall]

    /// A trip that leaves at `departure`, behind the trip `ahead`.
    init(_ id: TripID, on line: Line, leaving departure: Instant, seed: UInt64, behind ahead: SimulatedTrip?) {
        var disturbances = Disturbances(seed: seed, trip: id, stops: line.stops.count)
        var calls = [SimulatedCall(arrival: nil, departure: departure)]
        var left = departure
        for position in 1..<line.stops.count {
            let before = line.stops[position - 1]
            let stop = line.stops[position]
            let run = disturbances.run(planned: before.runToNextSeconds, after: position - 1)
            var arrival = left.adding(seconds: run)
            if let aheadLeft = ahead?.calls[position].lastTime {
                arrival = max(arrival, aheadLeft.adding(seconds: DaySimulation.minimumGapSeconds))
            }
            let isLast = position == line.stops.count - 1
            let delay = arrival.seconds(since: departure.adding(seconds: stop.arrivalAfterSeconds))
            left = arrival.adding(seconds: isLast ? 0 : disturbances.dwell(planned: stop.dwellSeconds, delay: delay))
            calls.append(SimulatedCall(arrival: arrival, departure: isLast ? nil : left))
        }
        self.id = id
        self.calls = calls
    }
}

/// When a simulated trip is at one stop.
public struct SimulatedCall: Hashable, Sendable {
    /// Arrival; nil at the first stop.
    public let arrival: Instant?
    /// Departure; nil at the last stop.
    public let departure: Instant?

    var lastTime: Instant? { departure ?? arrival }
}
