import EventStreams
import Railway
import ServiceKit
import ServiceLifecycle

/// Delays: works out how late trips are, tells each delay once in `delays`, and answers what stands now.
///
/// Two halves that know of each other only through the log: a processor in the group `delays` (`station-events` in,
/// `delays` out), and a view of all partitions of `station-events` behind the HTTP interface.
public enum DelaysService: ServiceDefinition {
    public static let name = "delays"

    public static func configure(_ reader: ConfigurationReader) throws -> DelaysConfiguration {
        try DelaysConfiguration(reader)
    }

    public static func build(
        _ configuration: DelaysConfiguration, in environment: ServiceEnvironment
    ) async throws -> [any Service] {
        let network = try configuration.railway.load().network
        let lateFrom = configuration.lateFromSeconds
        let log = try EventLog(configuration.log, topics: [.stationEvents, .delays], in: environment)
        let teller = try EventTeller(log, source: "/services/\(environment.name)")
        let listener = StationEventProcessor.listener(log, group: configuration.group, teller: teller) {
            TripDelayRules(network: network, lateFromSeconds: lateFrom)
        }
        let delays = DelayView(TripDelayRules(network: network, lateFromSeconds: lateFrom))
        let view = TopicView(log, reader: EventReader<StationEvent>(log), isCounted: false) { delays.take($0) }
        let server = environment.httpServer(configuration.http) { router in
            DelayRoutes(network: network, delays: delays, pages: configuration.pages).add(to: router)
        }
        return log.services + [teller, listener, view, server]
    }
}
