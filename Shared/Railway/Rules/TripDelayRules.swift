/// The rules of delays: station events in, `delay.changed` facts and the summary out. Pure, in event time only.
///
/// Events may come in any order and any number of times. An arrival whose trip's first departure is not known is held.
///
/// **The same for every order** of the same events (within the bounds of ``TripTable``): the summary, the current
/// delays, and, when no two tellings of one fact disagree on its time, the set of facts: exactly one `delay.changed`
/// per (trip, station), equal byte for byte, because it depends on the first departure and on that one arrival alone.
/// **Not the same**: the order of those facts, and, when tellings disagree (the earliest counts), whether a fact for
/// the later time was told before. Facts of a trip depend on the events of that trip only.
///
/// After a restart either decode ``table`` and ``closed``, or take the log again from its start without telling the
/// facts up to the committed offset; ids are deterministic in either case.
public struct TripDelayRules: Sendable {
    /// The railway.
    public let network: Network
    /// A trip is late from this delay, in seconds.
    public let lateFromSeconds: Int
    /// The open trips.
    public private(set) var table: TripTable
    /// What trips that were closed have left in the summary.
    public private(set) var closed: DelayTally

    /// Late from so many seconds unless configured.
    public static let defaultLateFromSeconds = 30

    /// Rules over a network; `table` and `closed` as kept by an earlier run.
    public init(
        network: Network, lateFromSeconds: Int = TripDelayRules.defaultLateFromSeconds, table: TripTable = TripTable(),
        closed: DelayTally = DelayTally()
    ) {
        self.network = network
        self.lateFromSeconds = lateFromSeconds
        self.table = table
        self.closed = closed
    }

    /// Takes one event; the facts are in the order of the line's stops and are to be told once each.
    public mutating func take(_ event: StationEvent) -> (taken: TakenEvent, facts: [DelayChanged]) {
        let line: Line
        let position: Int
        do throws(EventError) {
            (line, position) = try network.place(event)
        } catch {
            return (.refused(error), [])
        }
        switch table.take(event, position: position, stops: line.stops.count) {
        case .repeated: return (.repeated, [])
        case .tooLate: return (.tooLate, [])
        case .changed(let before, let after):
            let facts = TripDelayRules.changes(from: before, to: after, on: line)
            for trip in table.closeExcess() { close(trip) }
            return (after.anchor == nil ? .held : .placed, facts)
        }
    }

    /// The tally of all trips, open and closed.
    public var tally: DelayTally {
        var tally = closed
        for trip in table.trips {
            guard let line = network.line(trip.trip.line), line.stops.count == trip.stops else { continue }
            tally.add(trip, on: line, lateFromSeconds: lateFromSeconds)
        }
        return tally
    }

    /// The answer of `GET /delays/summary`. Costs a walk over the open trips.
    public var summary: DelaySummary { DelaySummary(tally) }

    /// The delay of each open trip where it was last seen arriving, newest trip first, at most `limit`.
    public func currentDelays(limit: Int) -> [TripDelay] {
        let known = table.trips.compactMap { trip in
            network.line(trip.trip.line).flatMap { TripDelay(trip, on: $0, lateFromSeconds: lateFromSeconds) }
        }
        return Array(known.sorted { $0.trip > $1.trip }.prefix(max(0, limit)))
    }

    private mutating func close(_ trip: TripObservations) {
        guard let line = network.line(trip.trip.line), line.stops.count == trip.stops else { return }
        closed.add(trip, on: line, lateFromSeconds: lateFromSeconds)
    }

    private static func changes(
        from before: TripObservations?, to after: TripObservations, on line: Line
    ) -> [DelayChanged] {
        let old = before.map { TripTimeline($0, on: line).stops } ?? []
        let new = TripTimeline(after, on: line).stops
        return new.indices.compactMap { position in
            let call = new[position]
            guard let arrival = call.arrival else { return nil }
            let known = position < old.count ? old[position] : nil
            guard known?.arrival == nil || known?.delaySeconds != call.delaySeconds else { return nil }
            return DelayChanged(
                trip: after.trip, train: after.train, station: line.stops[position].station.id,
                scheduled: call.scheduled, at: arrival, delaySeconds: call.delaySeconds)
        }
    }
}

/// A trip's delay as it stands; one element of `GET /delays`.
public struct TripDelay: Codable, Hashable, Sendable {
    /// The trip.
    public let trip: TripID
    /// The train that runs it.
    public let train: String
    /// Where it was last seen arriving.
    public let station: StationID
    /// When it arrived there.
    public let at: OffsetDateTime
    /// Its delay there in seconds; negative is early.
    public let delaySeconds: Int
    /// Whether that is late.
    public let late: Bool
    /// Whether it has reached the last stop.
    public let finished: Bool

    /// Nil while no arrival of the trip has a schedule.
    init?(_ trip: TripObservations, on line: Line, lateFromSeconds: Int) {
        guard trip.stops == line.stops.count else { return nil }
        let calls = TripTimeline(trip, on: line).stops
        guard let position = calls.lastIndex(where: { $0.arrival != nil }), let at = calls[position].arrival else {
            return nil
        }
        self.trip = trip.trip
        self.train = trip.train
        self.station = line.stops[position].station.id
        self.at = at
        self.delaySeconds = calls[position].delaySeconds
        self.late = delaySeconds >= lateFromSeconds
        self.finished = position == calls.count - 1
    }
}
