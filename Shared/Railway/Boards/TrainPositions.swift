/// Where every train is, folded from station events: at a platform, or between two stations. Pure, in event time.
///
/// A trip is where its furthest event along the line says. Trips are hidden when they have ended or have not been heard
/// of for a while; at most ``maximumTrips`` are held, over it the half that changed longest ago goes.
public struct TrainPositions: Sendable {
    /// Trips held.
    public let maximumTrips: Int
    /// The page's time.
    public private(set) var clock = EventClock()
    private let network: Network
    private var last: [TripID: Seen] = [:]
    private var changes: UInt64 = 0

    private struct Seen: Sendable {
        var event: StationEvent
        var change: UInt64
    }

    /// How long trips are shown, in seconds of event time.
    public enum Window {
        /// A trip at its last stop stays this long.
        public static let atTerminus = 60
        /// A trip that has not been heard of for this long is hidden.
        public static let silent = 1800
    }

    /// No trains yet.
    public init(network: Network, maximumTrips: Int = 4096) {
        self.network = network
        self.maximumTrips = max(2, maximumTrips)
    }

    /// Takes one event; true when it moved its train. Events behind the train, repeats and strangers move nothing.
    public mutating func take(_ event: StationEvent) -> Bool {
        guard let sequence = network.line(event.line)?.sequence(of: event.station, event.state) else { return false }
        clock.advance(to: event.at)
        if let known = last[event.trip]?.event,
            let reached = network.line(known.line)?.sequence(of: known.station, known.state), reached >= sequence
        {
            return false
        }
        changes += 1
        last[event.trip] = Seen(event: event, change: changes)
        shrink()
        return true
    }

    /// The trains that are on their way, by trip. `now` is event time; ``clock`` when left out.
    public func positions(at now: Instant? = nil) -> [TrainPosition] {
        guard let now = now ?? clock.now?.instant else { return [] }
        return last.values.compactMap { position($0.event, now) }.sorted { $0.trip < $1.trip }
    }

    private func position(_ event: StationEvent, _ now: Instant) -> TrainPosition? {
        guard let line = network.line(event.line), let stop = line.position(of: event.station) else { return nil }
        let age = now.seconds(since: event.at.instant)
        let isLast = stop == line.stops.count - 1
        guard age.magnitude <= UInt(isLast ? Window.atTerminus : Window.silent) else { return nil }
        let isAtPlatform = event.state == .arrived
        guard isAtPlatform || !isLast else { return nil }
        let run = line.stops[stop].runToNextSeconds
        let next = isLast ? nil : line.stops[stop + 1].station.id
        // A train that has not been seen to arrive is never drawn at the platform.
        let fraction = isAtPlatform ? 0 : min(max(Double(age) / Double(max(run, 1)), 0), 0.99)
        return TrainPosition(
            trip: event.trip, train: event.train, line: event.line, station: event.station,
            next: isAtPlatform ? nil : next, fraction: fraction, since: event.at,
            runSeconds: isAtPlatform ? nil : run)
    }

    private mutating func shrink() {
        guard last.count > maximumTrips else { return }
        for (trip, _) in last.sorted(by: { $0.value.change < $1.value.change }).prefix(last.count / 2) {
            last[trip] = nil
        }
    }
}

/// One train's place on its line.
public struct TrainPosition: Codable, Hashable, Sendable {
    /// The trip it is on.
    public let trip: TripID
    /// The train.
    public let train: String
    /// Its line.
    public let line: LineID
    /// Where it stands, or where it last departed.
    public let station: StationID
    /// Where it is going to arrive; nil while it stands at a platform.
    public let next: StationID?
    /// How much of the way to `next` it has gone by plan, 0 to 0.99; 0 at a platform.
    public let fraction: Double
    /// When it arrived at, or departed from, `station`.
    public let since: OffsetDateTime
    /// Planned seconds to `next`, for pages that move it on; nil at a platform.
    public let runSeconds: Int?
}
