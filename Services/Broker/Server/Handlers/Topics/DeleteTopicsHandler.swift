import KafkaMessages
import KafkaWire
import Metadata

/// DeleteTopics (20), versions 1 to 6: by name, and from version 6 by name or id.
///
/// The request as a whole is looked at before anything goes: a topic that it names twice, by whichever of the two, is
/// answered once with INVALID_REQUEST and stays, as does one with both a name and an id. Internal topics stay. No gaps.
struct DeleteTopicsHandler: APIHandler {
    typealias Request = DeleteTopicsRequest
    typealias State = DeleteTopicsRequest.DeleteTopicState
    typealias Result = DeleteTopicsResponse.DeletableTopicResult

    /// The first version that names topics by id.
    private static let topicIDVersion: Int16 = 6
    /// The first version whose clients know TOPIC_DELETION_DISABLED.
    private static let deletionDisabledVersion: Int16 = 3

    let topics: TopicTable
    let controller: TopicController
    let isEnabled: Bool

    func handle(_ request: DeleteTopicsRequest, _ context: RequestContext) async -> Reply<DeleteTopicsResponse> {
        let states =
            context.version >= Self.topicIDVersion ? request.topics : request.topicNames.map { State(name: $0) }
        let counts = Dictionary(states.map { (key(of: $0), 1) }, uniquingKeysWith: +)
        var response = DeleteTopicsResponse()
        for state in states.distinct(by: { key(of: $0) }) {
            response.responses.append(
                await delete(state, count: counts[key(of: state)] ?? 1, version: context.version))
        }
        return .now(response)
    }

    /// The same for all that mean the same topic. What cannot be deleted anyway only has to be told apart.
    private func key(of state: State) -> String {
        guard let name = state.name else {
            return topics.topic(id: state.topicId)?.name ?? "id \(state.topicId)"
        }
        return state.topicId == .zero ? name : "'\(name)' and id \(state.topicId)"
    }

    private func delete(_ state: State, count: Int, version: Int16) async -> Result {
        var result = Result(name: state.name, topicId: state.topicId)
        do throws(TopicRefusal) {
            try check(state, count: count, version: version)
            let reference = TopicReference(name: state.name ?? "", id: state.topicId, usesID: state.name == nil)
            let topic = try reference.find(in: topics).get()
            result.name = topic.name
            result.topicId = topic.id
            try await controller.delete(topic.name, id: reference.usesID ? topic.id : nil)
        } catch {
            result.errorCode = error.code
            result.errorMessage = error.message
        }
        return result
    }

    /// What can be said of a request without knowing the topics.
    private func check(_ state: State, count: Int, version: Int16) throws(TopicRefusal) {
        guard isEnabled else {
            throw TopicRefusal(
                code: version < Self.deletionDisabledVersion ? .invalidRequest : .topicDeletionDisabled,
                message: "delete.topic.enable is false")
        }
        if let name = state.name, state.topicId != .zero {
            throw TopicRefusal(
                code: .invalidRequest, message: "give the name '\(name)' or the id \(state.topicId), not both")
        }
        if state.name == nil, state.topicId == .zero {
            throw TopicRefusal(code: .invalidRequest, message: "a topic has neither name nor id")
        }
        if count > 1 {
            let topic = state.name.map { "'\($0)'" } ?? "the topic with id \(state.topicId)"
            throw TopicRefusal(code: .invalidRequest, message: "\(topic) is in the request \(count) times")
        }
    }
}
