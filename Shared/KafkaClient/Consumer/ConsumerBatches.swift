import KafkaWire

/// The batches of a consumer.
public struct ConsumerBatches: AsyncSequence, Sendable {
    public typealias Element = ConsumerBatch
    public typealias Failure = KafkaError

    let core: ConsumerCore

    public func makeAsyncIterator() -> Iterator { Iterator(core: core, lease: IteratorLease(core)) }

    /// Asking for the next batch says that the last one is processed. Letting the iterator go, as by leaving the loop,
    /// says that nobody works on the last one any more, but not that it is processed.
    public struct Iterator: AsyncIteratorProtocol {
        let core: ConsumerCore
        let lease: IteratorLease

        public mutating func next() async throws(KafkaError) -> ConsumerBatch? { try await core.next(lease) }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(KafkaError) -> ConsumerBatch? {
            try await core.next(lease)
        }
    }
}

/// Lives as long as an iterator and its copies.
final class IteratorLease: Sendable {
    private let core: ConsumerCore

    init(_ core: ConsumerCore) {
        self.core = core
    }

    deinit { core.release(ObjectIdentifier(self)) }
}
