/// The rules of arrivals: station events in, `arrival.predicted` facts out. Pure, in event time only.
///
/// Events may come in any order and any number of times. Nothing is predicted before the trip's first departure is
/// known; then every stop has a prediction, and each change of one (times, delay, state or platform) is told once.
///
/// **The same for every order** of the same events (within the bounds of ``TripTable``): the last prediction of every
/// stop of every trip, up to `at` and `causeEventId`, which name the event that completed it. That is what the
/// compacted topic keeps. **Not the same**: the predictions on the way there, which depend on what was known when.
/// Events in one order, as one partition of a log has them, give the same facts every time.
/// Facts of a trip depend on the events of that trip only.
public struct ArrivalRules: Sendable {
    /// The railway.
    public let network: Network
    /// The open trips.
    public private(set) var table: TripTable

    /// Rules over a network; `table` as kept by an earlier run.
    public init(network: Network, table: TripTable = TripTable()) {
        self.network = network
        self.table = table
    }

    /// Takes one event; the facts are in the order of the line's stops and are to be told once each.
    public mutating func take(_ event: StationEvent) -> (taken: TakenEvent, facts: [ArrivalPrediction]) {
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
            _ = table.closeExcess()
            let facts = ArrivalRules.changes(from: before, to: after, on: line, cause: event)
            return (after.anchor == nil ? .held : .placed, facts)
        }
    }

    private static func changes(
        from before: TripObservations?, to after: TripObservations, on line: Line, cause: StationEvent
    ) -> [ArrivalPrediction] {
        let old = before.map { TripTimeline($0, on: line).stops } ?? []
        let new = TripTimeline(after, on: line).stops
        let isOtherTrain = before?.train != after.train
        return new.indices.compactMap { position in
            let call = new[position]
            guard isOtherTrain || position >= old.count || old[position] != call else { return nil }
            return ArrivalPrediction(
                trip: after.trip, train: after.train, station: line.stops[position].station.id,
                platform: call.platform, scheduled: call.scheduled, expected: call.expected,
                delaySeconds: call.delaySeconds, state: call.state, at: cause.at, causeEventId: cause.eventID)
        }
    }
}
