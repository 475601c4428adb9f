import EventStreams
import ServiceKit

/// Everything that the dashboard can be told.
public struct DashboardConfiguration: Sendable {
    /// Where the log is.
    public var log: EventLogConfiguration
    /// Which network is drawn.
    public var railway: RailwayConfiguration
    /// Where the page is served.
    public var http: HTTPServerConfiguration
    /// Where the other pages are.
    public var pages: LinePages
    /// A train is shown as late from so many seconds.
    public var lateSeconds: Int
    /// Pages that may look at the same time.
    public var maximumStreams: Int
    /// Between two looks at the ends of the topics.
    public var topicsInterval: Duration

    /// Reads `[kafka]`, `[http]`, `[links]`, `[limits]`, `late_seconds`, `topics_interval`, `network` and `zoneinfo`.
    public init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        log = try EventLogConfiguration(reader)
        railway = try RailwayConfiguration(reader)
        http = try HTTPServerConfiguration(reader, defaultPort: LinePage.control.defaultPort)
        pages = try LinePages(reader)
        lateSeconds = try reader.int(
            "late_seconds", default: 30, in: 1...86_400, doc: "A train is shown as late from so many seconds.")
        maximumStreams = try reader.int(
            "limits.sse_clients", default: 1_000, in: 1...100_000, doc: "Event streams open at once.")
        topicsInterval = try reader.duration(
            "topics_interval", default: .seconds(1), in: .milliseconds(100) ... .seconds(3_600),
            doc: "Between two looks at the ends of the topics.")
    }
}
