import KafkaWire
import Logging
import Storage
import Transactions

/// Transactions that are open in a partition and that `__transaction_state` does not know (any more).
///
/// A power failure leaves them behind where the records of a topic were on the disk and those of the coordinator were
/// not. Nobody would ever end them, and no reader of committed records would get on.
extension TransactionCoordinator {
    /// Aborts them with an epoch above theirs, which fences whoever wrote them, before anybody can connect.
    ///
    /// Costs a look at every partition's offsets. Where something of `__transaction_state` could not be read nothing
    /// is aborted: what is unknown may have been decided.
    func abortUnknown() async {
        var unfinished: [ProducerID: Set<TopicPartition>]?
        for partition in markers.topics.all.flatMap(\.partitions) where partition.progress.hasOpenTransactions {
            let known = unfinished ?? state.unfinishedPartitions
            unfinished = known
            for producer in await partition.describeProducers() where producer.transactionStart != nil {
                if known[producer.producerID]?.contains(partition.topicPartition) == true { continue }
                await abort(producer, in: partition.topicPartition)
            }
        }
    }

    private func abort(_ producer: ProducerDescription, in position: TopicPartition) async {
        let metadata: Logger.Metadata = [
            "partition": "\(position)", "producer": "\(producer.producerID)", "epoch": "\(producer.epoch)",
            "since": "\(producer.transactionStart ?? 0)",
        ]
        guard hasReadAll else {
            logger.error(
                "a transaction is open that may be one of those that cannot be read; an administrator has to end it",
                metadata: metadata)
            return
        }
        let marker = TransactionMarker(
            producerID: producer.producerID, producerEpoch: producer.epoch < .max ? producer.epoch + 1 : .max,
            isCommit: false, coordinatorEpoch: max(0, producer.coordinatorEpoch))
        do throws(AppendError) {
            try await markers.writeAtStart(marker, to: position)
            probe.abandoned()
            logger.warning("a transaction that the coordinator does not know was aborted", metadata: metadata)
        } catch {
            logger.error(
                "a transaction that the coordinator does not know stays open",
                metadata: metadata.merging(["error": "\(error)"]) { $1 })
        }
    }
}

extension PartitionProgress {
    /// Whether something below the high watermark is not decided.
    fileprivate var hasOpenTransactions: Bool {
        let offsets = offsets
        return offsets.lastStable < offsets.highWatermark
    }
}
