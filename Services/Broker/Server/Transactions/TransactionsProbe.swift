import KafkaWire
import Metrics
import Transactions

/// What the transaction coordinator counts.
struct TransactionsProbe: Sendable {
    private let ids = Gauge(label: "kafka_transaction_coordinator_ids")
    private let open = Gauge(label: "kafka_transaction_coordinator_open_transactions")
    private let pendingAppends = Gauge(label: "kafka_transaction_coordinator_pending_appends")
    private let pendingMarkers = Gauge(label: "kafka_transaction_coordinator_pending_markers")
    private let waiting = Gauge(label: "kafka_transaction_coordinator_waiting_requests")
    private let unreadableRecords = Counter(label: "kafka_transaction_coordinator_unreadable_records_total")
    private let abandonedTransactions = Counter(label: "kafka_transaction_coordinator_abandoned_transactions_total")

    /// Publishes how full each of the coordinator's bounds is.
    func note(_ state: TransactionCoordinatorState) {
        ids.record(state.idCount)
        open.record(state.openCount)
        pendingAppends.record(state.pendingAppendCount)
        pendingMarkers.record(state.pendingMarkerCount)
        waiting.record(state.parkedCount)
    }

    /// A record or batch of `__transaction_state` was passed over.
    func unreadable() { unreadableRecords.increment() }

    /// A transaction that the coordinator did not know was aborted in a partition.
    func abandoned() { abandonedTransactions.increment() }

    /// Batches that were not part of their producer's transaction, or of none that goes on.
    func refused(_ code: ErrorCode) {
        Counter(label: "kafka_transaction_verification_failures_total", dimensions: [("error", code.name)]).increment()
    }
}
