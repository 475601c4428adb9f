import KafkaMessages
import KafkaWire
import Storage

/// OffsetForLeaderEpoch (23), versions 2 to 4: where the records of a leader epoch end (KIP-101, KIP-320).
///
/// Clients and followers find out with it whether their position was cut off. An epoch newer than all of the log's is
/// answered with epoch and offset -1; the client's own idea of the leader is checked first.
struct OffsetForLeaderEpochHandler: APIHandler {
    typealias Request = OffsetForLeaderEpochRequest
    typealias EpochEndOffset = OffsetForLeaderEpochResponse.EpochEndOffset

    let topics: TopicTable

    func handle(
        _ request: OffsetForLeaderEpochRequest, _ context: RequestContext
    ) async -> Reply<OffsetForLeaderEpochResponse> {
        var response = OffsetForLeaderEpochResponse()
        for topic in request.topics {
            var answers: [EpochEndOffset] = []
            for partition in topic.partitions {
                answers.append(await answer(partition, topic: topic.topic))
            }
            response.topics.append(
                OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult(topic: topic.topic, partitions: answers))
        }
        return .now(response)
    }

    private func answer(
        _ request: OffsetForLeaderEpochRequest.OffsetForLeaderPartition, topic: String
    ) async -> EpochEndOffset {
        let index = request.partition
        guard let partition = topics.partition(TopicPartition(topic: topic, partition: index)) else {
            return EpochEndOffset(errorCode: .unknownTopicOrPartition, partition: index)
        }
        if let error = partition.problem(withEpoch: request.currentLeaderEpoch) {
            return EpochEndOffset(errorCode: error, partition: index)
        }
        do {
            let end = try await partition.endOffset(forLeaderEpoch: LeaderEpoch(request.leaderEpoch))
            return EpochEndOffset(
                partition: index, leaderEpoch: end.epoch.rawValue, endOffset: end.endOffset.rawValue)
        } catch {
            return EpochEndOffset(errorCode: error.errorCode, partition: index)
        }
    }
}
