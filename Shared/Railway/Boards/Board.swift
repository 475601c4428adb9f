/// What hangs in a station: its next trips, in event time.
public struct Board: Codable, Hashable, Sendable {
    /// The station.
    public let station: StationID
    /// What people read.
    public let name: String
    /// Event time of the newest event that the board knows of; nil before any.
    public let at: OffsetDateTime?
    /// The next trips, by expected time.
    public let trips: [BoardTrip]

    /// A board.
    public init(station: StationID, name: String, at: OffsetDateTime?, trips: [BoardTrip]) {
        self.station = station
        self.name = name
        self.at = at
        self.trips = trips
    }
}

/// One trip on a board.
public struct BoardTrip: Codable, Hashable, Sendable {
    /// The trip.
    public let trip: TripID
    /// The train that runs it.
    public let train: String
    /// Where it goes: the name of its last stop.
    public let destination: String
    /// The platform here.
    public let platform: String
    /// Planned arrival.
    public let scheduled: OffsetDateTime
    /// Expected arrival; the actual one once it is there.
    public let expected: OffsetDateTime
    /// `expected` − `scheduled`; negative is early.
    public let delaySeconds: Int
    /// Where the trip stands with respect to this station.
    public let state: ArrivalState
}
