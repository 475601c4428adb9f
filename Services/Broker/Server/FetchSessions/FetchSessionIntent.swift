import KafkaWire

/// What a fetch wants with its session, by the two numbers it carries (KIP-227).
enum FetchSessionIntent: Equatable, Sendable {
    /// A fetch by itself; a session that it names ends.
    case sessionless(closing: Int32?)
    /// A full fetch that opens a session; one that it names ends.
    case open(closing: Int32?)
    /// Goes on with a session: only what differs is in the request.
    case incremental(id: Int32)

    /// The epoch of a fetch that opens a session.
    static let initialEpoch: Int32 = 0
    /// The epoch of a fetch that has none, and of one that ends its session.
    private static let finalEpoch: Int32 = -1

    init(sessionID: Int32, epoch: Int32) {
        let closing = sessionID == 0 ? nil : sessionID
        switch epoch {
        case Self.finalEpoch: self = .sessionless(closing: closing)
        case Self.initialEpoch: self = .open(closing: closing)
        default: self = .incremental(id: sessionID)
        }
    }

    /// The epoch that a session expects after this one; 0 never comes again.
    static func epoch(after epoch: Int32) -> Int32 {
        epoch == .max ? 1 : epoch + 1
    }
}
