/// What a train did at a station; raw values as in the JSON.
public enum StationState: String, Codable, CaseIterable, Sendable {
    case arrived = "ARRIVED"
    case departed = "DEPARTED"
}

/// A station's fact: a train has arrived or departed. Topic `station-events`, key trip.
///
/// Its id names trip, station and state, and not the time: a trip arrives once at a station, so a second telling with
/// another time is a repeat of the same fact. Which of the two times counts is said at ``TripObservations``.
public struct StationEvent: RailwayEvent {
    /// The trip the train is on.
    public let trip: TripID
    /// The train, as the station names it.
    public let train: String
    /// The line; always the trip's.
    public let line: LineID
    /// Where it happened.
    public let station: StationID
    /// What happened.
    public let state: StationState
    /// When it happened, with the station's UTC offset.
    public let at: OffsetDateTime
    /// The platform.
    public let platform: String
    /// The event's place in its trip: see ``Line/sequence(of:_:)``.
    public let sequence: Int

    /// A station's fact; the line is the trip's.
    public init(
        trip: TripID, train: String, station: StationID, state: StationState, at: OffsetDateTime, platform: String,
        sequence: Int
    ) {
        self.trip = trip
        self.train = train
        self.line = trip.line
        self.station = station
        self.state = state
        self.at = at
        self.platform = platform
        self.sequence = sequence
    }

    /// The topic it is told in.
    public static var topic: Topic { .stationEvents }
    /// Its `ce_type`.
    public var eventType: EventType { state == .arrived ? .stationArrived : .stationDeparted }
    /// Follows from the content alone.
    public var eventID: String { StationEvent.eventID(trip, station, state) }
    /// The record's key.
    public var key: String { trip.description }
    /// When it happened, in event time.
    public var time: OffsetDateTime { at }

    /// The id of the fact that `trip` did `state` at `station`.
    public static func eventID(_ trip: TripID, _ station: StationID, _ state: StationState) -> String {
        "station:\(trip):\(station):\(state.rawValue)"
    }
}

extension StationEvent {
    enum CodingKeys: String, CodingKey {
        case trip, train, line, station, state, at, platform, sequence
    }

    /// Reads the coded form; refuses what is outside the bounds with a sentence.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let trip = try container.decode(TripID.self, forKey: .trip)
        let line = try container.decode(LineID.self, forKey: .line)
        guard line == trip.line else { throw decoder.refusal("line \(line) is not the line of trip \(trip)") }
        let train = try container.decode(String.self, forKey: .train)
        guard isIdentifier(train) else { throw decoder.refusal("'\(train.prefix(64))' is no train") }
        let platform = try container.decode(String.self, forKey: .platform)
        guard isIdentifier(platform) else { throw decoder.refusal("'\(platform.prefix(64))' is no platform") }
        let sequence = try container.decode(Int.self, forKey: .sequence)
        guard (0..<(2 * Line.maximumStops)).contains(sequence) else {
            throw decoder.refusal("sequence \(sequence) is outside 0 to \(2 * Line.maximumStops - 1)")
        }
        self.init(
            trip: trip, train: train, station: try container.decode(StationID.self, forKey: .station),
            state: try container.decode(StationState.self, forKey: .state),
            at: try container.decode(OffsetDateTime.self, forKey: .at), platform: platform, sequence: sequence)
    }
}
