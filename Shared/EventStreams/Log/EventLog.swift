import KafkaClient
import Logging
import Railway
import ServiceKit
import ServiceLifecycle

/// The event log as one service sees it: where it is, whether it can be reached, and who reads and writes there.
///
/// Make one per service, and put ``services`` first into what the service runs.
public struct EventLog: Sendable {
    /// Where the log is.
    public let configuration: EventLogConfiguration
    /// What the service got from its process.
    public let environment: ServiceEnvironment
    /// Opens once the broker answers and the topics exist.
    public let link: EventLogLink
    /// Looks at topics and offsets.
    public let admin: KafkaAdmin
    private let spans: SpanTeller?

    /// The log for a service that uses `topics`; connects to nothing yet.
    public init(
        _ configuration: EventLogConfiguration, topics: [Topic], in environment: ServiceEnvironment
    ) throws(KafkaError) {
        self.configuration = configuration
        self.environment = environment
        environment.metrics.describe(EventStreamNames.Metric.all)
        var client = configuration.client(for: environment.name)
        // An answer that takes longer than this counts as an outage: it is asked again, and the log tells.
        client.requestTimeout = .seconds(5)
        client.connectTimeout = .seconds(3)
        admin = try KafkaAdmin(configuration: client, logger: EventLog.quiet(environment.logger))
        spans = configuration.tellsSpans ? try SpanTeller(configuration, in: environment) : nil
        link = EventLogLink(
            admin: admin, configuration: configuration,
            topics: configuration.createsTopics ? topics + (spans == nil ? [] : [.spans]) : [],
            check: environment.healthCheck("log"), logger: environment.logger)
        if let spans { environment.spans.attach(spans) }
    }

    /// What must run for everything else to work; first in the service's list, so that it stops last.
    public var services: [any Service] {
        spans.map { [$0, link] } ?? [link]
    }

    /// The client's configuration for this service.
    public var client: KafkaClientConfiguration { configuration.client(for: environment.name) }

    /// Every connection of every client reports an outage: the link tells it once, so theirs are for debugging.
    static func quiet(_ logger: Logger) -> Logger {
        guard logger.logLevel > .debug else { return logger }
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .error)
        return quiet
    }

    var logger: Logger { environment.logger }
}
