import KafkaMessages
import KafkaWire
import NIOCore

/// The records of groups of the next-generation protocol, in Kafka's layouts.
extension GroupRecord {
    private static let groupKey: Int16 = 3
    private static let memberKey: Int16 = 5
    private static let targetEpochKey: Int16 = 6
    private static let targetKey: Int16 = 7
    private static let currentKey: Int16 = 8
    private static let valueVersion: Int16 = 0

    static func encode(
        _ change: ConsumerGroupChange, of groupID: String
    ) throws(WireError) -> (key: ByteBuffer, value: ByteBuffer?) {
        switch change {
        case .epoch(let epoch):
            let value = epoch.map { ConsumerGroupMetadataValue(epoch: $0) }
            return (try encode(ConsumerGroupMetadataKey(groupId: groupID), version: groupKey), try encode(value))
        case .subscription(let memberID, let subscription):
            let key = ConsumerGroupMemberMetadataKey(groupId: groupID, memberId: memberID)
            let value = subscription.map(ConsumerGroupMemberMetadataValue.init)
            return (try encode(key, version: memberKey), try encode(value))
        case .targetEpoch(let epoch):
            let key = ConsumerGroupTargetAssignmentMetadataKey(groupId: groupID)
            let value = epoch.map { ConsumerGroupTargetAssignmentMetadataValue(assignmentEpoch: $0) }
            return (try encode(key, version: targetEpochKey), try encode(value))
        case .target(let memberID, let partitions):
            let key = ConsumerGroupTargetAssignmentMemberKey(groupId: groupID, memberId: memberID)
            let value = partitions.map { partitions in
                ConsumerGroupTargetAssignmentMemberValue(
                    topicPartitions: partitions.sorted.map { .init(topicId: $0.topicID, partitions: $0.partitions) })
            }
            return (try encode(key, version: targetKey), try encode(value))
        case .current(let memberID, let current):
            let key = ConsumerGroupCurrentMemberAssignmentKey(groupId: groupID, memberId: memberID)
            return (
                try encode(key, version: currentKey),
                try encode(current.map(ConsumerGroupCurrentMemberAssignmentValue.init))
            )
        }
    }

    private static func encode(_ value: (some KafkaMessage)?) throws(WireError) -> ByteBuffer? {
        guard let value else { return nil }
        return try encode(value, version: valueVersion)
    }

    /// Reads what stands behind a key's version; `nil` for a version that is none of these.
    static func decodeChange(
        _ reader: inout WireReader, keyVersion: Int16, value: ByteBuffer?
    ) throws(WireError) -> (groupID: String, change: ConsumerGroupChange)? {
        switch keyVersion {
        case groupKey:
            let key = try ConsumerGroupMetadataKey(from: &reader, version: keyVersion)
            let stored: ConsumerGroupMetadataValue? = try decode(ifPresent: value)
            return (key.groupId, .epoch(stored?.epoch))
        case memberKey:
            let key = try ConsumerGroupMemberMetadataKey(from: &reader, version: keyVersion)
            let stored: ConsumerGroupMemberMetadataValue? = try decode(ifPresent: value)
            return (
                key.groupId, .subscription(memberID: key.memberId, stored.map(ConsumerMember.Subscription.init))
            )
        case targetEpochKey:
            let key = try ConsumerGroupTargetAssignmentMetadataKey(from: &reader, version: keyVersion)
            let stored: ConsumerGroupTargetAssignmentMetadataValue? = try decode(ifPresent: value)
            return (key.groupId, .targetEpoch(stored?.assignmentEpoch))
        case targetKey:
            let key = try ConsumerGroupTargetAssignmentMemberKey(from: &reader, version: keyVersion)
            let stored: ConsumerGroupTargetAssignmentMemberValue? = try decode(ifPresent: value)
            let partitions = stored.map { value in
                AssignedPartitions(value.topicPartitions.map { ($0.topicId, $0.partitions) })
            }
            return (key.groupId, .target(memberID: key.memberId, partitions))
        case currentKey:
            let key = try ConsumerGroupCurrentMemberAssignmentKey(from: &reader, version: keyVersion)
            let stored: ConsumerGroupCurrentMemberAssignmentValue? = try decode(ifPresent: value)
            var current: ConsumerMember.Current?
            if let stored { current = try ConsumerMember.Current(stored) }
            return (key.groupId, .current(memberID: key.memberId, current))
        default:
            return nil
        }
    }

    private static func decode<Value: KafkaMessage>(ifPresent value: ByteBuffer?) throws(WireError) -> Value? {
        guard let value else { return nil }
        return try decode(value)
    }
}

extension AssignedPartitions {
    init(_ topics: [(KafkaUUID, [Int32])]) {
        self.init(
            topics.reduce(into: [KafkaUUID: Set<Int32>]()) { result, topic in
                result[topic.0, default: []].formUnion(topic.1)
            })
    }
}

extension ConsumerGroupMemberMetadataValue {
    init(_ subscription: ConsumerMember.Subscription) {
        self.init(
            instanceId: subscription.instanceID, rackId: subscription.rackID, clientId: subscription.clientID,
            clientHost: subscription.clientHost, subscribedTopicNames: subscription.topicNames,
            subscribedTopicRegex: subscription.topicRegex,
            rebalanceTimeoutMs: subscription.rebalanceTimeout.wireMilliseconds,
            serverAssignor: subscription.serverAssignor)
    }
}

extension ConsumerMember.Subscription {
    init(_ value: ConsumerGroupMemberMetadataValue) {
        self.init()
        instanceID = value.instanceId
        rackID = value.rackId
        clientID = value.clientId
        clientHost = value.clientHost
        topicNames = Set(value.subscribedTopicNames).sorted()
        topicRegex = value.subscribedTopicRegex.flatMap { $0.isEmpty ? nil : $0 }
        rebalanceTimeout = .milliseconds(max(0, value.rebalanceTimeoutMs))
        serverAssignor = value.serverAssignor
    }
}

extension ConsumerGroupCurrentMemberAssignmentValue {
    init(_ current: ConsumerMember.Current) {
        self.init(
            memberEpoch: current.epoch, previousMemberEpoch: current.previousEpoch, state: current.state.rawValue,
            assignedPartitions: current.assigned.sorted.map { .init(topicId: $0.topicID, partitions: $0.partitions) },
            partitionsPendingRevocation: current.pendingRevocation.sorted.map {
                .init(topicId: $0.topicID, partitions: $0.partitions)
            })
    }
}

extension ConsumerMember.Current {
    /// Throws for a state that has no meaning.
    init(_ value: ConsumerGroupCurrentMemberAssignmentValue) throws(WireError) {
        guard let known = State(rawValue: value.state) else { throw .invalidLength(Int(value.state)) }
        self.init()
        state = known
        epoch = value.memberEpoch
        previousEpoch = value.previousMemberEpoch
        assigned = AssignedPartitions(value.assignedPartitions.map { ($0.topicId, $0.partitions) })
        pendingRevocation = AssignedPartitions(
            value.partitionsPendingRevocation.map { ($0.topicId, $0.partitions) })
    }
}
