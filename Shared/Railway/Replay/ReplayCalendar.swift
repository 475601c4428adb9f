/// Which service date a recording's lines are of, and when they happen, in every loop of it.
///
/// The first loop has the service date of the recording, whatever midnights the file crosses, and its own times. Each
/// later loop moves both by ``daysPerLoop``, so that trips have new ids and event time goes on. Several stations that
/// play one recording need the same calendar: leave it to the files only when their first lines fall on one date.
public struct ReplayCalendar: Hashable, Sendable {
    /// Service date of the first loop.
    public let serviceDate: ServiceDate
    /// By how many days each loop is later; at least 1.
    public let daysPerLoop: Int

    /// A calendar with a configured service date.
    public init(serviceDate: ServiceDate, daysPerLoop: Int) {
        self.serviceDate = serviceDate
        self.daysPerLoop = max(1, daysPerLoop)
    }

    /// The calendar of a file from its first and last line: the service date of the first (so a file that begins at
    /// 00:10 is the evening before's), and as many days per loop as service dates are touched.
    public init(first: LocalDateTime, last: LocalDateTime) {
        let begin = ServiceDate(containing: first)
        self.init(serviceDate: begin, daysPerLoop: ServiceDate(containing: last).days(since: begin) + 1)
    }

    /// The event of `line` in loop `loop` (0 is the first), told by a station of `network`.
    ///
    /// Throws when the network's line does not call at that station.
    public func event(
        _ line: RecordedLine, loop: Int, on railwayLine: Line, offsets: some UTCOffsets
    ) throws(EventError) -> StationEvent {
        guard let position = railwayLine.position(of: line.station),
            let sequence = railwayLine.sequence(of: line.station, line.state)
        else { throw .notInNetwork("line \(railwayLine.id) does not call at \(line.station)") }
        let shift = loop * daysPerLoop
        let trip = TripID(serviceDate: serviceDate.adding(days: shift), line: railwayLine.id, number: line.train)
        return StationEvent(
            trip: trip, train: String(line.train), station: line.station, state: line.state,
            at: offsets.dateTime(line.at.adding(days: shift)), platform: railwayLine.stops[position].platform,
            sequence: sequence)
    }
}
