import KafkaMessages
import KafkaWire

/// DescribeTransactions and ListTransactions.
extension TransactionCoordinatorState {
    /// One transactional id as DescribeTransactions tells it.
    public func describe(_ transactionalID: String) -> DescribeTransactionsResponse.TransactionState {
        typealias Description = DescribeTransactionsResponse.TransactionState
        if let refusal = refusal(of: transactionalID) {
            return Description(errorCode: refusal, transactionalId: transactionalID)
        }
        guard let entry = entries[transactionalID], let metadata = entry.metadata, !entry.isBeingForgotten else {
            return Description(errorCode: .transactionalIdNotFound, transactionalId: transactionalID)
        }
        let topics = Dictionary(grouping: metadata.partitions, by: \.topic).sorted { $0.key < $1.key }
        return Description(
            transactionalId: transactionalID, transactionState: metadata.state.name,
            transactionTimeoutMs: metadata.timeoutMilliseconds, transactionStartTimeMs: metadata.startTimestamp,
            producerId: metadata.producer.id.rawValue, producerEpoch: metadata.producer.epoch,
            topics: topics.map { topic, partitions in
                DescribeTransactionsResponse.TopicData(
                    topic: topic, partitions: partitions.map(\.partition).sorted())
            })
    }

    /// What ListTransactions is to leave out; an empty list or `nil` leaves out nothing.
    public struct Filter: Sendable {
        public var states: [String] = []
        public var producerIDs: Set<ProducerID> = []
        /// Only transactions that have been open for longer; negative for all.
        public var durationMilliseconds: Int64 = -1
        public var transactionalIDs: (@Sendable (String) -> Bool)?

        public init() {}
    }

    /// The ids that pass the filter, in order.
    public func list(_ filter: Filter, now: TransactionTime) -> ListTransactionsResponse {
        if partitions.values.contains(where: \.isLoading) {
            return ListTransactionsResponse(errorCode: .coordinatorLoadInProgress)
        }
        let states = filter.states.compactMap(TransactionState.init(name:))
        let unknown = filter.states.filter { TransactionState(name: $0) == nil }
        let listed = entries.filter { id, entry in
            guard let metadata = entry.metadata, !entry.isBeingForgotten else { return false }
            let age = now.wallMilliseconds - metadata.startTimestamp
            return (filter.states.isEmpty || states.contains(metadata.state))
                && (filter.producerIDs.isEmpty || filter.producerIDs.contains(metadata.producer.id))
                && (filter.durationMilliseconds < 0
                    || metadata.startTimestamp >= 0 && age > filter.durationMilliseconds)
                && filter.transactionalIDs?(id) ?? true
        }
        return ListTransactionsResponse(
            unknownStateFilters: unknown,
            transactionStates: listed.sorted { $0.key < $1.key }.compactMap { id, entry in
                entry.metadata.map { metadata in
                    ListTransactionsResponse.TransactionState(
                        transactionalId: id, producerId: metadata.producer.id.rawValue,
                        transactionState: metadata.state.name)
                }
            })
    }
}

extension TransactionCoordinatorState {
    /// The partitions of every transaction that is not complete, by producer: only there may one be open.
    public var unfinishedPartitions: [ProducerID: Set<TopicPartition>] {
        var unfinished: [ProducerID: Set<TopicPartition>] = [:]
        for metadata in entries.values.compactMap(\.metadata) where !metadata.state.mayExpire {
            unfinished[metadata.producer.id, default: []].formUnion(metadata.partitions)
        }
        return unfinished
    }
}

extension TransactionCoordinatorState.Entry {
    fileprivate var isBeingForgotten: Bool {
        if case .expire? = step?.purpose { true } else { false }
    }
}
