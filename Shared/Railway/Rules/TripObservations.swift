/// What stations have told about one trip: per stop of its line, when it arrived and when it departed.
///
/// A set that only grows: the order of telling leaves no trace. Where one fact is told twice with two times, the
/// earliest time counts (then the smallest platform), whichever came first. So any two logs with the same facts give
/// the same observations. Holds at most two observations per stop.
public struct TripObservations: Hashable, Codable, Sendable {
    /// The trip.
    public let trip: TripID
    /// The train; the smallest name, should stations disagree.
    public private(set) var train: String
    private var calls: [Call]

    /// What is known of one stop.
    private struct Call: Hashable, Codable, Sendable {
        var arrival: Observation?
        var departure: Observation?
    }

    /// One fact's time and platform.
    struct Observation: Hashable, Codable, Sendable {
        let at: OffsetDateTime
        let platform: String

        func precedes(_ other: Observation) -> Bool {
            (at, platform) < (other.at, other.platform)
        }
    }

    init(trip: TripID, train: String, stops: Int) {
        self.trip = trip
        self.train = train
        self.calls = Array(repeating: Call(), count: stops)
    }

    /// Adds what `event` tells of the stop at `position`; false when that was known already.
    mutating func add(_ event: StationEvent, position: Int) -> Bool {
        let observation = Observation(at: event.at, platform: event.platform)
        let known = event.state == .arrived ? calls[position].arrival : calls[position].departure
        let isNews = known.map { observation.precedes($0) } ?? true
        if isNews {
            switch event.state {
            case .arrived: calls[position].arrival = observation
            case .departed: calls[position].departure = observation
            }
        }
        let isOtherTrain = event.train < train
        if isOtherTrain { train = event.train }
        return isNews || isOtherTrain
    }

    /// Number of stops of the trip's line.
    var stops: Int { calls.count }
    /// The departure at the first stop, which anchors the schedule; nil while nobody has told it.
    public var anchor: OffsetDateTime? { calls.first?.departure?.at }
    /// When the trip arrived at the stop at `position`.
    func arrival(at position: Int) -> OffsetDateTime? { calls[position].arrival?.at }
    /// When the trip departed from the stop at `position`.
    func departure(at position: Int) -> OffsetDateTime? { calls[position].departure?.at }
    /// The platform where the trip was seen at `position`.
    func platform(at position: Int) -> String? {
        calls[position].arrival?.platform ?? calls[position].departure?.platform
    }
    /// The stop furthest along the line where the trip was seen.
    var furthest: Int {
        calls.lastIndex { $0.arrival != nil || $0.departure != nil } ?? 0
    }
}
