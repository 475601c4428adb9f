/// The trips that events may still change, keyed by trip: the state that delays and arrivals are computed from.
///
/// Codable, so that a service can keep it over a restart. Not bound to a thread; one owner mutates it.
///
/// **Bounds.** At most ``Bounds/serviceDates`` different service dates and ``Bounds/trips`` trips are open. Over a
/// bound the oldest go (a whole service date, or the first trips in the order of ``TripID``), and everything up to
/// them is closed: later events of closed trips are turned away, so that a repeat of a forgotten trip can never count
/// as a new one. Dates are counted, not subtracted: a loop of a recording that is days ahead closes nothing early.
///
/// **Order.** While no event is of a closed trip, the open trips are the same for every order and every repetition of
/// the same events. Which events come too late does depend on order, as with every bound.
public struct TripTable: Hashable, Codable, Sendable {
    /// How much is kept.
    public struct Bounds: Hashable, Codable, Sendable {
        /// Different service dates that are open at once.
        public var serviceDates: Int
        /// Trips that are open at once, of all service dates together.
        public var trips: Int

        /// Bounds of at least one service date and one trip.
        public init(serviceDates: Int = 14, trips: Int = 20_000) {
            self.serviceDates = max(1, serviceDates)
            self.trips = max(1, trips)
        }
    }

    /// What became of one event.
    enum Taken: Sendable {
        /// Already known; nothing has changed.
        case repeated
        /// The trip is closed; nothing has changed.
        case tooLate
        /// The trip before (nil: it is new) and after.
        case changed(before: TripObservations?, after: TripObservations)
    }

    /// The bounds in force.
    public let bounds: Bounds
    private var open: [TripID: TripObservations] = [:]
    private var openPerDate: [ServiceDateKey: Int] = [:]
    private var closedUpTo: TripID?

    /// An empty table.
    public init(bounds: Bounds = Bounds()) {
        self.bounds = bounds
    }

    /// Number of open trips.
    public var count: Int { open.count }
    /// The open trips in no particular order.
    var trips: Dictionary<TripID, TripObservations>.Values { open.values }

    /// The open trip of that id.
    public func trip(_ id: TripID) -> TripObservations? {
        open[id]
    }

    /// Whether events of `id` come too late.
    public func isClosed(_ id: TripID) -> Bool {
        closedUpTo.map { id <= $0 } ?? false
    }

    /// Adds an event of the stop at `position` on a line of `stops` stops.
    mutating func take(_ event: StationEvent, position: Int, stops: Int) -> Taken {
        guard !isClosed(event.trip) else { return .tooLate }
        let known = open[event.trip]
        // A table kept from a network whose line had other stops: the trip starts again on the line as it is.
        let before = known?.stops == stops ? known : nil
        var after = before ?? TripObservations(trip: event.trip, train: event.train, stops: stops)
        guard after.add(event, position: position) else { return .repeated }
        open[event.trip] = after
        if known == nil { openPerDate[ServiceDateKey(event.trip.serviceDate), default: 0] += 1 }
        return .changed(before: before, after: after)
    }

    /// Removes the trips over the bounds and closes them; the caller adds them to what it keeps of closed trips.
    ///
    /// Call it after each ``take(_:position:stops:)`` that changed something.
    mutating func closeExcess() -> [TripObservations] {
        if openPerDate.count > bounds.serviceDates, let oldest = openPerDate.keys.min() {
            let closing = close { $0.serviceDate <= oldest.date }
            // The whole date: no trip of it that was never heard of may open it again.
            if let last = closing.last?.trip {
                closeUpTo(TripID(serviceDate: oldest.date, line: last.line, number: .max))
            }
            return closing
        }
        guard open.count > bounds.trips else { return [] }
        // An eighth at once, so that sorting costs little per trip.
        let excess = open.count - bounds.trips + bounds.trips / 8
        let last = open.keys.sorted()[excess - 1]
        return close { $0 <= last }
    }

    private mutating func close(_ isClosing: (TripID) -> Bool) -> [TripObservations] {
        let closing = open.values.filter { isClosing($0.trip) }.sorted { $0.trip < $1.trip }
        for trip in closing {
            open[trip.trip] = nil
            let date = ServiceDateKey(trip.trip.serviceDate)
            let left = (openPerDate[date] ?? 1) - 1
            openPerDate[date] = left == 0 ? nil : left
        }
        if let last = closing.last?.trip { closeUpTo(last) }
        return closing
    }

    private mutating func closeUpTo(_ trip: TripID) {
        if !isClosed(trip) { closedUpTo = trip }
    }
}

/// A service date as a coded key.
private struct ServiceDateKey: Hashable, Comparable, Codable, Sendable {
    let day: Int

    init(_ date: ServiceDate) {
        day = date.date.daysSinceEpoch
    }

    var date: ServiceDate { ServiceDate(CivilDate(daysSinceEpoch: day)) }

    static func < (left: ServiceDateKey, right: ServiceDateKey) -> Bool { left.day < right.day }
}
