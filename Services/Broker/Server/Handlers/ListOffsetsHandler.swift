import KafkaMessages
import KafkaWire
import Storage

/// ListOffsets (2), versions 1 to 11: the ends of a partition, or the first record at or after a time.
///
/// Exact to the record, not to its batch; what a reader of the request's isolation level cannot see yet is not found,
/// and for committed records the latest offset is the last stable one. -1 latest, -2 and -4 earliest, -3 the largest
/// timestamp; -5 and -6 speak of tiered storage, of which there is none. A partition that is named twice answers
/// INVALID_REQUEST, as in Kafka.
struct ListOffsetsHandler: APIHandler {
    typealias Request = ListOffsetsRequest
    typealias PartitionResponse = ListOffsetsResponse.ListOffsetsPartitionResponse

    static let gaps = "no tiered storage: -5 and -6 answer none"

    private enum Special: Int64 {
        case latest = -1
        case earliest = -2
        case maximumTimestamp = -3
        case earliestLocal = -4
        case latestTiered = -5
        case earliestPendingUpload = -6
    }

    let topics: TopicTable

    func handle(_ request: ListOffsetsRequest, _ context: RequestContext) async -> Reply<ListOffsetsResponse> {
        var response = ListOffsetsResponse()
        let repeated = Self.repeatedPartitions(of: request)
        for topic in request.topics {
            var answers: [PartitionResponse] = []
            for partition in topic.partitions {
                if repeated.contains(TopicPartition(topic: topic.name, partition: partition.partitionIndex)) {
                    answers.append(
                        PartitionResponse(partitionIndex: partition.partitionIndex, errorCode: .invalidRequest))
                    continue
                }
                answers.append(
                    await answer(partition, topic: topic.name, isolation: IsolationLevel(request.isolationLevel)))
            }
            response.topics.append(
                ListOffsetsResponse.ListOffsetsTopicResponse(name: topic.name, partitions: answers))
        }
        return .now(response)
    }

    /// A search may read a segment, so one request does not ask for it any number of times.
    private static func repeatedPartitions(of request: ListOffsetsRequest) -> Set<TopicPartition> {
        var seen: Set<TopicPartition> = []
        var repeated: Set<TopicPartition> = []
        for topic in request.topics {
            for partition in topic.partitions {
                let position = TopicPartition(topic: topic.name, partition: partition.partitionIndex)
                if !seen.insert(position).inserted { repeated.insert(position) }
            }
        }
        return repeated
    }

    private func answer(
        _ request: ListOffsetsRequest.ListOffsetsPartition, topic: String, isolation: IsolationLevel
    ) async -> PartitionResponse {
        let index = request.partitionIndex
        guard let partition = topics.partition(TopicPartition(topic: topic, partition: index)) else {
            return PartitionResponse(partitionIndex: index, errorCode: .unknownTopicOrPartition)
        }
        if let error = partition.problem(withEpoch: request.currentLeaderEpoch) {
            return PartitionResponse(partitionIndex: index, errorCode: error)
        }
        if partition.isOffline { return PartitionResponse(partitionIndex: index, errorCode: .kafkaStorageError) }
        do {
            let found = try await find(request.timestamp, in: partition, isolation)
            return PartitionResponse(
                partitionIndex: index, errorCode: .none, timestamp: found?.timestamp ?? -1,
                offset: found?.offset.rawValue ?? -1, leaderEpoch: found?.leaderEpoch.rawValue ?? -1)
        } catch {
            return PartitionResponse(partitionIndex: index, errorCode: error.errorCode)
        }
    }

    private func find(
        _ timestamp: Int64, in partition: Partition, _ isolation: IsolationLevel
    ) async throws(StorageError) -> TimestampedOffset? {
        let offsets = partition.progress.offsets
        let end = offsets.end(for: isolation)
        switch Special(rawValue: timestamp) {
        case .latest:
            return TimestampedOffset(offset: end, timestamp: -1, leaderEpoch: partition.leaderEpoch)
        case .earliest, .earliestLocal:
            return TimestampedOffset(
                offset: offsets.logStart, timestamp: -1,
                leaderEpoch: try await partition.leaderEpoch(at: offsets.logStart))
        case .latestTiered, .earliestPendingUpload:
            return nil
        case .maximumTimestamp:
            return try await partition.maximumTimestamp().flatMap { $0.offset < end ? $0 : nil }
        case nil:
            return try await partition.offset(forTimestamp: timestamp).flatMap { $0.offset < end ? $0 : nil }
        }
    }
}
