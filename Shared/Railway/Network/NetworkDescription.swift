/// The network as written down, before it is checked: what `config/network.toml` decodes into.
///
/// Keys are in snake case: `time_zone`, `lines`, `stations`, `dwell_seconds`, `run_to_next_seconds`, `headways`.
public struct NetworkDescription: Codable, Hashable, Sendable {
    /// IANA name of the zone whose clocks hang in the stations, such as `Europe/Paris`.
    public var timeZone: String
    /// The lines, in the order pages show them.
    public var lines: [LineDescription]

    /// A network to be checked by ``Network/init(_:)``.
    public init(timeZone: String, lines: [LineDescription]) {
        self.timeZone = timeZone
        self.lines = lines
    }

    enum CodingKeys: String, CodingKey {
        case timeZone = "time_zone"
        case lines
    }
}

/// One line as written down.
public struct LineDescription: Codable, Hashable, Sendable {
    /// Id, such as `M1`.
    public var id: String
    /// What people read; the id when left out.
    public var name: String?
    /// The stations from first to last.
    public var stations: [StationDescription]
    /// Planned headways by time of day; only the simulation needs them.
    public var headways: [HeadwayDescription]?

    /// A line to be checked by ``Network/init(_:)``.
    public init(
        id: String, name: String? = nil, stations: [StationDescription], headways: [HeadwayDescription]? = nil
    ) {
        self.id = id
        self.name = name
        self.stations = stations
        self.headways = headways
    }
}

/// One stop of a line as written down.
public struct StationDescription: Codable, Hashable, Sendable {
    /// Id, such as `NATION`.
    public var id: String
    /// What people read; the id when left out.
    public var name: String?
    /// Planned stop in seconds; left out at the two ends.
    public var dwellSeconds: Int?
    /// Planned run to the next station in seconds; left out at the last.
    public var runToNextSeconds: Int?
    /// The platform of this line's trains; `1` when left out.
    public var platform: String?

    /// A stop to be checked by ``Network/init(_:)``.
    public init(
        id: String, name: String? = nil, dwellSeconds: Int? = nil, runToNextSeconds: Int? = nil,
        platform: String? = nil
    ) {
        self.id = id
        self.name = name
        self.dwellSeconds = dwellSeconds
        self.runToNextSeconds = runToNextSeconds
        self.platform = platform
    }

    enum CodingKeys: String, CodingKey {
        case id, name, platform
        case dwellSeconds = "dwell_seconds"
        case runToNextSeconds = "run_to_next_seconds"
    }
}

/// A planned headway as written down.
public struct HeadwayDescription: Codable, Hashable, Sendable {
    /// First departure of the band, `05:00`.
    public var from: String
    /// End of the band, `07:00`; hours may pass 24 (`24:30` is half past midnight). A departure at the end of the last
    /// band still runs.
    public var to: String
    /// Seconds between departures.
    public var seconds: Int

    /// A band to be checked by ``Network/init(_:)``.
    public init(from: String, to: String, seconds: Int) {
        self.from = from
        self.to = to
        self.seconds = seconds
    }
}
