/// Where an HTTP server listens, and its bounds.
public struct HTTPServerConfiguration: Sendable, Equatable {
    /// An address or host name; `0.0.0.0` for all interfaces.
    public var host: String
    /// 0 lets the system choose, for tests.
    public var port: Int
    /// A longer request body is refused with 413.
    public var maximumRequestBytes: Int
    /// More connections than this wait in the system's queue.
    public var maximumConnections: Int
    /// A connection without a request for this long is closed; event streams are not idle.
    public var idleTimeout: Duration

    public init(
        host: String = "127.0.0.1", port: Int, maximumRequestBytes: Int = 1 << 20, maximumConnections: Int = 1_024,
        idleTimeout: Duration = .seconds(60)
    ) {
        self.host = host
        self.port = port
        self.maximumRequestBytes = maximumRequestBytes
        self.maximumConnections = maximumConnections
        self.idleTimeout = idleTimeout
    }

    /// Reads `[http]`, or another table of the same keys.
    public init(
        _ reader: ConfigurationReader, table: String = "http", defaultPort: Int
    ) throws(ConfigurationError) {
        host = try reader.string("\(table).host", default: "127.0.0.1", doc: "Address to listen on.")
        port = try reader.int("\(table).port", default: defaultPort, in: 0...65_535, doc: "Port to listen on.")
        maximumRequestBytes = try reader.bytes(
            "\(table).max_request_bytes", default: 1 << 20, in: 1_024...(1 << 30),
            doc: "Longest request body; a longer one gets 413.")
        maximumConnections = try reader.int(
            "\(table).max_connections", default: 1_024, in: 1...1_000_000, doc: "Connections open at once.")
        idleTimeout = try reader.duration(
            "\(table).idle_timeout", default: .seconds(60), in: .seconds(1) ... .seconds(86_400),
            doc: "Closes a connection without requests after this time.")
    }
}
