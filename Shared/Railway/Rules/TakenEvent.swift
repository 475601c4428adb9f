/// What a rule did with one station event; a service counts these.
public enum TakenEvent: Hashable, Sendable {
    /// It is placed in its trip's schedule.
    case placed
    /// Its trip's schedule is not known yet: it is held until the first departure is told.
    case held
    /// The same was told before; nothing has changed.
    case repeated
    /// Its trip is closed (see ``TripTable``); nothing has changed.
    case tooLate
    /// It names a line or stop that the network does not have; nothing has changed.
    case refused(EventError)
}

extension Network {
    /// The line and the stop that `event` is about.
    func place(_ event: StationEvent) throws(EventError) -> (line: Line, position: Int) {
        guard let line = line(event.line) else { throw .notInNetwork("there is no line \(event.line)") }
        guard let position = line.position(of: event.station) else {
            throw .notInNetwork("line \(event.line) does not call at \(event.station)")
        }
        return (line, position)
    }
}
