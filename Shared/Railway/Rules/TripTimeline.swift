/// A trip held against its planned times: a pure function of observations and line.
///
/// The schedule is anchored at the departure from the line's first stop. The delay at a stop is its actual arrival −
/// its scheduled arrival; it holds for every later stop until the next arrival: expected = scheduled + delay.
struct TripTimeline: Hashable, Sendable {
    /// The stops from first to last; empty while the schedule is not known.
    let stops: [Call]

    /// One stop of the trip.
    struct Call: Hashable, Sendable {
        let scheduled: OffsetDateTime
        let expected: OffsetDateTime
        let delaySeconds: Int
        let state: ArrivalState
        let platform: String
        /// The arrival itself, where there has been one and it has a schedule (never at the first stop).
        let arrival: OffsetDateTime?
    }

    /// No schedule: nothing can be placed.
    static let unknown = TripTimeline(stops: [])

    private init(stops: [Call]) {
        self.stops = stops
    }

    init(_ trip: TripObservations, on line: Line) {
        guard let anchor = trip.anchor else {
            self = .unknown
            return
        }
        var calls: [Call] = []
        var delay = 0
        let furthest = trip.furthest
        for (position, stop) in line.stops.enumerated() {
            let scheduled = anchor.adding(seconds: stop.arrivalAfterSeconds)
            let arrival = position == 0 ? nil : trip.arrival(at: position)
            if let arrival { delay = arrival.instant.seconds(since: scheduled.instant) }
            calls.append(
                Call(
                    scheduled: scheduled, expected: arrival ?? scheduled.adding(seconds: delay), delaySeconds: delay,
                    state: TripTimeline.state(trip, position, furthest: furthest),
                    platform: trip.platform(at: position) ?? stop.platform, arrival: arrival))
        }
        self.init(stops: calls)
    }

    /// A stop that the trip has passed without being seen there has been left all the same.
    private static func state(_ trip: TripObservations, _ position: Int, furthest: Int) -> ArrivalState {
        if trip.departure(at: position) != nil || position < furthest { return .left }
        return trip.arrival(at: position) != nil ? .atPlatform : .expected
    }
}
