import KafkaMessages
import KafkaWire

/// InitProducerId (22), versions 0 to 5: an identity for an idempotent producer.
///
/// A producer that has one already gets it back with the next epoch, and a new one when the epochs are used up.
/// Gaps: no transactional ids yet.
struct InitProducerIdHandler: APIHandler {
    typealias Request = InitProducerIdRequest

    let controller: TopicController

    func handle(_ request: InitProducerIdRequest, _ context: RequestContext) async -> Reply<InitProducerIdResponse> {
        guard request.transactionalId == nil else { return .now(Self.failed(.invalidRequest)) }
        if request.producerId >= 0, request.producerEpoch >= 0, request.producerEpoch < Int16.max - 1 {
            return .now(
                InitProducerIdResponse(
                    producerId: request.producerId, producerEpoch: request.producerEpoch + 1))
        }
        do {
            let id = try await controller.nextProducerID()
            return .now(InitProducerIdResponse(producerId: id.rawValue, producerEpoch: 0))
        } catch {
            return .now(Self.failed(error.code))
        }
    }

    private static func failed(_ code: ErrorCode) -> InitProducerIdResponse {
        InitProducerIdResponse(errorCode: code, producerId: -1, producerEpoch: -1)
    }
}
