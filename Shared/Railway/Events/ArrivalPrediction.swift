/// Where a trip stands with respect to one stop; raw values as in the JSON.
public enum ArrivalState: String, Codable, CaseIterable, Sendable {
    /// On its way.
    case expected = "EXPECTED"
    /// Arrived and not departed.
    case atPlatform = "AT_PLATFORM"
    /// Departed, or seen further along the line.
    case left = "LEFT"
    /// Will not come. No rule says so yet; readers must know the word.
    case cancelled = "CANCELLED"
}

/// When a trip is expected at a station. Topic `arrivals` (compacted), key `station/trip`: the last one holds.
public struct ArrivalPrediction: RailwayEvent {
    /// The trip.
    public let trip: TripID
    /// The train that runs it.
    public let train: String
    /// The stop it is about.
    public let station: StationID
    /// The platform there.
    public let platform: String
    /// Planned arrival; at the first station the departure that anchors the schedule.
    public let scheduled: OffsetDateTime
    /// Expected arrival; once arrived, the actual one.
    public let expected: OffsetDateTime
    /// `expected` − `scheduled`; negative is early.
    public let delaySeconds: Int
    /// Where the trip stands with respect to the stop.
    public let state: ArrivalState
    /// When the cause happened.
    public let at: OffsetDateTime
    /// The station event that made this change.
    public let causeEventId: String

    /// A prediction for one stop of one trip.
    public init(
        trip: TripID, train: String, station: StationID, platform: String, scheduled: OffsetDateTime,
        expected: OffsetDateTime, delaySeconds: Int, state: ArrivalState, at: OffsetDateTime, causeEventId: String
    ) {
        self.trip = trip
        self.train = train
        self.station = station
        self.platform = platform
        self.scheduled = scheduled
        self.expected = expected
        self.delaySeconds = delaySeconds
        self.state = state
        self.at = at
        self.causeEventId = causeEventId
    }

    /// The topic it is told in.
    public static var topic: Topic { .arrivals }
    /// Its `ce_type`.
    public var eventType: EventType { .arrivalPredicted }
    /// The cause is part of it: an expectation can change and come back.
    public var eventID: String { "arrival:\(trip):\(station):\(state.rawValue):\(delaySeconds):by:\(causeEventId)" }
    /// The record's key.
    public var key: String { "\(station)/\(trip)" }
    /// When it happened, in event time.
    public var time: OffsetDateTime { at }
}
