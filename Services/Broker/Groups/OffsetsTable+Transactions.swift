import KafkaWire

/// Offsets of transactions: pending by producer until the marker (KIP-98, KIP-447).
extension OffsetsTable {
    /// Whether a transaction has an offset pending here.
    public var hasOpenTransactions: Bool { !transactions.isEmpty }

    /// Partitions that an open transaction has an offset for, in order.
    var pendingPartitions: [TopicPartition] {
        Set(transactions.values.flatMap(\.keys)).sorted()
    }

    /// Whether this partition's offset may change by the end of a transaction: what `require_stable` waits for.
    public func isUnstable(_ topicPartition: TopicPartition) -> Bool {
        if underWay[topicPartition]?.transactional ?? 0 > 0 { return true }
        if transactions.isEmpty { return false }
        return transactions.values.contains { $0[topicPartition] != nil }
    }

    /// Applies a record of a transactional batch.
    mutating func applyPending(_ topicPartition: TopicPartition, _ offset: CommittedOffset, of producer: ProducerID) {
        transactions[producer, default: [:]][topicPartition] = stored(offset)
    }

    /// The marker of a producer's transaction is in the log: its offsets count from now on, unless a later commit is
    /// in the log already, or never did.
    mutating func endTransaction(of producer: ProducerID, isCommit: Bool) {
        guard let pending = transactions.removeValue(forKey: producer), isCommit else { return }
        for (topicPartition, stored) in pending where stored.order > order(of: topicPartition) ?? 0 {
            store(topicPartition, stored)
        }
    }
}
