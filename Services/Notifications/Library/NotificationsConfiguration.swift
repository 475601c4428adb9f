import EventStreams
import ServiceKit

/// Everything that the notifications service can be told.
public struct NotificationsConfiguration: Sendable {
    /// Where the log is.
    public var log: EventLogConfiguration
    /// Which network's stations may be subscribed to.
    public var railway: RailwayConfiguration
    /// Where people subscribe and listen.
    public var http: HTTPServerConfiguration
    /// Where the other pages are.
    public var pages: LinePages
    /// Subscriptions that are taken at most.
    public var maximumSubscriptions: Int
    /// Event streams that are open at most.
    public var maximumStreams: Int
    /// Notifications held for each subscriber, for pages that come back.
    public var historyPerSubscriber: Int
    /// Notifications held for all subscribers together.
    public var historyTotal: Int
    /// Delays remembered, so that a repeat or a change is not told as a new delay.
    public var maximumDelays: Int

    /// Reads `[kafka]`, `[http]`, `[links]`, `[limits]`, `network` and `zoneinfo`.
    public init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        log = try EventLogConfiguration(reader)
        railway = try RailwayConfiguration(reader)
        http = try HTTPServerConfiguration(reader, defaultPort: LinePage.notifications.defaultPort)
        pages = try LinePages(reader)
        maximumSubscriptions = try reader.int(
            "limits.subscriptions", default: 10_000, in: 1...1_000_000, doc: "Subscriptions taken at most.")
        maximumStreams = try reader.int(
            "limits.sse_clients", default: 1_000, in: 1...100_000, doc: "Event streams open at once.")
        historyPerSubscriber = try reader.int(
            "limits.history_per_subscriber", default: 1_000, in: 1...100_000,
            doc: "Notifications held for a subscriber whose page comes back.")
        historyTotal = try reader.int(
            "limits.history_total", default: 200_000, in: 1...10_000_000,
            doc: "Notifications held for all subscribers together.")
        maximumDelays = try reader.int(
            "limits.delays", default: 100_000, in: 1...10_000_000, doc: "Delays remembered to recognise repeats.")
    }
}
