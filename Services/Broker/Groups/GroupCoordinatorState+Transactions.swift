import KafkaWire

/// The ends of transactions that offsets were committed in.
///
/// TxnOffsetCommit comes as ``commitOffsets(_:now:)`` with a producer. What it writes is pending until the marker of
/// the producer's transaction is in the same partition of `__consumer_offsets`; then it counts, or never did.
extension GroupCoordinatorState {
    /// The marker is in the log, live or in a replay.
    public mutating func transactionEnded(partition: Int32, producer: ProducerID, isCommit: Bool) {
        guard let groups = openTransactions[partition]?.removeValue(forKey: producer) else { return }
        if openTransactions[partition]?.isEmpty == true { openTransactions[partition] = nil }
        for groupId in groups {
            entries[groupId]?.offsets.endTransaction(of: producer, isCommit: isCommit)
            settle(groupId)
        }
    }

    /// Producers with offsets that wait for the end of their transaction, over all partitions.
    public var openTransactionCount: Int { openTransactions.values.reduce(0) { $0 + $1.count } }
}
