import KafkaWire

/// The settings and bounds of the transaction coordinator.
///
/// Each property names its key. Keys that Kafka has keep Kafka's name, meaning and default; the others are ours.
public struct TransactionConfiguration: Sendable, Hashable {
    /// `transaction.max.timeout.ms`: longer timeouts are refused with `INVALID_TRANSACTION_TIMEOUT`.
    public var maximumTimeoutMilliseconds: Int32 = 900_000
    /// `transactional.id.expiration.ms`: how long an id without a transaction is remembered.
    public var idExpirationMilliseconds: Int64 = 604_800_000
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`: how often transactions over their timeout are
    /// looked for.
    public var timeoutCheckInterval: Duration = .milliseconds(10_000)
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`: how often expired ids are looked for.
    public var expirationCheckInterval: Duration = .milliseconds(3_600_000)
    /// `transaction.state.log.num.partitions`: partitions of `__transaction_state`; never changed once it exists.
    public var stateLogPartitions: Int32 = 50
    /// `transaction.state.log.segment.bytes`: `segment.bytes` that `__transaction_state` is made with.
    public var stateLogSegmentBytes = 100 << 20
    /// `transaction.partition.verification.enable`: whether the first batch of a transaction in a partition is taken
    /// only where the partition belongs to the transaction.
    public var verifiesPartitions = true
    /// `add.partitions.to.txn.retry.backoff.max.ms`: how long a request that adds partitions may wait for the
    /// transaction before it to be completed; then it is answered `CONCURRENT_TRANSACTIONS`.
    public var addPartitionsWait: Duration = .milliseconds(100)
    /// `signalbox.transaction.max.waiting`: requests of one id that wait so at a time; further ones are answered
    /// `CONCURRENT_TRANSACTIONS` at once.
    public var maximumWaiting = 100
    /// `signalbox.transaction.marker.retry.backoff.ms`: how long markers that a partition did not take wait, and how
    /// long a completion whose append failed does.
    public var markerRetryBackoff: Duration = .milliseconds(500)
    /// `signalbox.transaction.max.ids`: transactional ids kept; one more is refused with `POLICY_VIOLATION`.
    public var maximumIDs = 1_000_000
    /// `signalbox.transaction.max.partitions`: partitions of one transaction; more are refused with
    /// `POLICY_VIOLATION`.
    public var maximumPartitions = 10_000
    /// `signalbox.transaction.max.pending.appends`: records on their way to the log and requests that wait for them;
    /// a request beyond is answered `COORDINATOR_NOT_AVAILABLE`, which a client retries.
    public var maximumPendingAppends = 100_000
    /// `signalbox.transaction.max.pending.markers`: markers that are not written yet; the end of a transaction beyond
    /// is answered `COORDINATOR_NOT_AVAILABLE`, which a client retries.
    public var maximumPendingMarkers = 1_000_000

    /// Kafka's defaults.
    public init() {}

    /// Whether a producer may ask for this timeout.
    public func accepts(timeoutMilliseconds: Int32) -> Bool {
        timeoutMilliseconds > 0 && timeoutMilliseconds <= maximumTimeoutMilliseconds
    }

    /// The partition of `__transaction_state` that holds an id's records, and with it the id's coordinator.
    ///
    /// The absolute value of Java's `String.hashCode` (over UTF-16 units, wrapping at 32 bits) modulo the number of
    /// partitions, so that a log written by Kafka is found again.
    public func partition(for transactionalID: String) -> Int32 {
        var hash: Int32 = 0
        for unit in transactionalID.utf16 { hash = hash &* 31 &+ Int32(unit) }
        let positive = hash == Int32.min ? 0 : abs(hash)
        return positive % stateLogPartitions
    }
}
