import Groups
import KafkaWire
import Logging
import Metadata
import Storage

/// The ends of transactions with offsets in them.
extension GroupCoordinator {
    /// Appends the end of a producer's transaction to a partition of `__consumer_offsets`, behind every append that
    /// was asked for before, and completes or drops the offsets that the transaction has there.
    ///
    /// The transaction coordinator calls this, and `Partition.appendMarker` for all other topics. Repeating a marker
    /// does no harm.
    func appendMarker(_ marker: TransactionMarker, partition: Int32) async throws(AppendError) {
        markerCounts[partition, default: 0] += 1
        let result = await withCheckedContinuation { (continuation: CheckedContinuation<MarkerOutcome, Never>) in
            let item = Work.marker(marker, partition: partition, continuation)
            if case .enqueued = workInput.yield(item) { return }
            continuation.resume(returning: .failure(Self.gone(partition, "the coordinator has stopped")))
        }
        try result.get()
    }

    /// As ``submit(_:)`` for what somebody has vouched for: `nil`, and nothing is decided, where a marker for the
    /// partition got into line since there were `markers`. Whoever vouched may think otherwise by now.
    func submit(
        behind markers: UInt64, partition: Int32,
        _ decide: @Sendable (inout GroupCoordinatorState, RequestTicket, CoordinatorTime) -> [CoordinatorAction]
    ) -> ReplyPromise<GroupReply>? {
        markerCounts[partition, default: 0] == markers ? submit(decide) : nil
    }

    typealias MarkerOutcome = Result<Void, AppendError>

    /// Writes a marker in its turn, which before ``run()`` is at once.
    func write(_ marker: TransactionMarker, partition index: Int32) async -> MarkerOutcome {
        let position = TopicPartition(topic: TopicName.consumerOffsets, partition: index)
        guard let partition = topics.partition(position) else {
            return .failure(Self.gone(index, "there is no such partition"))
        }
        do throws(AppendError) {
            _ = try await partition.appendMarker(marker, isDurable: topics.asksForDurability)
            state.transactionEnded(partition: index, producer: marker.producerID, isCommit: marker.isCommit)
            return .success(())
        } catch {
            logger.error(
                "a transaction marker was not written",
                metadata: ["partition": "\(position)", "producer": "\(marker.producerID)", "error": "\(error)"])
            return .failure(error)
        }
    }

    private static func gone(_ partition: Int32, _ reason: String) -> AppendError {
        .storage(.offline(path: "\(TopicName.consumerOffsets)-\(partition)", reason: reason))
    }
}
