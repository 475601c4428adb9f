import Groups
import KafkaRecords
import KafkaWire
import Logging
import Metrics
import Storage

/// Reading `__consumer_offsets` when the broker starts.
extension GroupCoordinator {
    /// Replays one partition, which is loading by now. What cannot be read is passed over, logged and counted; a
    /// partition that cannot be read on at all stays without coordinator, and the others go on.
    func load(_ partition: Partition) async {
        let index = partition.topicPartition.partition
        do {
            state.maximumAppendBytes = min(state.maximumAppendBytes, await partition.maximumAppendBytes)
            try await replay(partition)
            perform(state.finishLoading(index, now: now))
        } catch {
            logger.error(
                "groups of a partition cannot be served",
                metadata: ["partition": "\(partition.topicPartition)", "error": "\(error)"])
            probe.unreadable()
            perform(state.unload(index, now: now))
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
        case .records(let records, let producer):
            for record in records { apply(record, of: producer, from: partition) }
        case .transactionEnd(let producer, let isCommit):
            state.transactionEnded(partition: partition.partition, producer: producer, isCommit: isCommit)
        case .unreadable(let offset, let error):
            passOver(at: offset, of: partition, "\(error)")
        }
    }

    private func apply(_ record: Record, of producer: ProducerID?, from partition: TopicPartition) {
        guard let key = record.key else { return passOver(at: record.offset, of: partition, "it has no key") }
        do {
            if try !state.apply(GroupRecord(key: key, value: record.value), producer: producer) {
                logger.debug("passed over a record of a kind that is not served", metadata: ["of": "\(partition)"])
            }
        } catch {
            passOver(at: record.offset, of: partition, "\(error)")
        }
    }

    private func passOver(at offset: Offset, of partition: TopicPartition, _ reason: String) {
        probe.unreadable()
        logger.error(
            "a group record cannot be read and is passed over",
            metadata: ["partition": "\(partition)", "offset": "\(offset)", "error": "\(reason)"])
    }
}

/// What the group coordinator counts.
struct GroupsProbe: Sendable {
    private let unreadableRecords = Counter(label: "kafka_group_coordinator_unreadable_records_total")

    /// A record or batch of `__consumer_offsets` was passed over.
    func unreadable() { unreadableRecords.increment() }
}
