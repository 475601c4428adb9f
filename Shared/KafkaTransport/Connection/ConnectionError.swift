import KafkaWire

/// Why a request on a client connection has no response.
public enum ConnectionError: Error, Sendable {
    /// No TCP connection came about; the text names the address and says why.
    case connectFailed(String)
    /// The connection is gone; whether the request was handled is not known.
    case closed(String)
    /// No response within the request's timeout. The connection was closed, since responses keep their order.
    case requestTimedOut(APIKey)
    /// No version that both sides speak. The broker's range is `nil` where it does not know the API at all.
    case unsupportedAPI(APIKey, ours: ClosedRange<Int16>, theirs: ClosedRange<Int16>?)
    /// The response contradicts the protocol; the connection was closed.
    case malformedResponse(String)
    /// The request cannot be written at the negotiated version.
    case invalidRequest(APIKey, WireError)
    /// Too many requests wait for one of the places in flight.
    case overloaded(limit: Int)
    /// The task that waited was cancelled.
    case cancelled

    /// Whether the same request can succeed later, on this or another connection.
    public var isRetriable: Bool {
        switch self {
        case .connectFailed, .closed, .requestTimedOut, .overloaded: true
        case .unsupportedAPI, .malformedResponse, .invalidRequest, .cancelled: false
        }
    }
}

extension ConnectionError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .connectFailed(let reason): reason
        case .closed(let reason): "connection closed: \(reason)"
        case .requestTimedOut(let api): "no response to \(api) in time"
        case .unsupportedAPI(let api, let ours, let theirs):
            if let theirs {
                "no common version of \(api): this client \(ours), the broker \(theirs)"
            } else {
                "the broker does not know \(api)"
            }
        case .malformedResponse(let reason): "malformed response: \(reason)"
        case .invalidRequest(let api, let error): "\(api) cannot be sent: \(error)"
        case .overloaded(let limit): "\(limit) requests wait on this connection already"
        case .cancelled: "cancelled"
        }
    }
}
