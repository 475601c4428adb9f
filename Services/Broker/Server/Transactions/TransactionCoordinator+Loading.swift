import KafkaRecords
import KafkaWire
import Logging
import Storage
import Transactions

/// Reading `__transaction_state` when the broker starts.
extension TransactionCoordinator {
    /// Replays one partition that is loading. What cannot be read is passed over, logged and counted; a partition that
    /// cannot be read on at all stays without coordinator, and the others go on.
    func load(_ partition: Partition) async {
        let index = partition.topicPartition.partition
        do {
            try await replay(partition)
            perform(state.finishLoading(index, now: now))
        } catch {
            logger.error(
                "transactions of a partition cannot be served",
                metadata: ["partition": "\(partition.topicPartition)", "error": "\(error)"])
            hasReadAll = false
            probe.unreadable()
            perform(state.unload(index))
        }
    }

    private func replay(_ partition: Partition) async throws {
        let offsets = partition.progress.offsets
        var replay = RecordReplay(from: offsets.logStart, to: offsets.logEnd)
        while let position = replay.position {
            let read = try await partition.read(
                from: position, maximumBytes: RecordReplay.chunkBytes, atLeastOneBatch: true)
            for entry in try replay.entries(of: read.payload) { apply(entry, from: partition.topicPartition) }
        }
    }

    private func apply(_ entry: RecordReplay.Entry, from partition: TopicPartition) {
        switch entry {
        case .records(let records, _):
            for record in records { apply(record, from: partition) }
        case .transactionEnd:
            break
        case .unreadable(let offset, let error):
            passOver(at: offset, of: partition, "\(error)")
        }
    }

    private func apply(_ record: Record, from partition: TopicPartition) {
        guard let key = record.key else { return passOver(at: record.offset, of: partition, "it has no key") }
        do {
            if try !state.apply(TransactionRecord(key: key, value: record.value)) {
                logger.debug("passed over a record of a kind that is not served", metadata: ["of": "\(partition)"])
            }
        } catch {
            passOver(at: record.offset, of: partition, "\(error)")
        }
    }

    private func passOver(at offset: Offset, of partition: TopicPartition, _ reason: String) {
        hasReadAll = false
        probe.unreadable()
        logger.error(
            "a transaction record cannot be read and is passed over",
            metadata: ["partition": "\(partition)", "offset": "\(offset)", "error": "\(reason)"])
    }
}
