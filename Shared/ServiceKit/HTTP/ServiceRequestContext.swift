import Hummingbird
import Logging
import NIOCore

/// The request context of all our HTTP servers; adds the connection and the body bound to Hummingbird's.
public struct ServiceRequestContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    /// The connection, which an event stream closes when its client is too slow.
    public let channel: any Channel
    /// Set from the server's configuration before a route sees it.
    public var maxUploadSize: Int = 1 << 20

    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

/// The router type that services add their routes to.
public typealias ServiceRouter = Router<ServiceRequestContext>

extension Response {
    /// A response with JSON text as its body.
    public static func json(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        .text(text, contentType: "application/json", status: status)
    }

    /// `{"error": "…"}` with the status.
    public static func error(_ status: HTTPResponse.Status, _ message: String) -> Response {
        .json("{\"error\": \(JSONText.string(message))}", status: status)
    }

    /// A response with text as its body; not to be cached.
    public static func text(
        _ text: String, contentType: String = "text/plain; charset=utf-8", status: HTTPResponse.Status = .ok
    ) -> Response {
        Response(
            status: status, headers: [.contentType: contentType, .cacheControl: "no-cache"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
