import KafkaWire
import Synchronization
import Tracing

/// Who learns of records' results, and the span that ends with them.
struct RecordDelivery: Sendable {
    enum Target: Sendable {
        /// A task that waits for one record.
        case waiter(OneShot<Result<RecordMetadata, KafkaError>>)
        /// Some of several records that a task waits for together, from this one on.
        case collected(DeliveryCollector, index: Int, acceptedTime: Int64)
        case callback(@Sendable (Result<RecordMetadata, KafkaError>) -> Void)
        /// Nobody but the next flush.
        case flush
    }

    let target: Target
    var span: (any Span)?
}

/// Collects the results of records that were handed over together and tells when the last is in.
final class DeliveryCollector: Sendable {
    /// Records that follow each other in the call and in a partition, and their result.
    struct Part: Sendable {
        let indices: Range<Int>
        let topicPartition: TopicPartition?
        let result: Result<BatchAcknowledgement, KafkaError>
        /// The timestamp of records that were handed over without one.
        let acceptedTime: Int64
    }

    private struct State {
        var parts: [Part] = []
        var missing: Int
    }

    private let state: Mutex<State>
    let finished = OneShot<[Part]>()

    init(count: Int) {
        state = Mutex(State(missing: count))
    }

    /// Every record is told of exactly once.
    func fulfil(_ part: Part) {
        let all = state.withLock { state -> [Part]? in
            state.parts.append(part)
            state.missing -= part.indices.count
            return state.missing == 0 ? state.parts : nil
        }
        if let all { finished.fulfil(all.sorted { $0.indices.lowerBound < $1.indices.lowerBound }) }
    }

    /// Records that were not accepted.
    func fail(_ indices: Range<Int>, _ error: KafkaError) {
        if indices.isEmpty { return }
        fulfil(Part(indices: indices, topicPartition: nil, result: .failure(error), acceptedTime: -1))
    }
}
