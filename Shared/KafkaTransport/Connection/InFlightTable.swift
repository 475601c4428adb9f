import DequeModule
import NIOCore

/// The requests of one connection that have no response yet, in the order they were written.
///
/// A pure rule. Responses come in the order of the requests, so the table is a queue: a response for any but the
/// oldest entry is a protocol error. At most `limit` requests are written and unanswered; the next ones are parked
/// and written, in order, as places become free.
struct InFlightTable<Token, Frame> {
    struct Entry {
        let correlationID: Int32
        let deadline: NIODeadline
        /// `nil` once nobody waits for the response any more.
        var token: Token?
    }

    private struct Parked {
        var entry: Entry
        let frame: Frame
        let expectsResponse: Bool
    }

    /// Requests that may be written and unanswered.
    let limit: Int
    /// Requests that may wait for a place.
    let parkingLimit: Int
    private var entries: Deque<Entry> = []
    private var parked: Deque<Parked> = []

    init(limit: Int, parkingLimit: Int) {
        precondition(limit > 0, "a connection needs room for at least one request")
        self.limit = limit
        self.parkingLimit = parkingLimit
    }

    /// Written and unanswered.
    var inFlightCount: Int { entries.count }
    /// Waiting for a place.
    var parkedCount: Int { parked.count }

    /// What to do with a request that was just added.
    enum Admission {
        case write(Frame)
        case parked
        case full
    }

    /// Adds a request. Without an expected response nothing is kept once it is written.
    mutating func add(
        correlationID: Int32, token: Token?, frame: Frame, deadline: NIODeadline, expectsResponse: Bool
    ) -> Admission {
        let entry = Entry(correlationID: correlationID, deadline: deadline, token: token)
        if parked.isEmpty, entries.count < limit {
            if expectsResponse { entries.append(entry) }
            return .write(frame)
        }
        guard parked.count < parkingLimit else { return .full }
        parked.append(Parked(entry: entry, frame: frame, expectsResponse: expectsResponse))
        return .parked
    }

    /// Takes the oldest entry if the response is for it; `nil` is a protocol error.
    mutating func answer(correlationID: Int32) -> Entry? {
        guard entries.first?.correlationID == correlationID else { return nil }
        return entries.removeFirst()
    }

    /// The parked requests that have a place now, in order, and the tokens of those that expect no response.
    mutating func unpark() -> [Frame] {
        var frames: [Frame] = []
        while entries.count < limit, let next = parked.popFirst() {
            if next.expectsResponse { entries.append(next.entry) }
            frames.append(next.frame)
        }
        return frames
    }

    /// Forgets who waits; a parked request is not written any more, a written one keeps its place in the order.
    mutating func abandon(correlationID: Int32) -> Token? {
        if let index = entries.firstIndex(where: { $0.correlationID == correlationID }) {
            return entries[index].token.take()
        }
        if let index = parked.firstIndex(where: { $0.entry.correlationID == correlationID }) {
            return parked.remove(at: index).entry.token
        }
        return nil
    }

    /// The earliest deadline of all; later requests may have earlier ones.
    var nextDeadline: NIODeadline? {
        let written = entries.lazy.map(\.deadline).min()
        let waiting = parked.lazy.map(\.entry.deadline).min()
        guard let written else { return waiting }
        return min(written, waiting ?? written)
    }

    /// Takes the token of the first request whose deadline has passed: `.some(nil)` where nobody waits for it.
    mutating func expire(at now: NIODeadline) -> Token?? {
        if let index = entries.firstIndex(where: { $0.deadline <= now }) { return .some(entries[index].token.take()) }
        if let index = parked.firstIndex(where: { $0.entry.deadline <= now }) {
            return .some(parked.remove(at: index).entry.token)
        }
        return .none
    }

    /// Empties the table: everybody who still waits, in order.
    mutating func removeAll() -> [Token] {
        let tokens = entries.compactMap(\.token) + parked.compactMap(\.entry.token)
        entries.removeAll()
        parked.removeAll()
        return tokens
    }
}
