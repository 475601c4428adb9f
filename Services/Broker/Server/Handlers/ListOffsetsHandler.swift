import KafkaMessages
import KafkaWire
import Storage

/// ListOffsets (2), versions 1 to 11: the ends of a partition, or the first record at or after a time.
///
/// Exact to the record, not to its batch; what a reader of the request's isolation level cannot see yet is not found,
/// and for committed records the latest offset is the last stable one. -1 latest, -2 and -4 earliest, -3 the largest
/// timestamp; -5 and -6 speak of tiered storage, of which there is none, and answer -1 as Kafka does without it. A
/// special value that its version does not have, or nobody knows, is UNSUPPORTED_VERSION; a partition that a request
/// has twice is INVALID_REQUEST. No gaps.
struct ListOffsetsHandler: APIHandler {
    typealias Request = ListOffsetsRequest
    typealias PartitionResponse = ListOffsetsResponse.ListOffsetsPartitionResponse

    private enum Special: Int64 {
        case latest = -1
        case earliest = -2
        case maximumTimestamp = -3
        case earliestLocal = -4
        case latestTiered = -5
        case earliestPendingUpload = -6

        /// The first version that may ask for it.
        var firstVersion: Int16 {
            switch self {
            case .latest, .earliest: 1
            case .maximumTimestamp: 7
            case .earliestLocal: 8
            case .latestTiered: 9
            case .earliestPendingUpload: 11
            }
        }
    }

    let topics: TopicTable

    func handle(_ request: ListOffsetsRequest, _ context: RequestContext) async -> Reply<ListOffsetsResponse> {
        var response = ListOffsetsResponse()
        let repeated = Self.repeated(in: request)
        let isolation = IsolationLevel(request.isolationLevel)
        for topic in request.topics {
            var answers: [PartitionResponse] = []
            for partition in topic.partitions {
                let place = TopicPartition(topic: topic.name, partition: partition.partitionIndex)
                if repeated.contains(place) {
                    answers.append(PartitionResponse(partitionIndex: place.partition, errorCode: .invalidRequest))
                } else if !Self.isServed(partition.timestamp, version: context.version) {
                    answers.append(PartitionResponse(partitionIndex: place.partition, errorCode: .unsupportedVersion))
                } else {
                    answers.append(await answer(partition, at: place, isolation))
                }
            }
            response.topics.append(
                ListOffsetsResponse.ListOffsetsTopicResponse(name: topic.name, partitions: answers))
        }
        return .now(response)
    }

    /// Partitions that the request has more than once: a search may read a segment, so one request does not ask for it
    /// any number of times.
    private static func repeated(in request: ListOffsetsRequest) -> Set<TopicPartition> {
        var seen: Set<TopicPartition> = []
        var repeated: Set<TopicPartition> = []
        for topic in request.topics {
            for partition in topic.partitions {
                let place = TopicPartition(topic: topic.name, partition: partition.partitionIndex)
                if !seen.insert(place).inserted { repeated.insert(place) }
            }
        }
        return repeated
    }

    private static func isServed(_ timestamp: Int64, version: Int16) -> Bool {
        if timestamp >= 0 { return true }
        guard let special = Special(rawValue: timestamp) else { return false }
        return version >= special.firstVersion
    }

    private func answer(
        _ request: ListOffsetsRequest.ListOffsetsPartition, at place: TopicPartition, _ isolation: IsolationLevel
    ) async -> PartitionResponse {
        let index = place.partition
        guard let partition = topics.partition(place) else {
            return PartitionResponse(partitionIndex: index, errorCode: .unknownTopicOrPartition)
        }
        if partition.isOffline { return PartitionResponse(partitionIndex: index, errorCode: .kafkaStorageError) }
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
            return readable(try await partition.maximumTimestamp(), in: partition, isolation)
        case nil:
            return readable(try await partition.offset(forTimestamp: timestamp), in: partition, isolation)
        }
    }

    /// Nothing beyond what a consumer may read now, which may be more than when the search began.
    private func readable(
        _ found: TimestampedOffset?, in partition: Partition, _ isolation: IsolationLevel
    ) -> TimestampedOffset? {
        found.flatMap { $0.offset < partition.progress.offsets.end(for: isolation) ? $0 : nil }
    }
}
