import EventStreams
import Railway
import ServiceKit
import ServiceLifecycle

/// Arrivals: works out when trips are expected, tells it in `arrivals`, and shows the boards.
///
/// Two halves that know of each other only through the log: a processor in the group `arrivals` (`station-events` in,
/// `arrivals` out), and a view of all partitions of `arrivals` behind the HTTP interface.
public enum ArrivalsService: ServiceDefinition {
    public static let name = "arrivals"

    public static func configure(_ reader: ConfigurationReader) throws -> ArrivalsConfiguration {
        try ArrivalsConfiguration(reader)
    }

    public static func build(
        _ configuration: ArrivalsConfiguration, in environment: ServiceEnvironment
    ) async throws -> [any Service] {
        let network = try configuration.railway.load().network
        let log = try EventLog(configuration.log, topics: [.stationEvents, .arrivals], in: environment)
        let teller = try EventTeller(log, source: "/services/\(environment.name)")
        let listener = StationEventProcessor.listener(log, group: configuration.group, teller: teller) {
            ArrivalRules(network: network)
        }
        let boards = Boards(network: network, refresh: configuration.refresh)
        let view = TopicView(log, reader: EventReader<ArrivalPrediction>(log)) { boards.take($0) }
        let server = environment.httpServer(configuration.http) { router in
            BoardRoutes(network: network, boards: boards, pages: configuration.pages).add(to: router)
        }
        return log.services + [teller, listener, boards, view, server]
    }
}
