import KafkaMessages
import KafkaWire
import Transactions

/// InitProducerId (22), versions 0 to 5: an identity for an idempotent or a transactional producer.
///
/// Without a transactional id always a new one: nothing proves that the id a request names is its own. With one the
/// next epoch of the id's producer, which fences the instances before it; a transaction that one of them left open is
/// aborted first, which is answered CONCURRENT_TRANSACTIONS. Versions before 4 know no PRODUCER_FENCED and are told
/// INVALID_PRODUCER_EPOCH.
struct InitProducerIdHandler: APIHandler {
    typealias Request = InitProducerIdRequest

    private static let producerFencedVersion: Int16 = 4

    let controller: TopicController
    let coordinator: TransactionCoordinator

    func handle(_ request: InitProducerIdRequest, _ context: RequestContext) async -> Reply<InitProducerIdResponse> {
        // Half an identity is none.
        guard (request.producerId == -1) == (request.producerEpoch == -1) else {
            return .now(Self.failed(.invalidRequest))
        }
        guard let transactionalID = request.transactionalId else { return .now(await idempotentProducer()) }
        let expected = ProducerIdentity(id: ProducerID(request.producerId), epoch: request.producerEpoch)
        let promise = await coordinator.submit { state, ticket, now in
            let input = InitializeInput(
                ticket: ticket, transactionalID: transactionalID, timeoutMilliseconds: request.transactionTimeoutMs,
                expected: expected == .none ? nil : expected)
            return state.initialize(input, now: now)
        }
        return .later {
            let reply = await promise.wait() ?? TransactionReply(.notCoordinator)
            let code = reply.errorCode.fenced(since: Self.producerFencedVersion, at: context.version)
            return InitProducerIdResponse(
                errorCode: code, producerId: reply.producer.id.rawValue, producerEpoch: reply.producer.epoch)
        }
    }

    private func idempotentProducer() async -> InitProducerIdResponse {
        do {
            let id = try await controller.nextProducerID()
            return InitProducerIdResponse(producerId: id.rawValue, producerEpoch: 0)
        } catch {
            // As Kafka while no ids can be had: the producer asks again, where any other error would end it.
            return Self.failed(error.code == .kafkaStorageError ? .coordinatorLoadInProgress : error.code)
        }
    }

    private static func failed(_ code: ErrorCode) -> InitProducerIdResponse {
        InitProducerIdResponse(errorCode: code, producerId: -1, producerEpoch: -1)
    }
}

/// EndTxn (26), versions 0 to 5: commits or aborts; answered when the outcome is decided.
///
/// From version 5 on every end raises the epoch, and the answer has the producer's new identity (KIP-890). Versions
/// before 2 know no PRODUCER_FENCED and are told INVALID_PRODUCER_EPOCH.
struct EndTxnHandler: APIHandler {
    typealias Request = EndTxnRequest

    private static let producerFencedVersion: Int16 = 2
    private static let raisedEpochVersion: Int16 = 5

    let coordinator: TransactionCoordinator

    func handle(_ request: EndTxnRequest, _ context: RequestContext) async -> Reply<EndTxnResponse> {
        let promise = await coordinator.submit { state, ticket, now in
            let input = EndInput(
                ticket: ticket, transactionalID: request.transactionalId,
                producer: ProducerIdentity(id: ProducerID(request.producerId), epoch: request.producerEpoch),
                isCommit: request.committed,
                clientProtocol: context.version >= Self.raisedEpochVersion ? .epochPerTransaction : .classic)
            return state.end(input, now: now)
        }
        return .later {
            let reply = await promise.wait() ?? TransactionReply(.notCoordinator)
            let code = reply.errorCode.fenced(since: Self.producerFencedVersion, at: context.version)
            return EndTxnResponse(
                errorCode: code, producerId: reply.producer.id.rawValue, producerEpoch: reply.producer.epoch)
        }
    }
}

extension ErrorCode {
    /// The code as a version knows it: PRODUCER_FENCED came later than the requests it answers.
    func fenced(since first: Int16, at version: Int16) -> ErrorCode {
        self == .producerFenced && version < first ? .invalidProducerEpoch : self
    }
}
