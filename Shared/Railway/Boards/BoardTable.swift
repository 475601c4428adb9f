/// The boards of all stations, folded from `arrival.predicted` facts: the last one of each (station, trip) holds.
///
/// Feed it the `arrivals` topic, or the facts of ``ArrivalRules`` as they are told. Pure; time is ``EventClock``'s.
/// At most ``maximumTripsPerStation`` trips are held per station; over it the half that changed longest ago goes.
public struct BoardTable: Sendable {
    /// Trips held per station.
    public let maximumTripsPerStation: Int
    /// The boards' time.
    public private(set) var clock = EventClock()
    private let network: Network
    private var rows: [StationID: [TripID: Row]] = [:]
    private var changes: UInt64 = 0

    private struct Row: Sendable {
        var prediction: ArrivalPrediction
        var change: UInt64
    }

    /// Which trips a board leaves out, in seconds of event time.
    public enum Window {
        /// After a trip has left, or has ended here, its row stays this long.
        public static let afterLeaving = 60
        /// A trip that is this much behind its expected time without being seen is no longer shown.
        public static let overdue = 1800
        /// A trip that is expected later than this is not shown yet.
        public static let ahead = 6 * 3600
    }

    /// Empty boards for the stations of `network`.
    public init(network: Network, maximumTripsPerStation: Int = 1024) {
        self.network = network
        self.maximumTripsPerStation = max(2, maximumTripsPerStation)
    }

    /// Takes one prediction; true when the board of its station has changed.
    public mutating func take(_ prediction: ArrivalPrediction) -> Bool {
        guard network.station(prediction.station) != nil else { return false }
        clock.advance(to: prediction.at)
        guard rows[prediction.station]?[prediction.trip]?.prediction != prediction else { return false }
        changes += 1
        rows[prediction.station, default: [:]][prediction.trip] = Row(prediction: prediction, change: changes)
        shrink(prediction.station)
        return true
    }

    /// The board of `station` with at most `limit` trips, or nil when the network has no such station.
    public func board(_ station: StationID, limit: Int = 20) -> Board? {
        guard let known = network.station(station) else { return nil }
        let shown = (rows[station] ?? [:]).values.map(\.prediction).filter(isShown).sorted { left, right in
            (left.expected.instant, left.trip) < (right.expected.instant, right.trip)
        }
        return Board(
            station: station, name: known.name, at: clock.now,
            trips: shown.prefix(max(0, limit)).map { row($0) })
    }

    private func isShown(_ prediction: ArrivalPrediction) -> Bool {
        guard let now = clock.now else { return false }
        let wait = prediction.expected.instant.seconds(since: now.instant)
        let sinceChange = now.instant.seconds(since: prediction.at.instant)
        switch prediction.state {
        case .expected: return (-Window.overdue...Window.ahead).contains(wait)
        case .atPlatform:
            let ends = network.line(prediction.trip.line)?.last.station.id == prediction.station
            let stay = ends ? Window.afterLeaving : Window.overdue
            return sinceChange <= stay && wait <= Window.ahead
        case .left, .cancelled: return sinceChange <= Window.afterLeaving && wait <= Window.ahead
        }
    }

    private func row(_ prediction: ArrivalPrediction) -> BoardTrip {
        BoardTrip(
            trip: prediction.trip, train: prediction.train,
            destination: network.line(prediction.trip.line)?.last.station.name ?? "", platform: prediction.platform,
            scheduled: prediction.scheduled, expected: prediction.expected, delaySeconds: prediction.delaySeconds,
            state: prediction.state)
    }

    private mutating func shrink(_ station: StationID) {
        guard let held = rows[station], held.count > maximumTripsPerStation else { return }
        let oldest = held.sorted { $0.value.change < $1.value.change }.prefix(held.count / 2)
        for (trip, _) in oldest { rows[station]?[trip] = nil }
    }
}
