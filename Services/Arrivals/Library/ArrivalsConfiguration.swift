import EventStreams
import ServiceKit

/// What the arrivals service reads from its file.
public struct ArrivalsConfiguration: Sendable {
    /// Where the log is.
    public var log: EventLogConfiguration
    /// Where the network is.
    public var railway: RailwayConfiguration
    /// Where boards are served.
    public var http: HTTPServerConfiguration
    /// Where the other pages are.
    public var pages: LinePages
    /// The consumer group that works arrivals out.
    public var group: String
    /// How often a changed board is shown to open pages.
    public var refresh: Duration

    /// Reads every key.
    public init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        log = try EventLogConfiguration(reader)
        railway = try RailwayConfiguration(reader)
        http = try HTTPServerConfiguration(reader, defaultPort: LinePage.board.defaultPort)
        pages = try LinePages(reader)
        group = try reader.string("arrivals.group", default: "arrivals", doc: "Consumer group.")
        refresh = try reader.duration(
            "arrivals.refresh", default: .milliseconds(250), in: .milliseconds(10) ... .seconds(60),
            doc: "How often changed boards are sent to open pages.")
        guard !group.isEmpty else { throw reader.error("arrivals.group", "is empty") }
    }
}
