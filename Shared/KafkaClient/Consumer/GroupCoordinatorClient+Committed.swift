import KafkaMessages
import KafkaTransport
import KafkaWire

extension GroupCoordinatorClient {
    typealias CommittedOffsets = [TopicPartition: CommittedOffset]

    /// The committed offsets of these partitions, or of all; those without one are left out.
    ///
    /// Waits for transactions that are still open (`UNSTABLE_OFFSET_COMMIT`), as long as a request may be retried.
    func committed(_ partitions: [TopicPartition]?) async throws(KafkaError) -> CommittedOffsets {
        if partitions?.isEmpty == true { return [:] }
        return try await cluster.retrying { () throws(KafkaError) in
            do throws(KafkaError) {
                return try await self.committedOnce(partitions)
            } catch {
                var error = error
                // The member is about to learn of it and joins again.
                switch error.errorCode {
                case .staleMemberEpoch?, .unknownMemberId?, .fencedMemberEpoch?: error.isRetriable = true
                default: break
                }
                throw error
            }
        }
    }

    private func committedOnce(_ partitions: [TopicPartition]?) async throws(KafkaError) -> CommittedOffsets {
        let newest = try await locator.versions()[.offsetFetch]?.upperBound ?? 0
        return newest >= 8 ? try await committedByGroups(partitions) : try await committedByGroup(partitions)
    }

    /// From version 8 on: several groups, and from 9 on with the member's epoch.
    private func committedByGroups(_ partitions: [TopicPartition]?) async throws(KafkaError) -> CommittedOffsets {
        let member = membership
        let isMember = member.generation >= 0 && !member.isLost
        let topics = partitions.map { partitions in
            Dictionary(grouping: partitions, by: \.topic).map { topic, partitions in
                OffsetFetchRequest.OffsetFetchRequestTopics(
                    name: topic, partitionIndexes: partitions.map(\.partition))
            }
        }
        let group = OffsetFetchRequest.OffsetFetchRequestGroup(
            groupId: groupID, memberId: isMember ? member.memberID : nil,
            memberEpoch: isMember ? member.generation : -1, topics: topics)
        let response = try await send(
            OffsetFetchRequest(groups: [group], requireStable: true), maximumVersion: 9)
        guard let answer = response.groups.first(where: { $0.groupId == groupID }) else {
            throw KafkaError(.protocolViolation, "the response leaves group '\(groupID)' out")
        }
        try check(answer.errorCode, "reading the offsets")
        var offsets: CommittedOffsets = [:]
        for topic in answer.topics {
            for found in topic.partitions {
                let partition = TopicPartition(topic: topic.name, partition: found.partitionIndex)
                offsets[partition] = try committed(
                    partition, found.errorCode, found.committedOffset, found.committedLeaderEpoch, found.metadata)
            }
        }
        return offsets
    }

    /// Up to version 7: one group.
    private func committedByGroup(_ partitions: [TopicPartition]?) async throws(KafkaError) -> CommittedOffsets {
        let topics = partitions.map { partitions in
            Dictionary(grouping: partitions, by: \.topic).map { topic, partitions in
                OffsetFetchRequest.OffsetFetchRequestTopic(
                    name: topic, partitionIndexes: partitions.map(\.partition))
            }
        }
        let request = OffsetFetchRequest(groupId: groupID, topics: topics, requireStable: true)
        let response = try await send(request, maximumVersion: 7)
        try check(response.errorCode, "reading the offsets")
        var offsets: CommittedOffsets = [:]
        for topic in response.topics {
            for found in topic.partitions {
                let partition = TopicPartition(topic: topic.name, partition: found.partitionIndex)
                offsets[partition] = try committed(
                    partition, found.errorCode, found.committedOffset, found.committedLeaderEpoch, found.metadata)
            }
        }
        return offsets
    }

    /// One partition's answer; `nil` where nothing is committed.
    private func committed(
        _ partition: TopicPartition, _ errorCode: ErrorCode, _ offset: Int64, _ leaderEpoch: Int32, _ metadata: String?
    ) throws(KafkaError) -> CommittedOffset? {
        try check(errorCode, "reading the offsets", partition)
        guard offset >= 0 else { return nil }
        return CommittedOffset(
            offset: Offset(offset), leaderEpoch: LeaderEpoch(leaderEpoch), metadata: metadata ?? "")
    }
}
