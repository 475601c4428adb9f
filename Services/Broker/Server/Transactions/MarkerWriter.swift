import KafkaWire
import Logging
import Metadata
import Storage
import Transactions

/// Writes the ends of transactions into the partitions that took part.
struct MarkerWriter: Sendable {
    let topics: TopicTable
    let groups: GroupCoordinator
    let logger: Logger

    /// Writes one marker; offsets of the transaction count, or are dropped, when this returns.
    func write(_ marker: TransactionMarker, to position: TopicPartition) async throws(AppendError) {
        if position.topic == TopicName.consumerOffsets {
            try await groups.appendMarker(marker, partition: position.partition)
        } else if let partition = topics.partition(position) {
            _ = try await partition.appendMarker(marker, isDurable: topics.asksForDurability)
        }
    }

    /// As ``write(_:to:)`` before the coordinators run, when nothing is ahead of the marker.
    func writeAtStart(_ marker: TransactionMarker, to position: TopicPartition) async throws(AppendError) {
        if position.topic == TopicName.consumerOffsets {
            try await groups.write(marker, partition: position.partition).get()
        } else {
            try await write(marker, to: position)
        }
    }

    /// Writes an order's markers, one partition after the other, and says which partitions have to be tried again.
    func write(_ order: MarkerOrder) async -> [TopicPartition: MarkerOutcome] {
        let marker = TransactionMarker(
            producerID: order.producer.id, producerEpoch: order.producer.epoch, isCommit: order.isCommit,
            coordinatorEpoch: order.coordinatorEpoch, transactionVersion: Int8(order.clientProtocol.rawValue))
        var outcomes: [TopicPartition: MarkerOutcome] = [:]
        for position in order.partitions {
            outcomes[position] = await outcome(of: marker, position, order)
        }
        return outcomes
    }

    private func outcome(
        of marker: TransactionMarker, _ position: TopicPartition, _ order: MarkerOrder
    ) async -> MarkerOutcome {
        // A partition that was deleted took its part of the transaction with it.
        guard topics.partition(position) != nil else { return .settled }
        do throws(AppendError) {
            try await write(marker, to: position)
            return .settled
        } catch {
            let metadata: Logger.Metadata = [
                "transactional-id": "\(order.transactionalID)", "partition": "\(position)",
                "producer": "\(marker.producerID)", "error": "\(error)",
            ]
            switch error {
            case .fencedProducer, .fencedCoordinator:
                // Somebody has ended this transaction there since; its marker would end another one.
                logger.warning("a transaction marker came too late", metadata: metadata)
                return .settled
            case .storage, .invalidBatch, .empty, .batchTooLarge, .appendTooLarge, .missingKey,
                .timestampOutOfRange, .notEnoughReplicas, .outOfOrderSequence, .outsideTransaction, .unverified,
                .partlyDuplicate:
                logger.error("a transaction marker was not written and will be tried again", metadata: metadata)
                return .retry
            }
        }
    }
}
