import KafkaWire
import Synchronization
import Tracing

/// Who learns of one record's result, and the span that ends with it.
struct RecordDelivery: Sendable {
    enum Target: Sendable {
        /// A task that waits.
        case waiter(OneShot<Result<RecordMetadata, KafkaError>>)
        /// One record of several that a task waits for together.
        case collected(DeliveryCollector, index: Int)
        case callback(@Sendable (Result<RecordMetadata, KafkaError>) -> Void)
        /// Nobody but the next flush.
        case flush
    }

    let target: Target
    let span: (any Span)?
}

/// Collects the results of several records and tells when the last is in.
final class DeliveryCollector: Sendable {
    typealias Results = [Result<RecordMetadata, KafkaError>]

    private struct State {
        var results: [Result<RecordMetadata, KafkaError>?]
        var missing: Int
    }

    private let state: Mutex<State>
    let finished = OneShot<Results>()

    init(count: Int) {
        state = Mutex(State(results: Array(repeating: nil, count: count), missing: count))
    }

    func fulfil(_ index: Int, _ result: Result<RecordMetadata, KafkaError>) {
        let all = state.withLock { state -> Results? in
            guard state.results[index] == nil else { return nil }
            state.results[index] = result
            state.missing -= 1
            return state.missing == 0 ? state.results.compactMap { $0 } : nil
        }
        if let all { finished.fulfil(all) }
    }
}
