import Groups
import KafkaWire
import Metadata
import Transactions

extension BrokerSetting {
    private static let longest = Int64(Int32.max)

    /// The settings of the transaction coordinator.
    static let transactions: [BrokerSetting] =
        transactionBounds + [
            .integer(
                "transaction.max.timeout.ms", \.transactions.maximumTimeoutMilliseconds, 1...Int32.max,
                "The longest timeout that a transactional producer may ask for."),
            .integer(
                "transactional.id.expiration.ms", \.transactions.idExpirationMilliseconds, 1...longest,
                "How long a transactional id without a transaction is remembered."),
            .duration(
                "transaction.abort.timed.out.transaction.cleanup.interval.ms", \.transactions.timeoutCheckInterval,
                1...longest, "How often transactions over their timeout are looked for."),
            .duration(
                "transaction.remove.expired.transaction.cleanup.interval.ms",
                \.transactions.expirationCheckInterval, 1...longest,
                "How often transactional ids that can be forgotten are looked for."),
            .integer(
                "transaction.state.log.num.partitions", \.transactions.stateLogPartitions, 1...10_000,
                "Partitions of __transaction_state; fixed once it exists."),
            .integer(
                "transaction.state.log.segment.bytes", \.transactions.stateLogSegmentBytes, 1...Int(Int32.max),
                "The segment.bytes that __transaction_state is made with."),
            .flag(
                "transaction.partition.verification.enable", \.transactions.verifiesPartitions,
                "Whether a transaction's first batch in a partition is taken only where the partition was added."),
            .duration(
                "add.partitions.to.txn.retry.backoff.max.ms", \.transactions.addPartitionsWait, 0...longest,
                "How long adding partitions may wait for the producer's transaction before to be completed."),
            .duration(
                "signalbox.transaction.marker.retry.backoff.ms", \.transactions.markerRetryBackoff, 1...longest,
                "How long markers that a partition did not take wait before they are tried again. Ours."),
            // One node has one copy of everything; a higher number could not be honoured.
            .number(
                "transaction.state.log.replication.factor", default: 1, 1...1,
                "Copies of the partitions of __transaction_state: one, on one node."
            ) { (_, _: Int) in },
            .number(
                "transaction.state.log.min.isr", default: 1, 1...1,
                "Copies of a record of __transaction_state that count as committed: one, on one node."
            ) { (_, _: Int) in },
        ]

    private static let transactionBounds: [BrokerSetting] = [
        .integer(
            "signalbox.transaction.max.ids", \.transactions.maximumIDs, 1...Int.max,
            "Transactional ids kept; further ones are refused. Ours."),
        .integer(
            "signalbox.transaction.max.partitions", \.transactions.maximumPartitions, 1...1_000_000,
            "Partitions of one transaction; further ones are refused. Ours."),
        .integer(
            "signalbox.transaction.max.waiting", \.transactions.maximumWaiting, 0...100_000,
            "Requests of one transactional id that wait for the transaction before theirs. Ours."),
        .integer(
            "signalbox.transaction.max.pending.appends", \.transactions.maximumPendingAppends, 1...Int.max,
            "Transaction records on their way to the log; over it requests are answered with an error to retry. Ours."),
        .integer(
            "signalbox.transaction.max.pending.markers", \.transactions.maximumPendingMarkers, 1...Int.max,
            "Markers not written yet; over it ends of transactions are answered with an error to retry. Ours."),
    ]
}

extension BrokerConfiguration {
    /// How many partitions a topic of the broker's own is made with.
    func partitions(ofInternal topic: String) -> Int32 {
        topic == TopicName.transactionState ? transactions.stateLogPartitions : groups.offsetsTopicPartitions
    }

    /// What such a topic is made with: compacted, small segments, every batch as the coordinator wrote it.
    func topicConfigurations(ofInternal topic: String) -> [String: String] {
        let segmentBytes =
            topic == TopicName.transactionState
            ? transactions.stateLogSegmentBytes : groups.offsetsTopicSegmentBytes
        return [
            "cleanup.policy": "compact", "segment.bytes": String(segmentBytes), "compression.type": "producer",
        ]
    }
}
