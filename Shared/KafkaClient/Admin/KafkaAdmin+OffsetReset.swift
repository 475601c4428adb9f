import KafkaMessages
import KafkaWire

/// Where a group's offsets are moved to.
public enum OffsetResetTarget: Sendable, Hashable {
    case earliest
    case latest
    /// The first record at or after a time, in milliseconds since 1970.
    case timestamp(milliseconds: Int64)
    case offset(Offset)
    /// So many records on from where the group is, or back.
    case shift(Int64)
}

/// One partition's committed offset before and after a reset.
public struct OffsetReset: Sendable, Hashable {
    public var partition: TopicPartition
    /// `nil` where nothing was committed.
    public var current: Offset?
    /// Never outside of what the partition has.
    public var new: Offset
}

extension KafkaAdmin {
    /// Deletes groups with their committed offsets; a group that has members is an error of that group.
    public func deleteGroups(_ groupIDs: [String]) async throws(KafkaError) -> [String: Result<Void, KafkaError>] {
        var results: [String: Result<Void, KafkaError>] = [:]
        for groupID in groupIDs {
            do throws(KafkaError) {
                try await cluster.retrying { () throws(KafkaError) in try await self.delete(groupID) }
                results[groupID] = .success(())
            } catch {
                results[groupID] = .failure(error)
            }
        }
        return results
    }

    private func delete(_ groupID: String) async throws(KafkaError) {
        let coordinator = GroupCoordinatorClient(groupID: groupID, cluster: cluster)
        let response = try await coordinator.send(DeleteGroupsRequest(groupsNames: [groupID]), purpose: .general)
        guard let result = response.results.first(where: { $0.groupId == groupID }) else {
            throw KafkaError(.protocolViolation, "the response leaves group '\(groupID)' out")
        }
        try coordinator.check(result.errorCode, "deleting group '\(groupID)'")
    }

    /// Commits offsets for a group that has no members.
    ///
    /// - Throws: `UNKNOWN_MEMBER_ID` while the group has members: only they may commit then.
    public func commitOffsets(
        groupID: String, _ offsets: [TopicPartition: Offset]
    ) async throws(KafkaError) {
        try await GroupCoordinatorClient(groupID: groupID, cluster: cluster).commit(
            offsets.mapValues { CommittedOffset(offset: $0) }, mustOwn: false, isOwner: { false })
    }

    /// What moving a group's offsets would do; ``commitOffsets(groupID:_:)`` does it.
    ///
    /// - Parameter partitions: those to move; every partition that the group has an offset of when `nil`.
    /// - Returns: ascending by partition.
    public func planOffsetReset(
        groupID: String, partitions: [TopicPartition]? = nil, to target: OffsetResetTarget
    ) async throws(KafkaError) -> [OffsetReset] {
        let committed = try await committedOffsets(groupID: groupID, partitions: partitions)
        let moved = (partitions ?? Array(committed.keys)).sorted()
        let starts = try await listOffsets(moved, at: .earliest)
        let ends = try await listOffsets(moved, at: .latest)
        var asked: [TopicPartition: Offset] = [:]
        if case .timestamp(let time) = target {
            asked = try await listOffsets(moved, at: .timestamp(milliseconds: time))
        }
        return moved.compactMap { partition in
            guard let start = starts[partition], let end = ends[partition] else { return nil }
            let current = committed[partition]?.offset
            let wanted: Offset =
                switch target {
                case .earliest: start
                case .latest: end
                case .timestamp: asked[partition] ?? end
                case .offset(let offset): offset
                case .shift(let count): Self.shifted(current ?? start, by: count)
                }
            return OffsetReset(partition: partition, current: current, new: min(max(wanted, start), end))
        }
    }

    private static func shifted(_ offset: Offset, by count: Int64) -> Offset {
        let (sum, overflows) = offset.rawValue.addingReportingOverflow(count)
        return Offset(overflows ? (count < 0 ? 0 : .max) : sum)
    }
}
