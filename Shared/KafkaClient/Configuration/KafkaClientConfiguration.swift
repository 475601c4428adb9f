/// What producer, consumer and admin share: where the cluster is, and how patient to be with it.
///
/// Names and defaults follow Apache Kafka's Java client unless a comment says otherwise.
public struct KafkaClientConfiguration: Sendable {
    /// How a connection is protected.
    public enum SecurityProtocol: Sendable, Hashable {
        /// Neither encrypted nor authenticated.
        case plaintext
    }

    /// `host:port` of one or more brokers, from which the whole cluster is found; `[::1]:9092` for IPv6 addresses.
    public var bootstrapServers: [String]
    /// The name brokers log and count this client under.
    public var clientID: String
    /// How connections are protected.
    public var securityProtocol: SecurityProtocol = .plaintext
    /// Until a TCP connection must stand and the versions be known.
    public var connectTimeout: Duration = .seconds(10)
    /// Until a request must be answered; longer for requests that the broker holds back on purpose.
    public var requestTimeout: Duration = .seconds(30)
    /// The first wait before a broker that could not be reached is tried again; doubles, with jitter.
    public var reconnectBackoff: Duration = .milliseconds(50)
    /// The longest wait between two attempts at the same broker.
    public var reconnectBackoffMax: Duration = .seconds(1)
    /// The first wait before a failed request is sent again; doubles, with jitter.
    public var retryBackoff: Duration = .milliseconds(100)
    /// The longest wait between two attempts of the same request.
    public var retryBackoffMax: Duration = .seconds(1)
    /// After this long the cluster's brokers, topics and leaders are asked for again.
    public var metadataMaxAge: Duration = .seconds(300)
    /// A response longer than this is refused and the connection closed.
    public var maxResponseBytes: Int = 100 * 1024 * 1024

    public init(bootstrapServers: [String], clientID: String = "signalbox") {
        self.bootstrapServers = bootstrapServers
        self.clientID = clientID
    }

    /// Throws ``KafkaError/Code/invalidConfiguration`` with the name and the value of the first impossible setting.
    public func validate() throws(KafkaError) {
        guard !bootstrapServers.isEmpty else {
            throw .configuration("bootstrapServers is empty; it needs at least one host:port")
        }
        for server in bootstrapServers where BrokerAddress(server) == nil {
            throw .configuration("bootstrapServers: '\(server)' is not host:port")
        }
        guard clientID.utf8.count <= 249 else {
            throw .configuration("clientID is longer than 249 bytes")
        }
        try Self.requirePositive(connectTimeout, "connectTimeout")
        try Self.requirePositive(requestTimeout, "requestTimeout")
        try Self.requirePositive(reconnectBackoff, "reconnectBackoff")
        try Self.requirePositive(retryBackoff, "retryBackoff")
        try Self.requirePositive(metadataMaxAge, "metadataMaxAge")
        try Self.require(reconnectBackoffMax >= reconnectBackoff, "reconnectBackoffMax is below reconnectBackoff")
        try Self.require(retryBackoffMax >= retryBackoff, "retryBackoffMax is below retryBackoff")
        try Self.require(maxResponseBytes >= 1024, "maxResponseBytes is \(maxResponseBytes); at least 1024")
    }

    static func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(KafkaError) {
        if !condition { throw .configuration(message()) }
    }

    static func requirePositive(_ value: Duration, _ name: String) throws(KafkaError) {
        if value <= .zero { throw .configuration("\(name) is \(value); it must be above zero") }
    }
}

/// A host and a port, as in `localhost:9092` or `[::1]:9092`.
public struct BrokerAddress: Hashable, Sendable, CustomStringConvertible {
    public var host: String
    public var port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// `nil` where the text is not a host, a colon and a port between 1 and 65,535.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65_535).contains(port)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: \.isWhitespace), !host.contains("/") else { return nil }
        self.init(host: String(host), port: port)
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
