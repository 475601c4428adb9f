import KafkaWire
import Transactions

/// Whether records may be written in a transaction's name (KIP-890).
extension TransactionCoordinator: TransactionAdmission {
    func admit(
        transactionalID: String, producerID: ProducerID, producerEpoch: Int16, partitions: [TopicPartition],
        adding: Bool
    ) async -> [TopicPartition: ErrorCode] {
        let producer = ProducerIdentity(id: producerID, epoch: producerEpoch)
        guard adding else {
            if !state.configuration.verifiesPartitions { return [:] }
            let codes = state.verify(transactionalID, producer: producer, partitions: partitions)
            return codes.filter { $0.value != .none }
        }
        let promise = await submit { state, ticket, now in
            let input = AddPartitionsInput(
                ticket: ticket, transactionalID: transactionalID, producer: producer, partitions: Set(partitions),
                clientProtocol: .epochPerTransaction)
            return state.add(input, now: now)
        }
        let code = await promise.wait()?.errorCode ?? .coordinatorNotAvailable
        if code == .none { return [:] }
        return Dictionary(partitions.map { ($0, code) }) { first, _ in first }
    }
}
