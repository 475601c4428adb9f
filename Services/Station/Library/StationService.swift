import EventStreams
import Railway
import ServiceKit
import ServiceLifecycle

/// A station: tells what its trains do, from the timetable or from a recording.
public enum StationService: ServiceDefinition {
    public static let name = "station"

    public static func configure(_ reader: ConfigurationReader) throws -> StationConfiguration {
        try StationConfiguration(reader)
    }

    public static func build(
        _ configuration: StationConfiguration, in environment: ServiceEnvironment
    ) async throws -> [any Service] {
        environment.metrics.describe([StationNames.linesRejected])
        let railway = try configuration.railway.load()
        let line = try line(of: configuration, in: railway.network)
        let log = try EventLog(configuration.log, topics: [.stationEvents], in: environment)
        let teller = try EventTeller(log, source: "/stations/\(configuration.station)")
        let source: any Service =
            switch configuration.source {
            case .simulate(let settings):
                SimulatedStation(
                    station: configuration.station, settings: settings,
                    clock: SimulationClock(
                        anchor: settings.anchor.instant, speed: settings.speed, skipsNights: settings.skipsNights,
                        line: line, offsets: railway.offsets),
                    railway: railway, line: line, log: log, teller: teller)
            case .replay(let settings):
                ReplayedStation(
                    station: configuration.station, settings: settings,
                    recording: try Recording(path: settings.file, station: configuration.station),
                    railway: railway, line: line, log: log, teller: teller)
            }
        return log.services + [teller, source]
    }

    /// One part per station for a process that hosts all of them. `section` is a table that holds a table `station`,
    /// or nil for the file's own; every station reads the same keys, except `station.id`.
    public static func parts(
        of stations: [StationID], section: String? = nil, shared: Set<String> = EventLogConfiguration.sharedKeys
    ) -> [ServicePart] {
        stations.map { station in
            ServicePart(
                name: partName(of: station), section: section, shared: shared,
                configure: { try StationConfiguration($0, id: station) }, build: { try await build($0, in: $1) })
        }
    }

    /// `GARE_DE_LYON` is hosted as `station-gare-de-lyon`, which is also the name of its file under `config/`.
    public static func partName(of station: StationID) -> String {
        "station-" + station.rawValue.lowercased().replacing("_", with: "-")
    }

    private static func line(
        of configuration: StationConfiguration, in network: Network
    ) throws(StartupError) -> Line {
        let file = configuration.railway.networkPath
        guard network.station(configuration.station) != nil else {
            throw StartupError("station.id: there is no station \(configuration.station) in \(file)")
        }
        let lines = network.lines(at: configuration.station)
        guard let wanted = configuration.line else {
            guard let first = lines.first else {
                throw StartupError("station.id: no line of \(file) stops at \(configuration.station)")
            }
            return first
        }
        guard let line = lines.first(where: { $0.id == wanted }) else {
            throw StartupError("station.line: line \(wanted) of \(file) does not stop at \(configuration.station)")
        }
        return line
    }
}
