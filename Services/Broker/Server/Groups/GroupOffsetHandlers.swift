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
        let topics = topics
        let promise = await coordinator.submit { state, ticket, now in
            // At the coordinator's turn: an id that is known here is of the topic that the offsets are kept with.
            var committed = request
            if context.version >= Self.topicIDVersion {
                for index in committed.topics.indices {
                    committed.topics[index].name = topics.topic(id: committed.topics[index].topicId)?.name ?? ""
                }
            }
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
        let topics = topics
        return .now(
            await coordinator.look { state in
                var asked = request
                if context.version >= Self.topicIDVersion {
                    for group in asked.groups.indices {
                        for index in asked.groups[group].topics?.indices ?? 0..<0 {
                            let id = asked.groups[group].topics?[index].topicId ?? .zero
                            asked.groups[group].topics?[index].name = topics.topic(id: id)?.name ?? ""
                        }
                    }
                }
                return state.fetchOffsets(asked, version: context.version, topicId: { topics.topic($0)?.id })
            })
    }
}
