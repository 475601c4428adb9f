import Groups
import KafkaMessages
import KafkaWire

/// ConsumerGroupHeartbeat (68), versions 0 to 1: joins, keeps and leaves a group of the next-generation protocol;
/// answered when what it changes is in the log (KIP-848).
///
/// Patterns (version 1) are RE2's but for classes by Unicode property, and match no internal topic. Racks are kept and
/// described; the assignors do not look at them.
struct ConsumerGroupHeartbeatHandler: APIHandler {
    typealias Request = ConsumerGroupHeartbeatRequest

    static let gaps =
        "patterns know no classes by Unicode property; assignors do not look at racks; a group with classic members is "
        + "not taken over (Kafka's group.consumer.migration.policy=disabled)"

    let coordinator: GroupCoordinator
    let live: LiveConfiguration

    func handle(
        _ request: ConsumerGroupHeartbeatRequest, _ context: RequestContext
    ) async -> Reply<ConsumerGroupHeartbeatResponse> {
        var generator = SystemRandomNumberGenerator()
        let unique = KafkaUUID.random(using: &generator).description
        let settings = GroupSetting.values(live.group(request.groupId))
        let promise = await coordinator.submit { state, ticket, now in
            var input = ConsumerHeartbeatInput(
                request, version: context.version, origin: context.origin(ticket), unique: unique)
            input.settings = settings
            return state.consumerHeartbeat(input, now: now)
        }
        return .later {
            guard case .consumerHeartbeat(let reply) = await promise.wait() else {
                return ConsumerGroupHeartbeatResponse(errorCode: .notCoordinator)
            }
            return ConsumerGroupHeartbeatResponse(reply)
        }
    }
}

/// ConsumerGroupDescribe (69), versions 0 to 1: epochs, members, what each holds and what it should hold.
/// A group that is named twice is answered once.
struct ConsumerGroupDescribeHandler: APIHandler {
    typealias Request = ConsumerGroupDescribeRequest

    let coordinator: GroupCoordinator

    func handle(
        _ request: ConsumerGroupDescribeRequest, _ context: RequestContext
    ) async -> Reply<ConsumerGroupDescribeResponse> {
        let groups = await coordinator.look { state in
            request.groupIds.distinct.map { groupID in
                var group = state.describeConsumerGroup(groupID)
                if request.includeAuthorizedOperations { group.authorizedOperations = AuthorizedOperations.group }
                return group
            }
        }
        return .now(ConsumerGroupDescribeResponse(groups: groups))
    }
}
