import KafkaMessages
import KafkaWire

// OffsetCommit and OffsetFetch between the protocol's messages and the rules' own types. From version 10 on topics
// travel as ids: the driver writes the name next to each id it knows before it comes here. A topic without a name is
// then one whose id is not known.

extension OffsetCommitInput {
    /// - Parameter refusal: why the driver refuses a partition, such as `UNKNOWN_TOPIC_OR_PARTITION`; `nil` if it
    ///   does not.
    public init(
        _ request: OffsetCommitRequest, version: Int16, origin: RequestOrigin,
        refusal: (TopicPartition) -> ErrorCode? = { _ in nil }
    ) {
        var partitions: [Partition] = []
        for topic in request.topics {
            for partition in topic.partitions {
                let position = TopicPartition(topic: topic.name, partition: partition.partitionIndex)
                let isUnknown = version >= 10 && topic.name.isEmpty
                partitions.append(
                    Partition(
                        position, topicId: topic.topicId, offset: Offset(partition.committedOffset),
                        leaderEpoch: LeaderEpoch(partition.committedLeaderEpoch),
                        metadata: partition.committedMetadata ?? "",
                        refusal: isUnknown ? .unknownTopicId : refusal(position)))
            }
        }
        self.init(
            ticket: origin.ticket, groupId: request.groupId,
            member: MemberIdentity(memberId: request.memberId, groupInstanceId: request.groupInstanceId),
            generation: Generation(request.generationIdOrMemberEpoch),
            retention: request.retentionTimeMs < 0 ? nil : .milliseconds(request.retentionTimeMs),
            partitions: partitions, knowsGroupIdNotFound: version >= 9)
    }
}

extension OffsetCommitResponse {
    public init(_ reply: OffsetCommitReply) {
        var topics: [OffsetCommitResponseTopic] = []
        for partition in reply.partitions {
            let outcome = OffsetCommitResponsePartition(
                partitionIndex: partition.topicPartition.partition, errorCode: partition.errorCode)
            let name = partition.topicPartition.topic
            if let last = topics.last, last.name == name, last.topicId == partition.topicId {
                topics[topics.count - 1].partitions.append(outcome)
            } else {
                topics.append(
                    OffsetCommitResponseTopic(name: name, topicId: partition.topicId, partitions: [outcome]))
            }
        }
        self.init(topics: topics)
    }
}

extension GroupCoordinatorState {
    /// OffsetFetch as a whole, at every version. A partition that is named twice is answered once; a group that is
    /// named twice with partitions, or twice without, answers `INVALID_REQUEST` from the second time on.
    ///
    /// - Parameter topicId: the id of a topic, for the answer to "everything" from version 10 on; a topic without one
    ///   was deleted and is left out.
    public func fetchOffsets(
        _ request: OffsetFetchRequest, version: Int16, topicId: (String) -> KafkaUUID? = { _ in nil }
    ) -> OffsetFetchResponse {
        guard version < 8 else {
            var listed: Set<String> = []
            var whole: Set<String> = []
            return OffsetFetchResponse(
                groups: request.groups.map { group in
                    // A few bytes may ask for all that a group has, so that is not told twice.
                    let isFirst =
                        group.topics == nil
                        ? whole.insert(group.groupId).inserted : listed.insert(group.groupId).inserted
                    guard isFirst else {
                        return .init(groupId: group.groupId, errorCode: .invalidRequest)
                    }
                    return fetchGroup(
                        group, requireStable: request.requireStable, version: version, topicId: topicId)
                })
        }
        var seen: Set<TopicPartition> = []
        let wanted = request.topics?.flatMap { topic in
            topic.partitionIndexes.map { TopicPartition(topic: topic.name, partition: $0) }
        }.filter { seen.insert($0).inserted }
        let fetched = fetchOffsets(
            groupId: request.groupId, partitions: wanted, requireStable: request.requireStable)
        var partitions = fetched.partitions
        if version < 2, fetched.errorCode != .none {
            // There is no error for the whole yet, so every partition carries it.
            partitions = (wanted ?? []).map { FetchedOffsets.Partition(topicPartition: $0, offset: nil) }
        }
        let topics = partitions.groupedByTopic.map { name, partitions in
            OffsetFetchResponse.OffsetFetchResponseTopic(
                name: name,
                partitions: partitions.map { partition in
                    OffsetFetchResponse.OffsetFetchResponsePartition(
                        partitionIndex: partition.topicPartition.partition,
                        committedOffset: partition.wireOffset, committedLeaderEpoch: partition.wireLeaderEpoch,
                        metadata: partition.offset?.metadata ?? "",
                        errorCode: version < 2 ? fetched.errorCode : partition.errorCode)
                })
        }
        return OffsetFetchResponse(topics: topics, errorCode: fetched.errorCode)
    }

