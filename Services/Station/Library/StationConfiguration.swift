import EventStreams
import Railway
import ServiceKit

/// How fast events are told compared with the times they carry.
public enum StationSpeed: Sendable, Equatable {
    /// Event time passes this many times as fast as the machine's.
    case times(Double)
    /// As fast as the log takes them.
    case maximum

    /// Reads `1`, `60`, `0.5` or `max`.
    init?(_ text: String) {
        if text == "max" {
            self = .maximum
        } else if let times = Double(text), times > 0, times <= 100_000 {
            self = .times(times)
        } else {
            return nil
        }
    }
}

/// Where a station's events come from.
public enum StationSource: Sendable, Equatable {
    /// The timetable with seeded disturbances.
    case simulate(SimulationSettings)
    /// A recorded file.
    case replay(ReplaySettings)
}

/// A station that simulates.
public struct SimulationSettings: Sendable, Equatable {
    /// Another seed is another day; all stations of a line need the same.
    public var seed: UInt64
    /// How fast time passes.
    public var speed: Double
    /// The instant at which simulated and real time are equal; all stations of a line need the same.
    public var anchor: OffsetDateTime
    /// Whether the hours without trains are left out.
    public var skipsNights: Bool
    /// How far back, in event time, trips are told at the start.
    public var catchUp: Duration

    /// Equal to real time at speed 1. A constant: stations that start on different days must agree.
    public static let defaultAnchor = "2026-01-01T00:00:00Z"
}

/// A station that replays.
public struct ReplaySettings: Sendable, Equatable {
    /// The recorded file.
    public var file: String
    /// How fast lines are told.
    public var speed: StationSpeed
    /// Whether the recording begins again at its end, on a later service date.
    public var loops: Bool
    /// Service date of the first loop; that of the file's first line when nil.
    public var serviceDate: ServiceDate?
}

/// What a station service reads from its file: the tables `[station]` and `[kafka]`, and the railway's keys.
public struct StationConfiguration: Sendable {
    /// The station.
    public var station: StationID
    /// The line it tells of; the first that stops there when nil.
    public var line: LineID?
    /// Where its events come from.
    public var source: StationSource
    /// Where the log is.
    public var log: EventLogConfiguration
    /// Where the network is.
    public var railway: RailwayConfiguration

    /// Reads every key. `id` is for a process of several stations, which share one `[station]` table.
    public init(_ reader: ConfigurationReader, id fixed: StationID? = nil) throws(ConfigurationError) {
        log = try EventLogConfiguration(reader)
        railway = try RailwayConfiguration(reader)
        station = try StationConfiguration.station(reader, fixed)
        line = try StationConfiguration.line(reader)
        let source = try reader.string(
            "station.source", default: "simulate", oneOf: ["simulate", "replay"], doc: "Where events come from.")
        let simulation = try StationConfiguration.simulation(reader)
        let replay = try StationConfiguration.replay(reader, station)
        let speed = try StationConfiguration.speed(reader, isReplay: source == "replay")
        if source == "replay" {
            guard let file = replay.file else {
                throw reader.error("station.source", "is 'replay', which needs station.file or station.directory")
            }
            self.source = .replay(
                ReplaySettings(file: file, speed: speed, loops: replay.loops, serviceDate: replay.serviceDate))
        } else {
            guard case .times(let times) = speed else {
                throw reader.error("station.speed", "'max' is for source = \"replay\"; a simulation has no end")
            }
            self.source = .simulate(
                SimulationSettings(
                    seed: simulation.seed, speed: times, anchor: simulation.anchor,
                    skipsNights: simulation.skipsNights, catchUp: simulation.catchUp))
        }
    }

    private static func station(
        _ reader: ConfigurationReader, _ fixed: StationID?
    ) throws(ConfigurationError) -> StationID {
        if let fixed { return fixed }
        let text = try reader.string("station.id", doc: "The station, as in the network file.")
        guard let id = StationID(reader.isDescribing ? "STATION" : text) else {
            throw reader.error("station.id", "is '\(text)'; an id has letters, digits, '_' and '-' only")
        }
        return id
    }

    private static func line(_ reader: ConfigurationReader) throws(ConfigurationError) -> LineID? {
        guard let text = try reader.optionalString("station.line", doc: "The line; the station's first by default.")
        else { return nil }
        guard let id = LineID(text) else {
            throw reader.error("station.line", "is '\(text)'; an id has letters, digits, '_' and '-' only")
        }
        return id
    }

    private static func speed(
        _ reader: ConfigurationReader, isReplay: Bool
    ) throws(ConfigurationError) -> StationSpeed {
        // A number in TOML and text everywhere else: `60` and `"max"` are both written without thinking.
        let text = try reader.numberOrText(
            "station.speed", default: isReplay ? "max" : "1", doc: "1, 60 or max: event time per real time.")
        guard let speed = StationSpeed(text) else {
            throw reader.error("station.speed", "is '\(text)', which is neither a number above 0 nor 'max'")
        }
        return speed
    }

    private static func simulation(
        _ reader: ConfigurationReader
    ) throws(ConfigurationError) -> (seed: UInt64, anchor: OffsetDateTime, skipsNights: Bool, catchUp: Duration) {
        let seed = try reader.int("station.seed", default: 1, in: 0 ... .max, doc: "Another seed is another day.")
        let anchor = try reader.string(
            "station.anchor", default: SimulationSettings.defaultAnchor,
            doc: "When simulated and real time are equal; the same at all stations.")
        guard let anchor = OffsetDateTime(anchor) else {
            throw reader.error("station.anchor", "is '\(anchor)', which is no RFC 3339 time")
        }
        let skipsNights = try reader.bool(
            "station.skip_nights", default: false, doc: "Leave out the hours without trains.")
        let catchUp = try reader.duration(
            "station.catch_up", default: .seconds(3600), in: .zero ... .seconds(86_400),
            doc: "How far back, in event time, trips are told at the start.")
        return (UInt64(seed), anchor, skipsNights, catchUp)
    }

    private static func replay(
        _ reader: ConfigurationReader, _ station: StationID
    ) throws(ConfigurationError) -> (file: String?, loops: Bool, serviceDate: ServiceDate?) {
        let file = try reader.optionalPath("station.file", doc: "The recorded file.")
        let directory = try reader.optionalPath("station.directory", doc: "Folder of recorded files, ID.txt each.")
        let loops = try reader.bool("station.loop", default: false, doc: "Begin again at the end of the recording.")
        let date = try reader.optionalString(
            "station.service_date", doc: "Service date of the recording; that of its first line by default.")
        let serviceDate = date.flatMap { ServiceDate($0) }
        if let date, serviceDate == nil {
            throw reader.error("station.service_date", "is '\(date)', which is no date such as 2022-10-11")
        }
        return (file ?? directory.map { "\($0)/\(station).txt" }, loops, serviceDate)
    }
}
