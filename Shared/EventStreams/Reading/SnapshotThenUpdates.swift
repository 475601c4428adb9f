import ServiceKit

/// A first event, then those of a broadcast: what a page needs that has just opened its stream.
///
/// Subscribe first and take the snapshot after, so that nothing falls between the two.
public struct SnapshotThenUpdates: AsyncSequence, Sendable {
    public typealias Element = ServerSentEvent

    private let snapshot: [ServerSentEvent]
    private let updates: AsyncThrowingStream<ServerSentEvent, any Error>

    /// The snapshot's events come first.
    public init(snapshot: [ServerSentEvent], updates: AsyncThrowingStream<ServerSentEvent, any Error>) {
        self.snapshot = snapshot
        self.updates = updates
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(snapshot: snapshot[...], updates: updates.makeAsyncIterator())
    }

    /// Goes through the snapshot, then waits for updates.
    public struct Iterator: AsyncIteratorProtocol {
        var snapshot: ArraySlice<ServerSentEvent>
        var updates: AsyncThrowingStream<ServerSentEvent, any Error>.Iterator

        public mutating func next() async throws -> ServerSentEvent? {
            if let first = snapshot.popFirst() { return first }
            return try await updates.next()
        }
    }
}
