import KafkaMessages
import KafkaWire
import NIOCore

/// Who asks, as far as a handler needs to know.
struct RequestContext: Sendable {
    let version: Int16
    let clientID: String
    /// The client's address without its port.
    let clientHost: String
    /// The address that this client can reach the broker at.
    let advertised: Listener.Endpoint
    /// The connection's event loop, for timers.
    let eventLoop: any EventLoop
}

/// What a handler answers.
enum Reply<Response: Sendable>: Sendable {
    case now(Response)
    /// Further requests of the connection are begun meanwhile; the response still goes out in its turn.
    case later(@Sendable () async -> Response)
    /// The client expects no response (`acks=0`).
    case none
    /// The connection ends without a response, where the protocol has no other way to say no.
    case close(reason: String)
}

/// Serves one API at every version of its range.
protocol APIHandler: Sendable {
    associatedtype Request: KafkaRequest

    /// What ApiVersions answers; wider than the request's own range only where clients need to see it.
    static var advertised: ClosedRange<Int16> { get }
    /// What of the API is missing, for the table in `docs/protocol-support.md`; empty when nothing is.
    static var gaps: String { get }

    /// Begins a request. Everything that must happen in the order of the requests happens before this returns.
    func handle(_ request: Request, _ context: RequestContext) async -> Reply<Request.Response>
}

extension APIHandler {
    static var advertised: ClosedRange<Int16> { Request.versions }
    static var gaps: String { "" }
}
