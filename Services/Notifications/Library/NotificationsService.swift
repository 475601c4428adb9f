import EventStreams
import KafkaClient
import Railway
import ServiceKit
import ServiceLifecycle

/// Notifies subscribers of delays at their station: on the page, by server-sent events.
///
/// Reads `subscriptions` (its own, compacted) and `notifications` (its own) as projections, and `delays` as group
/// `notifications`. Everything it knows is a fold of those topics, so a restart loses nothing and repeats nothing.
public enum NotificationsService: ServiceDefinition {
    public static let name = "notifications"

    public static func configure(_ reader: ConfigurationReader) throws -> NotificationsConfiguration {
        try NotificationsConfiguration(reader)
    }

    public static func build(
        _ configuration: NotificationsConfiguration, in environment: ServiceEnvironment
    ) async throws -> [any Service] {
        environment.metrics.describe(NotificationsMetric.all)
        let network = try NetworkFile.read(configuration.railway.networkPath)
        let log = try EventLog(
            configuration.log, topics: [.delays, .subscriptions, .notifications], in: environment)
        let teller = try EventTeller(log, source: "/services/\(environment.name)")
        let subscriptions = Subscriptions(
            network: network, limit: configuration.maximumSubscriptions, delayLimit: configuration.maximumDelays)
        let feed = NotificationFeed(
            historyLimit: configuration.historyPerSubscriber, entryLimit: configuration.historyTotal,
            streamLimit: configuration.maximumStreams)
        let views = NotificationViews(log, subscriptions: subscriptions, feed: feed)
        let deliveries = Deliveries(
            feed: feed, teller: teller, service: environment.name, logger: environment.logger)
        let processor = NotificationProcessor(
            log, subscriptions: subscriptions, feed: feed, views: views, teller: teller)
        let routes = NotificationRoutes(
            configuration: configuration, network: network, subscriptions: subscriptions, feed: feed, views: views,
            deliveries: deliveries, teller: teller, link: log.link, metrics: environment.metrics)
        var services = log.services
        services += [teller as any Service] + views.services
        services += [deliveries, processor.listener(), environment.httpServer(configuration.http, routes: routes.add)]
        return services
    }
}
