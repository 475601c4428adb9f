import EventStreams
import Railway
import ServiceKit

/// What the delays service reads from its file.
public struct DelaysConfiguration: Sendable {
    /// Where the log is.
    public var log: EventLogConfiguration
    /// Where the network is.
    public var railway: RailwayConfiguration
    /// Where delays are served.
    public var http: HTTPServerConfiguration
    /// Where the other pages are.
    public var pages: LinePages
    /// The consumer group that works delays out.
    public var group: String
    /// A trip is late from this delay, in seconds.
    public var lateFromSeconds: Int

    /// Reads every key.
    public init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        log = try EventLogConfiguration(reader)
        railway = try RailwayConfiguration(reader)
        http = try HTTPServerConfiguration(reader, defaultPort: LinePage.delays.defaultPort)
        pages = try LinePages(reader)
        group = try reader.string("delays.group", default: "delays", doc: "Consumer group.")
        let lateFrom = try reader.duration(
            "delays.late_from", default: .seconds(TripDelayRules.defaultLateFromSeconds),
            in: .seconds(1) ... .seconds(86_400), doc: "A trip is late from this delay; whole seconds.")
        lateFromSeconds = Int(lateFrom.components.seconds)
        guard !group.isEmpty else { throw reader.error("delays.group", "is empty") }
    }
}
