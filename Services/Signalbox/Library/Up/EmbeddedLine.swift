import ArrivalsService
import BrokerServer
import BrokerService
import DashboardService
import DelaysService
import EventStreams
import NotificationsService
import Railway
import ServiceKit
import StationService

/// The whole line as parts of one process.
///
/// One file configures them. `[broker]`, `[arrivals]`, `[delays]`, `[notifications]` and `[dashboard]` hold what each
/// reads of its own, `[station]` what all stations share; `[kafka]`, `network` and `zoneinfo` at the top hold for every
/// service that does not say otherwise. The broker's own settings are `[broker.kafka]`, so the two never meet.
enum EmbeddedLine {
    /// The process; its admin interface serves all parts.
    static let runner = ServiceRunner(name: "signalbox") { reader in try parts(reader) }

    /// The broker first: it starts first and stops last.
    static func parts(_ reader: ConfigurationReader) throws -> [ServicePart] {
        let shared = EventLogConfiguration.sharedKeys
        return [ServicePart(BrokerService.self, section: "broker")]
            + StationService.parts(of: try stations(reader))
            + [
                ServicePart(ArrivalsService.self, section: "arrivals", shared: shared),
                ServicePart(DelaysService.self, section: "delays", shared: shared),
                ServicePart(NotificationsService.self, section: "notifications", shared: shared),
                ServicePart(DashboardService.self, section: "dashboard", shared: shared),
            ]
    }

    /// The pages, and the sections of the services that serve them.
    private static let pages: [(page: LinePage, section: String)] = [
        (.control, "dashboard"), (.board, "arrivals"), (.delays, "delays"), (.notifications, "notifications"),
    ]

    private static func stations(_ reader: ConfigurationReader) throws(ConfigurationError) -> [StationID] {
        let names = try reader.list(
            "stations", default: ["VINCENNES", "NATION", "GARE_DE_LYON", "BASTILLE", "CHATELET"],
            doc: "Stations of the network that run in this process.")
        var stations: [StationID] = []
        for name in names {
            guard let station = StationID(name) else { throw reader.error("stations", "has '\(name)', which is no id") }
            guard !stations.contains(station) else { throw reader.error("stations", "names '\(name)' twice") }
            stations.append(station)
        }
        return stations
    }

    /// The options, with what the parts of one process know of each other: the services are sent to the address that
    /// this broker listens on, and the pages lead to each other's ports, unless a source says otherwise.
    static func connected(
        _ options: CommandLineOptions, environment: [String: String]
    ) throws -> CommandLineOptions {
        if options.action == .help { return options }
        let source = try ConfigurationSource(
            file: options.configurationFile, environment: environment, overrides: options.overrides)
        let reader = ConfigurationReader(source)
        var options = options
        for (page, section) in pages where !reader.contains(page.key) {
            let http = try HTTPServerConfiguration(reader.scoped(section), defaultPort: page.defaultPort)
            let address = LinePage.address(port: http.port)
            options.overrides.insert(ConfigurationOverride(key: page.key, value: address), at: 0)
        }
        if reader.contains("kafka.bootstrap_servers") { return options }
        let broker = try BrokerService.configure(reader.scoped("broker"))
        guard let listener = broker.listeners.first else { return options }
        let host = ["", "0.0.0.0", "::"].contains(listener.host) ? "127.0.0.1" : listener.host
        let port = listener.port
        let address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        options.overrides.insert(ConfigurationOverride(key: "kafka.bootstrap_servers", value: address), at: 0)
        return options
    }
}
