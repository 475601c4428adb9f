import KafkaMessages
import KafkaWire
import Metadata

/// DeleteTopics (20), versions 1 to 6: by name, and from version 6 by name or id.
struct DeleteTopicsHandler: APIHandler {
    typealias Request = DeleteTopicsRequest
    typealias Result = DeleteTopicsResponse.DeletableTopicResult

    let topics: TopicTable
    let controller: TopicController
    let isEnabled: Bool

    func handle(_ request: DeleteTopicsRequest, _ context: RequestContext) async -> Reply<DeleteTopicsResponse> {
        var response = DeleteTopicsResponse()
        let states =
            context.version >= 6
            ? request.topics : request.topicNames.map { DeleteTopicsRequest.DeleteTopicState(name: $0) }
        for state in states {
            response.responses.append(await delete(state))
        }
        return .now(response)
    }

    private func delete(_ state: DeleteTopicsRequest.DeleteTopicState) async -> Result {
        var result = Result(name: state.name, topicId: state.topicId)
        let reference = TopicReference(name: state.name ?? "", id: state.topicId, usesID: state.name == nil)
        switch reference.find(in: topics) {
        case .failure(let code):
            result.errorCode = code
            return result
        case .success(let topic):
            result.name = topic.name
            result.topicId = topic.id
        }
        do throws(TopicRefusal) {
            guard isEnabled else {
                throw TopicRefusal(code: .topicDeletionDisabled, message: "delete.topic.enable is false")
            }
            try await controller.delete(result.name ?? "")
        } catch {
            result.errorCode = error.code
            result.errorMessage = error.message
        }
        return result
    }
}
