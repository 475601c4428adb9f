import NIOCore

/// The two ends of a connection.
struct ConnectionPeer: Sendable, CustomStringConvertible {
    private let host: String
    private let advertised: Listener.Endpoint
    private let eventLoop: any EventLoop
    let description: String

    init(_ channel: any Channel, listener: Listener) {
        host = channel.remoteAddress?.ipAddress ?? "unknown"
        description = "\(host):\(channel.remoteAddress?.port ?? 0)"
        eventLoop = channel.eventLoop
        // Where the client got through is an address that reaches this broker.
        let local = Listener.Endpoint(
            host: channel.localAddress?.ipAddress ?? listener.host, port: channel.localAddress?.port ?? listener.port)
        advertised =
            listener.advertised
            ?? (listener.isWildcard ? local : Listener.Endpoint(host: listener.host, port: local.port))
    }

    func context(version: Int16, clientID: String?) -> RequestContext {
        RequestContext(
            version: version, clientID: clientID ?? "", clientHost: host, advertised: advertised,
            eventLoop: eventLoop)
    }
}
