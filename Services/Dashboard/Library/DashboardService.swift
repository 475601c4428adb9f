import EventStreams
import KafkaClient
import Railway
import ServiceKit
import ServiceLifecycle

/// The control room: the line with its trains moving, and how fast each topic grows.
///
/// Reads `station-events` and `delays` from their first record on as projections, without a group: every dashboard
/// shows everything. Asks the log for the ends of its topics. Writes nothing.
public enum DashboardService: ServiceDefinition {
    public static let name = "dashboard"

    public static func configure(_ reader: ConfigurationReader) throws -> DashboardConfiguration {
        try DashboardConfiguration(reader)
    }

    public static func build(
        _ configuration: DashboardConfiguration, in environment: ServiceEnvironment
    ) async throws -> [any Service] {
        let network = try NetworkFile.read(configuration.railway.networkPath)
        let log = try EventLog(configuration.log, topics: [.stationEvents, .delays], in: environment)
        let room = ControlRoom(network: network, lateSeconds: configuration.lateSeconds)
        let trains = TopicView(log, reader: EventReader<StationEvent>(log)) { records in
            for case .event(let received) in records { room.take(received.event, toldAt: received.toldAtMilliseconds) }
        }
        let delays = TopicView(log, reader: EventReader<DelayChanged>(log)) { records in
            for case .event(let received) in records { room.take(received.event) }
        }
        let routes = DashboardRoutes(
            room: room, pages: configuration.pages, maximumStreams: configuration.maximumStreams,
            stream: SSEStream(metrics: environment.metrics))
        var services = log.services
        services += [
            trains, delays, TopicMonitor(log: log, room: room, interval: configuration.topicsInterval),
            LinePublisher(room: room), environment.httpServer(configuration.http, routes: routes.add),
        ]
        return services
    }
}
