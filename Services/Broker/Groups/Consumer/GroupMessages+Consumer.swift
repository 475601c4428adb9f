import KafkaMessages
import KafkaWire

// ConsumerGroupHeartbeat and ConsumerGroupDescribe between the protocol's messages and the rules' own types.

extension ConsumerHeartbeatInput {
    /// - Parameter unique: text that no other call gets, such as a UUID; the member's id if it brings none.
    public init(_ request: ConsumerGroupHeartbeatRequest, version: Int16, origin: RequestOrigin, unique: String) {
        self.init(
            ticket: origin.ticket, groupID: request.groupId, memberID: request.memberId,
            memberEpoch: request.memberEpoch, instanceID: request.instanceId, rackID: request.rackId,
            rebalanceTimeout: request.rebalanceTimeoutMs < 0 ? nil : .milliseconds(request.rebalanceTimeoutMs),
            topicNames: request.subscribedTopicNames, topicRegex: request.subscribedTopicRegex,
            serverAssignor: request.serverAssignor,
            owned: request.topicPartitions.map { topics in
                AssignedPartitions(topics.map { ($0.topicId, $0.partitions) })
            },
            clientID: origin.clientId, clientHost: origin.clientHost, newMemberID: unique,
            requiresMemberID: version >= 1)
    }
}

extension ConsumerGroupHeartbeatResponse {
    public init(_ reply: ConsumerHeartbeatReply) {
        self.init(
            errorCode: reply.errorCode, errorMessage: reply.errorMessage, memberId: reply.memberID,
            memberEpoch: reply.memberEpoch, heartbeatIntervalMs: reply.heartbeatInterval.wireMilliseconds,
            assignment: reply.assignment.map { assigned in
                Assignment(
                    topicPartitions: assigned.sorted.map { .init(topicId: $0.topicID, partitions: $0.partitions) })
            })
    }
}

extension GroupCoordinatorState {
    /// ConsumerGroupDescribe for one group.
    public func describeConsumerGroup(_ groupID: String) -> ConsumerGroupDescribeResponse.DescribedGroup {
        typealias Described = ConsumerGroupDescribeResponse.DescribedGroup
        if let refusal = unavailability(ofGroup: groupID) {
            return Described(errorCode: refusal.code, errorMessage: refusal.message, groupId: groupID)
        }
        guard let machine = consumerGroup(groupID) else {
            return Described(
                errorCode: .groupIdNotFound, errorMessage: "there is no consumer group '\(groupID)'", groupId: groupID)
        }
        let group = machine.group
        let members = group.members.values.sorted { $0.memberID < $1.memberID }
        return Described(
            groupId: groupID, groupState: group.state.rawValue, groupEpoch: group.epoch,
            assignmentEpoch: group.targetEpoch,
            assignorName: group.preferredAssignor ?? configuration.consumerAssignors.first?.rawValue ?? "",
            members: members.map { describe($0, target: group.target[$0.memberID] ?? AssignedPartitions()) })
    }

    private func describe(
        _ member: ConsumerMember, target: AssignedPartitions
    ) -> ConsumerGroupDescribeResponse.Member {
        let subscription = member.subscription
        return .init(
            memberId: member.memberID, instanceId: subscription.instanceID, rackId: subscription.rackID,
            memberEpoch: member.current.epoch, clientId: subscription.clientID, clientHost: subscription.clientHost,
            subscribedTopicNames: subscription.topicNames, subscribedTopicRegex: subscription.topicRegex,
            assignment: .init(
                topicPartitions: named(member.current.assigned).map {
                    .init(topicId: $0.id, topicName: $0.name, partitions: $0.partitions)
                }),
            targetAssignment: .init(
                topicPartitions: named(target).map {
                    .init(topicId: $0.id, topicName: $0.name, partitions: $0.partitions)
                }),
            memberType: Self.consumerMemberType)
    }

    /// 0 would be a member that speaks the classic protocol.
    private static let consumerMemberType: Int8 = 1

    /// Topics that are gone have no name and are left out.
    private func named(_ partitions: AssignedPartitions) -> [(id: KafkaUUID, name: String, partitions: [Int32])] {
        partitions.sorted.compactMap { topic in
            topics.name(of: topic.topicID).map { (topic.topicID, $0, topic.partitions) }
        }
    }
}
