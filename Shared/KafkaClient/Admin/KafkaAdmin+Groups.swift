import KafkaMessages
import KafkaWire

extension KafkaAdmin {
    // MARK: Offsets

    /// Offsets of partitions: where the log starts (`earliest`), where the next record goes (`latest`), or the first
    /// record from a timestamp on; for a timestamp after the last record, the end.
    ///
    /// - Throws: the first partition's failure.
    public func listOffsets(
        _ partitions: [TopicPartition], at position: KafkaStartPosition
    ) async throws(KafkaError) -> [TopicPartition: Offset] {
        switch position {
        case .earliest, .latest, .timestamp: break
        case .offset, .committed:
            throw KafkaError(.invalidArgument, "listOffsets takes earliest, latest or a timestamp, not \(position)")
        }
        if partitions.isEmpty { return [:] }
        return try await cluster.retrying { () throws(KafkaError) in
            try await self.offsets(of: partitions, at: position)
        }
    }

    private func offsets(
        of partitions: [TopicPartition], at position: KafkaStartPosition
    ) async throws(KafkaError) -> [TopicPartition: Offset] {
        _ = try await metadata(of: Array(Set(partitions.map(\.topic))))
        var offsets: [TopicPartition: Offset] = [:]
        var late: [TopicPartition] = []
        for (partition, result) in await cluster.listOffsets(all(partitions, at: position)) {
            let offset = try result.get()
            if offset >= 0 { offsets[partition] = offset } else { late.append(partition) }
        }
        for (partition, result) in await cluster.listOffsets(all(late, at: .latest)) {
            offsets[partition] = try result.get()
        }
        return offsets
    }

    private func all(
        _ partitions: [TopicPartition], at position: KafkaStartPosition
    ) -> [TopicPartition: KafkaStartPosition] {
        Dictionary(partitions.map { ($0, position) }, uniquingKeysWith: { first, _ in first })
    }

    /// All committed offsets of a group, or those of the given partitions.
    public func committedOffsets(
        groupID: String, partitions: [TopicPartition]? = nil
    ) async throws(KafkaError) -> [TopicPartition: CommittedOffset] {
        try await GroupCoordinatorClient(groupID: groupID, cluster: cluster).committed(partitions)
    }

    // MARK: Groups

    /// The groups of all brokers, ascending by id.
    public func listGroups() async throws(KafkaError) -> [GroupListing] {
        var groups: [GroupListing] = []
        for broker in try await cluster().brokers {
            let response = try await cluster.retrying { () throws(KafkaError) in
                let response = try await self.cluster.send(ListGroupsRequest(), to: broker.id)
                if response.errorCode != .none { throw .broker(response.errorCode, "listing groups") }
                return response
            }
            groups += response.groups.map {
                GroupListing(groupID: $0.groupId, protocolType: $0.protocolType, state: $0.groupState)
            }
        }
        return groups.sorted { $0.groupID < $1.groupID }
    }

    /// The groups with their members; one result per id.
    public func describeGroups(
        _ groupIDs: [String]
    ) async throws(KafkaError) -> [String: Result<GroupDescription, KafkaError>] {
        var results: [String: Result<GroupDescription, KafkaError>] = [:]
        for groupID in groupIDs {
            do throws(KafkaError) {
                results[groupID] = .success(
                    try await cluster.retrying { () throws(KafkaError) in try await self.describe(groupID) })
            } catch {
                results[groupID] = .failure(error)
            }
        }
        return results
    }

    private func describe(_ groupID: String) async throws(KafkaError) -> GroupDescription {
        let coordinator = GroupCoordinatorClient(groupID: groupID, cluster: cluster)
        let response = try await coordinator.send(DescribeGroupsRequest(groups: [groupID]), purpose: .general)
        guard let group = response.groups.first(where: { $0.groupId == groupID }) else {
            throw KafkaError(.protocolViolation, "the response leaves group '\(groupID)' out")
        }
        try coordinator.check(group.errorCode, "describing the state")
        return GroupDescription(
            groupID: groupID, state: group.groupState, protocolType: group.protocolType,
            assignor: group.protocolData, members: group.members.map { Self.describe($0, group.protocolType) })
    }

    private static func describe(
        _ member: DescribeGroupsResponse.DescribedGroupMember, _ protocolType: String
    ) -> GroupMemberDescription {
        var assignment: [TopicPartition] = []
        if protocolType == ConsumerProtocol.protocolType {
            // Another client's bytes: what cannot be read is shown as nothing assigned.
            assignment = (try? ConsumerProtocol.decodeAssignment(member.memberAssignment)) ?? []
        }
        return GroupMemberDescription(
            memberID: member.memberId, groupInstanceID: member.groupInstanceId, clientID: member.clientId,
            clientHost: member.clientHost, assignment: assignment)
    }
}
