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
    /// A train is shown as late from so many seconds.
    public var lateSeconds: Int
    /// Pages that may look at the same time.
    public var maximumStreams: Int
    /// Between two looks at the ends of the topics.
    public var topicsInterval: Duration
    /// Addresses of the other pages by their name.
    public var links: [String: String]

    /// Reads `[kafka]`, `[http]`, `[links]`, `[limits]`, `late_seconds`, `topics_interval`, `network` and `zoneinfo`.
    public init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        log = try EventLogConfiguration(reader)
        railway = try RailwayConfiguration(reader)
        http = try HTTPServerConfiguration(reader, defaultPort: 8080)
        lateSeconds = try reader.int(
            "late_seconds", default: 30, in: 1...86_400, doc: "A train is shown as late from so many seconds.")
        maximumStreams = try reader.int(
            "limits.sse_clients", default: 1_000, in: 1...100_000, doc: "Event streams open at once.")
        topicsInterval = try reader.duration(
            "topics_interval", default: .seconds(1), in: .milliseconds(100) ... .seconds(3_600),
            doc: "Between two looks at the ends of the topics.")
        links = [:]
        for (name, port) in [("board", 8090), ("delays", 8091), ("notifications", 8092)] {
            links[name] = try reader.string(
                "links.\(name)", default: "http://{host}:\(port)/",
                doc: "Address of that page; {host} is the one that the visitor used.")
        }
    }
}
