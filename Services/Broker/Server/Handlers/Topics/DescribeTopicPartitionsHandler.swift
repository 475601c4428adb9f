import KafkaMessages
import KafkaWire
import Metadata

/// DescribeTopicPartitions (75), version 0: topics with their partitions in the order of names, page by page.
///
/// A page has at most `response_partition_limit` partitions, and never more than `max.request.partition.size.limit`; a
/// cursor says where the next one begins. No gaps: without replicas no leader was ever lost, so the lists of KIP-966
/// are empty.
struct DescribeTopicPartitionsHandler: APIHandler {
    typealias Request = DescribeTopicPartitionsRequest
    typealias TopicResult = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic
    typealias PartitionResult = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponsePartition

    let topics: TopicTable
    let identity: ClusterIdentity
    let maximumPartitions: Int

    func handle(
        _ request: DescribeTopicPartitionsRequest, _ context: RequestContext
    ) async -> Reply<DescribeTopicPartitionsResponse> {
        if let cursor = request.cursor, cursor.partitionIndex < 0 {
            return .now(Self.refused(request))
        }
        let asked = Set(request.topics.map(\.name))
        let names = (asked.isEmpty ? topics.all.map(\.name) : asked.sorted())
            .filter { name in request.cursor.map { name >= $0.topicName } ?? true }
        var room = max(1, min(Int(request.responsePartitionLimit), maximumPartitions))
        var response = DescribeTopicPartitionsResponse()
        for name in names {
            guard room > 0 else {
                response.nextCursor = .init(topicName: name, partitionIndex: 0)
                break
            }
            guard let topic = topics.topic(name) else {
                if !asked.isEmpty { response.topics.append(Self.missing(name)) }
                continue
            }
            let first = request.cursor?.topicName == name ? Int(request.cursor?.partitionIndex ?? 0) : 0
            let shown = topic.partitions.dropFirst(first).prefix(room)
            response.topics.append(describe(topic, shown))
            room -= shown.count
            let next = first + shown.count
            if next < topic.partitions.count {
                response.nextCursor = .init(topicName: name, partitionIndex: Int32(next))
                break
            }
        }
        return .now(response)
    }

    private func describe(_ topic: TopicTable.Topic, _ partitions: ArraySlice<Partition>) -> TopicResult {
        let node = identity.nodeID.rawValue
        return TopicResult(
            errorCode: .none, name: topic.name, topicId: topic.id, isInternal: TopicName.isInternal(topic.name),
            partitions: partitions.map { describe($0, node) },
            topicAuthorizedOperations: AuthorizedOperations.topic)
    }

    /// A partition whose disk failed has no leader.
    private func describe(_ partition: Partition, _ node: Int32) -> PartitionResult {
        let isOffline = partition.isOffline
        return PartitionResult(
            errorCode: isOffline ? .leaderNotAvailable : .none,
            partitionIndex: partition.topicPartition.partition, leaderId: isOffline ? -1 : node,
            leaderEpoch: partition.leaderEpoch.rawValue, replicaNodes: [node], isrNodes: [node],
            eligibleLeaderReplicas: [], lastKnownElr: [], offlineReplicas: isOffline ? [node] : [])
    }

    private static func missing(_ name: String) -> TopicResult {
        let code: ErrorCode =
            TopicName.problem(with: name) == nil ? .unknownTopicOrPartition : .invalidTopicException
        return TopicResult(errorCode: code, name: name)
    }

    /// The response has no error of its own, so every topic carries it.
    private static func refused(_ request: DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse {
        DescribeTopicPartitionsResponse(
            topics: request.topics.map { TopicResult(errorCode: .invalidRequest, name: $0.name) })
    }
}
