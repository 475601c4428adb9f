import KafkaMessages
import KafkaRecords
import KafkaWire
import Metadata
import NIOCore
import Transactions

/// Decides which batches of a produce request may be written in a transaction's name (KIP-890).
///
/// The coordinator is asked before the first batch of a transaction in a partition and not again: from then on the
/// partition itself knows that the transaction is open.
struct ProduceAdmission: Sendable {
    /// The first version whose clients leave it to the broker to add partitions.
    private static let implicitAdditionVersion: Int16 = 12
    /// The first version whose clients know TRANSACTION_ABORTABLE.
    private static let abortableVersion: Int16 = 11

    let coordinator: TransactionCoordinator
    /// `transaction.partition.verification.enable`.
    let isEnabled: Bool
    let probe = TransactionsProbe()

    /// What was found out about a request's partitions.
    struct Verdict: Sendable {
        /// Whether transactional batches were looked at: one of a partition in neither came by its partition later.
        var isGiven = false
        var verified: [TopicPartition: TransactionVerification] = [:]
        var refused: [TopicPartition: ProduceRefusal] = [:]
    }

    private struct Candidate {
        let partition: Partition
        let producer: ProducerIdentity
        let verification: TransactionVerification
    }

    /// Costs nothing for a request without a transactional id.
    func decide(
        _ request: ProduceRequest, version: Int16,
        partition: (ProduceRequest.TopicProduceData, Int32) -> Partition?
    ) async -> Verdict {
        var verdict = Verdict()
        let adding = version >= Self.implicitAdditionVersion
        guard let transactionalID = request.transactionalId, isEnabled || adding else { return verdict }
        verdict.isGiven = true
        var candidates: [Candidate] = []
        for topic in request.topicData {
            for data in topic.partitionData {
                guard let partition = partition(topic, data.index), let header = data.firstHeader,
                    header.isTransactional, !TopicName.isInternal(partition.topicPartition.topic)
                else { continue }
                let producer = ProducerIdentity(id: header.producerID, epoch: header.producerEpoch)
                // Every transaction of such a client has an epoch of its own, and its first batch the sequence 0. A
                // later one that overtook a refused first one must wait, or that one's repeat came too late.
                let strayed = adding && header.baseSequence != 0 ? header.baseSequence : nil
                let verification = await partition.beginVerification(
                    of: producer.id, epoch: producer.epoch, strayedSequence: strayed)
                verdict.verified[partition.topicPartition] = verification
                if verification.isPending {
                    candidates.append(Candidate(partition: partition, producer: producer, verification: verification))
                }
            }
        }
        for (producer, candidates) in Dictionary(grouping: candidates, by: \.producer) {
            let refused = await coordinator.admit(
                transactionalID: transactionalID, producerID: producer.id, producerEpoch: producer.epoch,
                partitions: candidates.map(\.partition.topicPartition), adding: adding)
            for candidate in candidates {
                guard let code = refused[candidate.partition.topicPartition] else { continue }
                await candidate.partition.cancel(candidate.verification)
                probe.refused(code)
                verdict.refused[candidate.partition.topicPartition] = Self.refusal(code, version: version)
            }
        }
        return verdict
    }

    /// What a producer is told: it repeats its batch after some answers, aborts after others, and ends after the rest.
    static func refusal(_ code: ErrorCode, version: Int16) -> ProduceRefusal {
        let reason = "the partition is not known to be part of the transaction"
        switch code {
        case .producerFenced, .invalidProducerEpoch:
            return ProduceRefusal(
                code: .invalidProducerEpoch,
                message: "the producer's epoch is not the one its transactional id has now")
        case .transactionAbortable where version < abortableVersion:
            return ProduceRefusal(code: .invalidTxnState, message: reason)
        case .concurrentTransactions where version >= implicitAdditionVersion:
            return ProduceRefusal(code: code, message: reason)
        case .concurrentTransactions, .coordinatorLoadInProgress, .coordinatorNotAvailable, .notCoordinator:
            return ProduceRefusal(code: .notEnoughReplicas, message: reason)
        default:
            return ProduceRefusal(code: code, message: reason)
        }
    }
}

extension ProduceRequest.PartitionProduceData {
    /// The header of the first batch; `nil` for what is none, of which the append says what is wrong with it.
    var firstHeader: RecordBatchHeader? {
        guard case .bytes(let batches)? = records?.pieces.first else { return nil }
        do throws(RecordError) {
            return try RecordBatchHeader(peeking: batches)
        } catch {
            return nil
        }
    }
}
