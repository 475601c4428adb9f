import KafkaWire
import Transactions

@testable import KafkaClient

/// Mirrors `Shared/KafkaClient/Transactions/TransactionDriver+Requests.swift`.
extension SimulatedProducer {
    func perform(
        _ request: TransactionStateMachine.Request, _ done: @escaping (Result<Void, KafkaError>) -> Void
    ) {
        guard let simulated = simulated(request) else { return done(.success(())) }
        ask(simulated) { answer in
            let result = answer.flatMap { answer -> Result<Void, KafkaError> in
                guard case .transaction(let reply) = answer else {
                    return .failure(KafkaError(.protocolViolation, "another answer"))
                }
                if reply.errorCode != .none { return .failure(.broker(reply.errorCode, request.name)) }
                self.answered(request, reply)
                return .success(())
            }
            done(result)
        }
    }

    private func simulated(_ request: TransactionStateMachine.Request) -> SimulatedRequest? {
        if case .initialise(let recovering) = request {
            return .initialise(
                expected: recovering.map { ProducerIdentity(id: $0.producerID, epoch: $0.epoch) },
                timeout: simulation.options.transactionTimeout)
        }
        guard let identity = machine.identity else { return nil }
        let producer = ProducerIdentity(id: identity.producerID, epoch: identity.epoch)
        switch request {
        case .initialise: return nil
        case .addPartitions(let partitions): return .addPartitions(producer, Set(partitions))
        case .addOffsets: return .addOffsets(producer)
        case .commitOffsets(let pending):
            return .commitOffsets(
                producer, pending.offsets.mapValues(\.offset.rawValue), adding: machine.addsImplicitly)
        case .end(let commit):
            return .end(producer, isCommit: commit, machine.addsImplicitly ? .epochPerTransaction : .classic)
        }
    }

    private func answered(_ request: TransactionStateMachine.Request, _ reply: TransactionReply) {
        let version = clusterVersion
        switch request {
        case .initialise:
            let identity = TransactionStateMachine.Identity(producerID: reply.producer.id, epoch: reply.producer.epoch)
            accumulator.setIdentity(identity.producerID, epoch: identity.epoch)
            apply { machine in
                machine.clusterVersion = version
                return machine.initialised(identity)
            }
        case .addPartitions(let partitions):
            apply { machine in
                machine.added(partitions)
                return []
            }
        case .addOffsets(let groupID):
            apply { machine in
                machine.offsetsAdded(groupID: groupID)
                return []
            }
        case .commitOffsets(let pending):
            apply { $0.offsetsCommitted(pending.id) }
        case .end:
            // Before version 5 the answer has no identity.
            var next: TransactionStateMachine.Identity?
            if machine.addsImplicitly {
                next = TransactionStateMachine.Identity(producerID: reply.producer.id, epoch: reply.producer.epoch)
            }
            if let next { accumulator.setIdentity(next.producerID, epoch: next.epoch) }
            apply { machine in
                machine.clusterVersion = version
                return machine.ended(next)
            }
        }
    }
}
