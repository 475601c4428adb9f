import NIOCore

/// The life of a client connection apart from its I/O: open with requests in flight, then closed for one reason.
///
/// A pure rule, driven by the channel handler on the event loop. Every token that was accepted comes back exactly
/// once: with a response, with an error, or when the connection closes.
struct ConnectionStateMachine<Token, Frame> {
    private var table: InFlightTable<Token, Frame>
    /// Why the connection is closed; `nil` while it is open.
    private var closure: ConnectionError?
    private var lastCorrelationID: Int32 = 0

    init(maximumInFlight: Int, maximumParked: Int) {
        table = InFlightTable(limit: maximumInFlight, parkingLimit: maximumParked)
    }

    var isOpen: Bool { closure == nil }

    /// Written and unanswered requests.
    var inFlightCount: Int { table.inFlightCount }

    /// The next request's number; wraps around to 1.
    mutating func nextCorrelationID() -> Int32 {
        lastCorrelationID = lastCorrelationID == .max ? 1 : lastCorrelationID + 1
        return lastCorrelationID
    }

    enum SubmitAction {
        case write(Frame)
        /// Written later, in order.
        case wait
        case reject(ConnectionError)
    }

    mutating func submit(
        correlationID: Int32, token: Token?, frame: Frame, deadline: NIODeadline, expectsResponse: Bool = true
    ) -> SubmitAction {
        if let closure { return .reject(closure) }
        let admission = table.add(
            correlationID: correlationID, token: token, frame: frame, deadline: deadline,
            expectsResponse: expectsResponse)
        switch admission {
        case .write(let frame): return .write(frame)
        case .parked: return .wait
        case .full: return .reject(.overloaded(limit: table.parkingLimit))
        }
    }

    enum ReceiveAction {
        /// Gives the response to the token, where somebody still waits, and writes the frames.
        case complete(Token?, write: [Frame])
        /// Fails the tokens and closes the channel.
        case fail([Token], ConnectionError)
        case ignore
    }

    mutating func received(correlationID: Int32) -> ReceiveAction {
        guard isOpen else { return .ignore }
        guard let entry = table.answer(correlationID: correlationID) else {
            let error = ConnectionError.malformedResponse("correlation id \(correlationID) is not the next in order")
            return .fail(close(error), error)
        }
        return .complete(entry.token, write: table.unpark())
    }

    /// The token to fail as cancelled; `nil` where it has had its result.
    mutating func cancel(correlationID: Int32) -> Token? {
        table.abandon(correlationID: correlationID)
    }

    /// When ``expire(at:error:)`` has something to do.
    var nextDeadline: NIODeadline? { table.nextDeadline }

    /// The request that is too late, if anybody waits for it, and all others, which fail with it.
    mutating func expire(at now: NIODeadline, error: ConnectionError) -> (late: Token?, others: [Token])? {
        guard let late = table.expire(at: now) else { return nil }
        closure = error
        return (late, table.removeAll())
    }

    /// Everybody who waited. The first reason stays.
    mutating func close(_ error: ConnectionError) -> [Token] {
        if closure == nil { closure = error }
        return table.removeAll()
    }
}
