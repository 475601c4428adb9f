import KafkaRecords
import KafkaWire
import Storage
import Transactions

@testable import BrokerServer
@testable import KafkaClient

/// Mirrors `Services/Broker/Server/Transactions/ProduceAdmission.swift` and `Handlers/ProduceHandler.swift`.
extension SimulatedBroker {
    typealias Produced = [TopicPartition: Result<BatchAcknowledgement, KafkaError>]

    fileprivate struct Candidate {
        let batch: SimulatedRequest.Batch
        let producer: ProducerIdentity
        let sequence: Int32
        var verification: TransactionVerification
    }

    func produce(
        _ batches: [SimulatedRequest.Batch], version: Int16, _ answer: @escaping (Produced) -> Void
    ) {
        var candidates: [Candidate] = []
        forEach(batches) { batch in
            guard let header = try? RecordBatchHeader(peeking: batch.bytes),
                let partition = self.partitions[batch.partition]
            else { return self.recorder.violation("a batch that is none") }
            let producer = ProducerIdentity(id: header.producerID, epoch: header.producerEpoch)
            let strayed = version >= 12 && header.baseSequence != 0 ? header.baseSequence : nil
            candidates.append(
                Candidate(
                    batch: batch, producer: producer, sequence: header.baseSequence,
                    verification: partition.beginVerification(of: producer, strayedSequence: strayed)))
        } then: {
            self.admit(candidates, version: version, answer)
        }
    }

    /// All batches of a request are of one producer.
    private func admit(_ candidates: [Candidate], version: Int16, _ answer: @escaping (Produced) -> Void) {
        let pending = candidates.filter(\.verification.isPending)
        guard let producer = pending.first?.producer, bug != .nothingIsVerified else {
            return append(candidates, refused: [:], version: version, answer)
        }
        admit(producer, pending.map(\.batch.partition), adding: version >= 12) { refused in
            self.forEach(pending.filter { refused[$0.batch.partition] != nil }) { candidate in
                self.partitions[candidate.batch.partition]?.cancel(candidate.verification)
            } then: {
                self.append(candidates, refused: refused, version: version, answer)
            }
        }
    }

    private func append(
        _ candidates: [Candidate], refused: [TopicPartition: ErrorCode], version: Int16,
        _ answer: @escaping (Produced) -> Void
    ) {
        var results: Produced = [:]
        forEach(candidates) { candidate in
            let position = candidate.batch.partition
            if let code = refused[position] {
                let refusal = ProduceAdmission.refusal(code, version: version)
                self.recorder.count("refused \(code)")
                results[position] = .failure(.broker(refusal.code, refusal.message, position))
            } else {
                results[position] = self.append(candidate, version: version)
            }
            self.recorder.note("batch \(candidate.said) in \(position): \(results[position].said)")
        } then: {
            answer(results)
        }
    }

    private func append(_ candidate: Candidate, version: Int16) -> Result<BatchAcknowledgement, KafkaError> {
        let position = candidate.batch.partition
        do throws(AppendError) {
            guard let partition = partitions[position] else { throw .empty }
            let producer = candidate.producer
            let isFirst = !partition.log.hasOngoingTransaction(of: producer.id, epoch: producer.epoch)
            let result = try partition.begin(
                candidate.batch.bytes, verification: bug == .nothingIsVerified ? nil : candidate.verification)
            if result.isDuplicate { return .success(BatchAcknowledgement(baseOffset: result.firstOffset)) }
            checkKnown(producer.id, in: position)
            if version >= 12, isFirst, candidate.sequence != 0 {
                recorder.violation(
                    "the first batch of \(producer.said) in \(position) has sequence \(candidate.sequence)")
            }
            return .success(BatchAcknowledgement(baseOffset: result.firstOffset))
        } catch {
            recorder.count("refused \(error.errorCode)")
            return .failure(.broker(error.errorCode, "\(error)", position))
        }
    }
}

extension SimulatedBroker.Candidate {
    fileprivate var said: String { "\(producer.said) sequence \(sequence)" }
}

extension Result<BatchAcknowledgement, KafkaError>? {
    fileprivate var said: String {
        switch self {
        case .success(let acknowledgement)?: "at \(acknowledgement.baseOffset?.rawValue ?? -1)"
        case .failure(let error)?: error.errorCode?.name ?? "\(error)"
        case nil: "?"
        }
    }
}
