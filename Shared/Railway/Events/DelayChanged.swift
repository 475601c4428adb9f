/// A trip's delay at a station became known, or became another one. Topic `delays`, key trip.
public struct DelayChanged: RailwayEvent {
    /// The trip.
    public let trip: TripID
    /// The train that runs it.
    public let train: String
    /// Where it arrived.
    public let station: StationID
    /// When it should have arrived.
    public let scheduled: OffsetDateTime
    /// When it did.
    public let at: OffsetDateTime
    /// Actual − scheduled arrival; negative is early.
    public let delaySeconds: Int
    /// The arrival that this is about.
    public let causeEventId: String

    /// The delay of `trip` at `station`.
    public init(
        trip: TripID, train: String, station: StationID, scheduled: OffsetDateTime, at: OffsetDateTime,
        delaySeconds: Int
    ) {
        self.trip = trip
        self.train = train
        self.station = station
        self.scheduled = scheduled
        self.at = at
        self.delaySeconds = delaySeconds
        self.causeEventId = StationEvent.eventID(trip, station, .arrived)
    }

    /// The topic it is told in.
    public static var topic: Topic { .delays }
    /// Its `ce_type`.
    public var eventType: EventType { .delayChanged }
    /// Follows from the content alone.
    public var eventID: String { "delay:\(trip):\(station):\(delaySeconds)" }
    /// The record's key.
    public var key: String { trip.description }
    /// When it happened, in event time.
    public var time: OffsetDateTime { at }
}
