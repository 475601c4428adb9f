import ArrivalsService
import BrokerService
import DashboardService
import DelaysService
import EventStreams
import NotificationsService
import ServiceKit
import StationService

/// The whole line as parts of one process.
///
/// One file configures them: `[broker]`, `[stations.NAME]`, `[arrivals]`, `[delays]`, `[notifications]` and
/// `[dashboard]` are what each part reads of its own; `[kafka]`, `[source]`, `network` and `zoneinfo` at the top hold for
/// all services that do not say otherwise. The broker's own settings are `[broker.kafka]`.
enum EmbeddedLine {
    /// The process; its admin interface serves all parts.
    static let runner = ServiceRunner(name: "signalbox") { reader in parts(stations: stationNames(reader)) }

    /// The stations of a file that names none.
    static let defaultStations = ["vincennes", "nation", "gare-de-lyon", "bastille", "chatelet"]

    /// Keys and tables at the top of the file that hold for every service.
    static let shared = EventLogConfiguration.sharedKeys.union(["source"])

    private static func stationNames(_ reader: ConfigurationReader) -> [String] {
        let named = reader.tableNames(in: "stations")
        return named.isEmpty ? defaultStations : named
    }

    /// The broker first: it starts first and stops last.
    private static func parts(stations: [String]) -> [ServicePart] {
        [ServicePart(BrokerService.self, section: "broker")]
            + stations.map { name in
                ServicePart(StationService.self, name: "station-\(name)", section: "stations.\(name)", shared: shared)
            } + [
                ServicePart(ArrivalsService.self, section: "arrivals", shared: shared),
                ServicePart(DelaysService.self, section: "delays", shared: shared),
                ServicePart(NotificationsService.self, section: "notifications", shared: shared),
                ServicePart(DashboardService.self, section: "dashboard", shared: shared),
            ]
    }

    /// The options, with the services sent to the address that this broker listens on, unless a source says otherwise.
    static func connected(
        _ options: CommandLineOptions, environment: [String: String]
    ) throws -> CommandLineOptions {
        if options.action == .help { return options }
        let source = try ConfigurationSource(
            file: options.configurationFile, environment: environment, overrides: options.overrides)
        let reader = ConfigurationReader(source)
        if reader.contains("kafka.bootstrap_servers") { return options }
        var options = options
        let broker = try BrokerService.configure(reader.scoped("broker"))
        guard let listener = broker.listeners.first else { return options }
        let host = ["", "0.0.0.0", "::"].contains(listener.host) ? "127.0.0.1" : listener.host
        let port = listener.port
        let address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        options.overrides.insert(ConfigurationOverride(key: "kafka.bootstrap_servers", value: address), at: 0)
        return options
    }
}