    private func fetchGroup(
        _ group: OffsetFetchRequest.OffsetFetchRequestGroup, requireStable: Bool, version: Int16,
        topicId: (String) -> KafkaUUID?
    ) -> OffsetFetchResponse.OffsetFetchResponseGroup {
        let refusal =
            availability(ofGroup: group.groupId)
            ?? refusalOfFetch(groupID: group.groupId, memberID: group.memberId, memberEpoch: group.memberEpoch)
        if let refusal { return .init(groupId: group.groupId, errorCode: refusal) }
        let topics: [OffsetFetchResponse.OffsetFetchResponseTopics]
        if let wanted = group.topics {
            var seen: Set<OffsetFetchPosition> = []
            topics = wanted.map { topic in
                let positions = topic.partitionIndexes.map { TopicPartition(topic: topic.name, partition: $0) }
                    .filter { seen.insert(OffsetFetchPosition(topic.topicId, $0)).inserted }
                let fetched = fetchOffsets(
                    groupId: group.groupId, partitions: positions, requireStable: requireStable)
                let isUnknown = version >= 10 && topic.name.isEmpty
                return .init(
                    name: topic.name, topicId: topic.topicId,
                    partitions: fetched.partitions.map {
                        $0.groupPartition(isUnknown ? .unknownTopicId : $0.errorCode)
                    })
            }
        } else {
            let fetched = fetchOffsets(groupId: group.groupId, partitions: nil, requireStable: requireStable)
            topics = fetched.partitions.groupedByTopic.compactMap { name, partitions in
                let id = version >= 10 ? topicId(name) : .zero
                return id.map { id in
                    .init(name: name, topicId: id, partitions: partitions.map { $0.groupPartition($0.errorCode) })
                }
            }
        }
        return .init(groupId: group.groupId, topics: topics)
    }
}

/// A partition as a request names it: of topics whose id is not known only the id tells one from the other.
private struct OffsetFetchPosition: Hashable {
    let topicID: KafkaUUID
    let topicPartition: TopicPartition

    init(_ topicID: KafkaUUID, _ topicPartition: TopicPartition) {
        self.topicID = topicID
        self.topicPartition = topicPartition
    }
}

extension [GroupCoordinatorState.FetchedOffsets.Partition] {
    /// Runs of one topic, in order.
    fileprivate var groupedByTopic: [(name: String, partitions: [Element])] {
        var groups: [(name: String, partitions: [Element])] = []
        for partition in self {
            if groups.last?.name == partition.topicPartition.topic {
                groups[groups.count - 1].partitions.append(partition)
            } else {
                groups.append((partition.topicPartition.topic, [partition]))
            }
        }
        return groups
    }
}

extension GroupCoordinatorState.FetchedOffsets.Partition {
    /// -1 where nothing is committed.
    fileprivate var wireOffset: Int64 { offset?.offset.rawValue ?? -1 }
    fileprivate var wireLeaderEpoch: Int32 { offset?.leaderEpoch.rawValue ?? -1 }

    fileprivate func groupPartition(
        _ errorCode: ErrorCode
    ) -> OffsetFetchResponse.OffsetFetchResponsePartitions {
        .init(
            partitionIndex: topicPartition.partition, committedOffset: wireOffset,
            committedLeaderEpoch: wireLeaderEpoch, metadata: offset?.metadata ?? "", errorCode: errorCode)
    }
}
