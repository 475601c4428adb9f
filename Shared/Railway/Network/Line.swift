/// A line in one direction: its stops from first to last, with planned runs, dwells and headways.
public struct Line: Hashable, Sendable {
    /// Its id, such as `M1`.
    public let id: LineID
    /// What people read.
    public let name: String
    /// The stops in the order in which trains call at them; at least two.
    public let stops: [Stop]
    /// Planned headways, in order of time; empty when none are planned.
    public let headways: [Headway]
    private let positions: [StationID: Int]

    /// Most stops of one line; bounds what is held per trip.
    public static let maximumStops = 200
    /// Longest planned run or dwell, in seconds.
    public static let maximumPlannedSeconds = 6 * 3600

    /// Where `station` is on the line, 0 for the first stop; nil when the line does not call there.
    public func position(of station: StationID) -> Int? {
        positions[station]
    }

    /// The place of a stop's event in a trip: 2 × position for the arrival, one more for the departure.
    public func sequence(of station: StationID, _ state: StationState) -> Int? {
        positions[station].map { 2 * $0 + (state == .departed ? 1 : 0) }
    }

    /// The first stop, where schedules are anchored.
    public var first: Stop { stops[0] }
    /// The last stop, where trips end.
    public var last: Stop { stops[stops.count - 1] }
}

/// One call of a line at a station, with its planned times.
public struct Stop: Hashable, Sendable {
    /// The station.
    public let station: Station
    /// The platform of this line's trains.
    public let platform: String
    /// Planned seconds at the platform; 0 at the two ends.
    public let dwellSeconds: Int
    /// Planned seconds to the next stop; 0 at the last.
    public let runToNextSeconds: Int
    /// Planned seconds from the departure at the first stop to the arrival here; 0 at the first.
    public let arrivalAfterSeconds: Int
}

/// Departures every `seconds` from `from` to `to`, both in seconds after the service date's midnight.
public struct Headway: Hashable, Sendable {
    /// First departure of the band.
    public let from: Int
    /// End of the band; may pass 86,400, for the hours after midnight.
    public let to: Int
    /// Seconds between departures.
    public let seconds: Int

    /// Shortest headway that may be planned, in seconds.
    public static let minimumSeconds = 60
}

extension Line {
    /// Checks a written line.
    init(_ written: LineDescription) throws(NetworkError) {
        guard let id = LineID(written.id) else { throw .invalidID(written.id, of: "line") }
        guard (2...Line.maximumStops).contains(written.stations.count) else {
            throw .stationCount(written.stations.count, id)
        }
        var stops: [Stop] = []
        var positions: [StationID: Int] = [:]
        var arrival = 0
        for (position, station) in written.stations.enumerated() {
            let end: LineEnd? = position == 0 ? .first : position == written.stations.count - 1 ? .last : nil
            let stop = try Stop(station, arrivalAfterSeconds: arrival, end: end, line: id)
            guard positions.updateValue(position, forKey: stop.station.id) == nil else {
                throw .repeatedStation(stop.station.id, id)
            }
            arrival += stop.dwellSeconds + stop.runToNextSeconds
            stops.append(stop)
        }
        self.id = id
        self.name = written.name ?? written.id
        self.stops = stops
        self.positions = positions
        self.headways = try Headway.checked(written.headways ?? [], of: id)
    }
}

/// Which end of the line a stop is.
enum LineEnd {
    case first, last
}

extension Stop {
    init(
        _ written: StationDescription, arrivalAfterSeconds: Int, end: LineEnd?, line: LineID
    ) throws(NetworkError) {
        guard let id = StationID(written.id) else { throw .invalidID(written.id, of: "station") }
        let range = 1...Line.maximumPlannedSeconds
        let dwell = written.dwellSeconds ?? 0
        let run = written.runToNextSeconds ?? 0
        if end == nil, !range.contains(dwell) {
            throw .invalidPlan("dwell_seconds must be from 1 to \(range.upperBound)", id, line)
        }
        if end != nil, dwell != 0 {
            throw .invalidPlan("dwell_seconds has no meaning at a terminus; leave it out", id, line)
        }
        if end != .last, !range.contains(run) {
            throw .invalidPlan("run_to_next_seconds must be from 1 to \(range.upperBound)", id, line)
        }
        if end == .last, run != 0 {
            throw .invalidPlan("run_to_next_seconds has no meaning at the last station; leave it out", id, line)
        }
        let platform = written.platform ?? "1"
        guard isIdentifier(platform) else {
            throw .invalidPlan("platform '\(platform)' is not made of letters, digits, '_' or '-'", id, line)
        }
        self.init(
            station: Station(id: id, name: written.name ?? written.id), platform: platform, dwellSeconds: dwell,
            runToNextSeconds: run, arrivalAfterSeconds: arrivalAfterSeconds)
    }
}

extension Headway {
    static func checked(_ written: [HeadwayDescription], of line: LineID) throws(NetworkError) -> [Headway] {
        var bands: [Headway] = []
        for band in written {
            guard let from = clock(band.from), let to = clock(band.to) else {
                throw .invalidHeadway("'\(band.from)' to '\(band.to)' is not HH:MM to HH:MM, at most 28:00", line)
            }
            guard from >= ServiceDate.startSecondOfDay else {
                throw .invalidHeadway("'\(band.from)' is before 04:00, where a service date begins", line)
            }
            guard from < to else { throw .invalidHeadway("'\(band.from)' is not before '\(band.to)'", line) }
            guard (Headway.minimumSeconds...7200).contains(band.seconds) else {
                throw .invalidHeadway("\(band.seconds) seconds is outside 60 to 7200", line)
            }
            guard from >= bands.last?.to ?? 0 else {
                throw .invalidHeadway("the band from '\(band.from)' begins before the one above it ends", line)
            }
            bands.append(Headway(from: from, to: to, seconds: band.seconds))
        }
        return bands
    }

    /// `HH:MM` in seconds, up to the end of the service date at 28:00.
    private static func clock(_ text: String) -> Int? {
        var scanner = DigitScanner(text)
        guard let hours = scanner.number(digits: 2), scanner.take(UInt8(ascii: ":")),
            let minutes = scanner.number(digits: 2), minutes < 60, scanner.isAtEnd
        else { return nil }
        let seconds = hours * 3600 + minutes * 60
        return seconds <= 86_400 + ServiceDate.startSecondOfDay ? seconds : nil
    }
}
