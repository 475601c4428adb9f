import KafkaWire

/// Reading committed offsets.
extension GroupCoordinatorState {
    /// What OffsetFetch answers for one group.
    public struct FetchedOffsets: Sendable, Hashable {
        /// One partition; `nil` where nothing is committed.
        public struct Partition: Sendable, Hashable {
            public var topicPartition: TopicPartition
            public var offset: CommittedOffset?
            /// `UNSTABLE_OFFSET_COMMIT` where the end of a transaction has to be awaited.
            public var errorCode: ErrorCode = .none
        }

        /// Set when the group cannot be read here.
        public var errorCode: ErrorCode
        /// In the request's order; by name when everything was asked for.
        public var partitions: [Partition]
    }

    /// OffsetFetch for one group: committed offsets only. `nil` asks for all there are.
    ///
    /// - Parameter requireStable: partitions with an offset of an open transaction answer `UNSTABLE_OFFSET_COMMIT`, so
    ///   that a consumer does not start from before records whose processing is about to be committed (KIP-447).
    public func fetchOffsets(
        groupId: String, partitions wanted: [TopicPartition]?, requireStable: Bool = false
    ) -> FetchedOffsets {
        if let refusal = availability(ofGroup: groupId) { return FetchedOffsets(errorCode: refusal, partitions: []) }
        let offsets = entries[groupId]?.offsets ?? OffsetsTable()
        let asked = wanted ?? offsets.all.map(\.topicPartition)
        let partitions = asked.map { position in
            if requireStable, offsets.isUnstable(position) {
                return FetchedOffsets.Partition(
                    topicPartition: position, offset: nil, errorCode: .unstableOffsetCommit)
            }
            return FetchedOffsets.Partition(topicPartition: position, offset: current(offsets[position], position))
        }
        return FetchedOffsets(errorCode: .none, partitions: partitions)
    }

    /// An offset of a topic that another one of the same name has taken the place of is as good as gone.
    private func current(_ offset: CommittedOffset?, _ position: TopicPartition) -> CommittedOffset? {
        guard let offset, topics.byName[position.topic] != nil else { return offset }
        return topics.isStale(position.topic, offset) ? nil : offset
    }
}
