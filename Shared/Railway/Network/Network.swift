/// The railway: its lines, stations, planned times and the zone its clocks show. Immutable once checked.
public struct Network: Hashable, Sendable {
    /// IANA name of the time zone, such as `Europe/Paris`; reading its data is the service's.
    public let timeZone: String
    /// The lines in their written order.
    public let lines: [Line]
    /// Every station once, in the order in which the lines first name them.
    public let stations: [Station]
    private let lineIndex: [LineID: Int]
    private let stationIndex: [StationID: Int]

    /// Checks what was written down; throws the first thing found wrong.
    public init(_ description: NetworkDescription) throws(NetworkError) {
        guard isTimeZoneName(description.timeZone) else { throw .invalidTimeZone(description.timeZone) }
        guard !description.lines.isEmpty else { throw .noLines }
        var lines: [Line] = []
        var lineIndex: [LineID: Int] = [:]
        var stations: [Station] = []
        var stationIndex: [StationID: Int] = [:]
        for written in description.lines {
            let line = try Line(written)
            guard lineIndex.updateValue(lines.count, forKey: line.id) == nil else { throw .repeatedLine(line.id) }
            lines.append(line)
            for stop in line.stops where stationIndex[stop.station.id] == nil {
                stationIndex[stop.station.id] = stations.count
                stations.append(stop.station)
            }
        }
        self.timeZone = description.timeZone
        self.lines = lines
        self.stations = stations
        self.lineIndex = lineIndex
        self.stationIndex = stationIndex
    }

    /// The line of that id, or nil.
    public func line(_ id: LineID) -> Line? {
        lineIndex[id].map { lines[$0] }
    }

    /// The station of that id, or nil.
    public func station(_ id: StationID) -> Station? {
        stationIndex[id].map { stations[$0] }
    }

    /// The lines that stop at `station`.
    public func lines(at station: StationID) -> [Line] {
        lines.filter { $0.position(of: station) != nil }
    }
}

/// A place where trains stop.
public struct Station: Hashable, Sendable {
    /// Its id, such as `NATION`.
    public let id: StationID
    /// What people read, such as `Nation`.
    public let name: String
}

/// Why a written network is none; each says what is wrong and where.
public enum NetworkError: Error, Hashable, Sendable {
    /// The network has no line at all.
    case noLines
    /// The time zone's name could not be a path below a zoneinfo folder.
    case invalidTimeZone(String)
    /// A text that should be an id is none.
    case invalidID(String, of: String)
    /// Two lines have one id.
    case repeatedLine(LineID)
    /// A line names a station twice.
    case repeatedStation(StationID, LineID)
    /// A line has under two stations, or more than ``Line/maximumStops``.
    case stationCount(Int, LineID)
    /// A planned time is missing, outside its range, or given where there is none.
    case invalidPlan(String, StationID, LineID)
    /// A headway band that cannot be read, overlaps or has no departures.
    case invalidHeadway(String, LineID)
}

extension NetworkError: CustomStringConvertible {
    /// A sentence for a log line.
    public var description: String {
        switch self {
        case .noLines: "the network has no lines"
        case .invalidTimeZone(let name): "time_zone '\(name)' is no time zone name such as Europe/Paris"
        case .invalidID(let id, let kind): "'\(id)' is no \(kind) id: use 1 to 64 letters, digits, '_' or '-'"
        case .repeatedLine(let line): "line \(line) is there twice"
        case .repeatedStation(let station, let line): "line \(line) names station \(station) twice"
        case .stationCount(let count, let line):
            "line \(line) has \(count) stations; it needs 2 to \(Line.maximumStops)"
        case .invalidPlan(let reason, let station, let line): "station \(station) of line \(line): \(reason)"
        case .invalidHeadway(let reason, let line): "headways of line \(line): \(reason)"
        }
    }
}

/// Names become paths, so nothing may climb out of the zoneinfo folder.
private func isTimeZoneName(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    return (1...3).contains(parts.count)
        && parts.allSatisfy { part in
            isIdentifier(String(part).filter { $0 != "+" }) && part.utf8.first != UInt8(ascii: "-")
        }
}
