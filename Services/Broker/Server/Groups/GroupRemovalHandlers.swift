import Groups
import KafkaMessages
import KafkaWire

/// DeleteGroups (42), versions 0 to 2: empty groups go with their offsets; answered when that is in the log.
/// A group that is named twice is answered once, as in Kafka.
struct DeleteGroupsHandler: APIHandler {
    typealias Request = DeleteGroupsRequest

    let coordinator: GroupCoordinator

    func handle(_ request: DeleteGroupsRequest, _ context: RequestContext) async -> Reply<DeleteGroupsResponse> {
        var promises: [(groupID: String, promise: ReplyPromise<GroupReply>)] = []
        for groupID in request.groupsNames.distinct {
            let promise = await coordinator.submit { state, ticket, now in
                state.deleteGroup(GroupDeletionInput(ticket: ticket, groupId: groupID), now: now)
            }
            promises.append((groupID, promise))
        }
        let awaited = promises
        return .later {
            var results: [DeleteGroupsResponse.DeletableGroupResult] = []
            for (groupID, promise) in awaited {
                let reply = await promise.wait()
                results.append(.init(groupId: groupID, errorCode: reply?.errorCode ?? .notCoordinator))
            }
            return DeleteGroupsResponse(results: results)
        }
    }
}

/// OffsetDelete (47), version 0: committed offsets of topics that no member of the group reads.
struct OffsetDeleteHandler: APIHandler {
    typealias Request = OffsetDeleteRequest

    let coordinator: GroupCoordinator
    let topics: TopicTable

    func handle(_ request: OffsetDeleteRequest, _ context: RequestContext) async -> Reply<OffsetDeleteResponse> {
        let topics = topics
        let promise = await coordinator.submit { state, ticket, now in
            let input = OffsetDeletionInput(
                request, ticket: ticket,
                refusal: { topics.topic($0.topic) == nil ? .unknownTopicOrPartition : nil })
            return state.deleteOffsets(input, now: now)
        }
        return .later {
            guard case .offsetDeletion(let reply) = await promise.wait() else {
                return OffsetDeleteResponse(errorCode: .notCoordinator)
            }
            return OffsetDeleteResponse(reply)
        }
    }
}
