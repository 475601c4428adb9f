import KafkaMessages
import KafkaWire

/// InitProducerId (22), versions 0 to 5: an identity for an idempotent producer.
///
/// Always a new one: without a transactional id nothing proves that the id a request names is its own.
/// Gaps: no transactional ids yet.
struct InitProducerIdHandler: APIHandler {
    typealias Request = InitProducerIdRequest

    static let gaps = "no transactional ids"

    let controller: TopicController

    func handle(_ request: InitProducerIdRequest, _ context: RequestContext) async -> Reply<InitProducerIdResponse> {
        guard request.transactionalId == nil else { return .now(Self.failed(.invalidRequest)) }
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
