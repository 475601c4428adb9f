import Groups
import KafkaMessages
import KafkaWire

/// DescribeGroups (15), versions 0 to 6: a group's state, members and assignments. A group that is named twice is
/// answered once.
struct DescribeGroupsHandler: APIHandler {
    typealias Request = DescribeGroupsRequest
    typealias Group = DescribeGroupsResponse.DescribedGroup

    private static let notFoundVersion: Int16 = 6

    let coordinator: GroupCoordinator

    func handle(_ request: DescribeGroupsRequest, _ context: RequestContext) async -> Reply<DescribeGroupsResponse> {
        let groups = await coordinator.look { state in
            request.groups.distinct.map { groupID in
                if let refusal = state.unavailability(ofGroup: groupID) {
                    return Group(errorCode: refusal.code, errorMessage: refusal.message, groupId: groupID)
                }
                var group = Group(state.describe(groupID))
                if request.includeAuthorizedOperations { group.authorizedOperations = AuthorizedOperations.group }
                if !state.isClassic(groupID), context.version >= Self.notFoundVersion {
                    group.errorCode = .groupIdNotFound
                    group.errorMessage = "there is no group '\(groupID)' of the classic protocol"
                }
                return group
            }
        }
        return .now(DescribeGroupsResponse(groups: groups))
    }
}

/// ListGroups (16), versions 0 to 5: every group, or those in certain states or of certain types.
struct ListGroupsHandler: APIHandler {
    typealias Request = ListGroupsRequest
    typealias Group = ListGroupsResponse.ListedGroup

    let coordinator: GroupCoordinator

    func handle(_ request: ListGroupsRequest, _ context: RequestContext) async -> Reply<ListGroupsResponse> {
        let states = Set(request.statesFilter.map { $0.lowercased() })
        let types = Set(request.typesFilter.map { $0.lowercased() })
        let groups = await coordinator.look { state in
            state.listedGroups.map(Group.init).filter { group in
                (states.isEmpty || states.contains(group.groupState.lowercased()))
                    && (types.isEmpty || types.contains(group.groupType.lowercased()))
            }
        }
        return .now(ListGroupsResponse(groups: groups))
    }
}
