import Groups
import KafkaMessages
import KafkaWire

/// OffsetCommit (8), versions 2 to 10: answered when the offsets are in the log.
struct OffsetCommitHandler: APIHandler {
    typealias Request = OffsetCommitRequest

    private static let topicIDVersion: Int16 = 10

    let coordinator: GroupCoordinator
    let topics: TopicTable

    func handle(_ request: OffsetCommitRequest, _ context: RequestContext) async -> Reply<OffsetCommitResponse> {
        var request = request
        if context.version >= Self.topicIDVersion {
            for index in request.topics.indices {
                request.topics[index].name = topics.topic(id: request.topics[index].topicId)?.name ?? ""
            }
        }
        let committed = request
        let topics = topics
        let promise = await coordinator.submit { state, ticket, now in
            let input = OffsetCommitInput(
                committed, version: context.version, origin: context.origin(ticket),
                refusal: { topics.partition($0) == nil ? .unknownTopicOrPartition : nil })
            return state.commitOffsets(input, now: now)
        }
        return .later {
            guard case .offsetCommit(let reply) = await promise.wait() else { return OffsetCommitResponse() }
            return OffsetCommitResponse(reply)
        }
    }
}

/// OffsetFetch (9), versions 1 to 10: what groups have committed; from version 8 on many groups in one request.
struct OffsetFetchHandler: APIHandler {
    typealias Request = OffsetFetchRequest

    private static let topicIDVersion: Int16 = 10

    let coordinator: GroupCoordinator
    let topics: TopicTable

    func handle(_ request: OffsetFetchRequest, _ context: RequestContext) async -> Reply<OffsetFetchResponse> {
        var request = request
        if context.version >= Self.topicIDVersion {
            for group in request.groups.indices {
                for index in request.groups[group].topics?.indices ?? 0..<0 {
                    let id = request.groups[group].topics?[index].topicId ?? .zero
                    request.groups[group].topics?[index].name = topics.topic(id: id)?.name ?? ""
                }
            }
        }
        let asked = request
        let topics = topics
        return .now(
            await coordinator.look { state in
                state.fetchOffsets(asked, version: context.version, topicId: { topics.topic($0)?.id })
            })
    }
}
