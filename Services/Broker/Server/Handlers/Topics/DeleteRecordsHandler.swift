import KafkaMessages
import KafkaWire
import Metadata

/// DeleteRecords (21), versions 0 to 2: moves the log start of partitions up; -1 means the high watermark.
///
/// Answers where the log starts now; an offset below that changes nothing. A topic that is only compacted answers
/// POLICY_VIOLATION, an internal one INVALID_TOPIC_EXCEPTION. The disk gets its room back with the next retention
/// check. No gaps.
struct DeleteRecordsHandler: APIHandler {
    typealias Request = DeleteRecordsRequest
    typealias PartitionResult = DeleteRecordsResponse.DeleteRecordsPartitionResult

    let topics: TopicTable

    func handle(_ request: DeleteRecordsRequest, _ context: RequestContext) async -> Reply<DeleteRecordsResponse> {
        var response = DeleteRecordsResponse()
        for topic in request.topics {
            var results: [PartitionResult] = []
            for partition in topic.partitions {
                results.append(await delete(partition, topic: topic.name))
            }
            response.topics.append(
                DeleteRecordsResponse.DeleteRecordsTopicResult(name: topic.name, partitions: results))
        }
        return .now(response)
    }

    private func delete(
        _ request: DeleteRecordsRequest.DeleteRecordsPartition, topic: String
    ) async -> PartitionResult {
        let index = request.partitionIndex
        if TopicName.isInternal(topic) { return Self.failed(index, .invalidTopicException) }
        guard let partition = topics.partition(TopicPartition(topic: topic, partition: index)) else {
            return Self.failed(index, .unknownTopicOrPartition)
        }
        do {
            let start = try await partition.deleteRecords(before: Offset(request.offset))
            return PartitionResult(partitionIndex: index, lowWatermark: start.rawValue, errorCode: .none)
        } catch {
            return Self.failed(index, error.errorCode)
        }
    }

    private static func failed(_ index: Int32, _ code: ErrorCode) -> PartitionResult {
        PartitionResult(partitionIndex: index, lowWatermark: -1, errorCode: code)
    }
}
