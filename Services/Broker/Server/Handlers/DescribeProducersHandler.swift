import KafkaMessages
import KafkaWire
import Storage

/// DescribeProducers (61), version 0: the producers that a partition remembers, and where an open transaction begins
/// (KIP-664). Tools find transactions with it that hold back the last stable offset. A partition that is named twice is
/// answered once.
struct DescribeProducersHandler: APIHandler {
    typealias Request = DescribeProducersRequest
    typealias PartitionResponse = DescribeProducersResponse.PartitionResponse

    let topics: TopicTable

    func handle(
        _ request: DescribeProducersRequest, _ context: RequestContext
    ) async -> Reply<DescribeProducersResponse> {
        var response = DescribeProducersResponse()
        var seen: Set<TopicPartition> = []
        for topic in request.topics {
            var answers: [PartitionResponse] = []
            for index in topic.partitionIndexes {
                let position = TopicPartition(topic: topic.name, partition: index)
                if seen.insert(position).inserted { answers.append(await answer(position)) }
            }
            response.topics.append(
                DescribeProducersResponse.TopicResponse(name: topic.name, partitions: answers))
        }
        return .now(response)
    }

    private func answer(_ topicPartition: TopicPartition) async -> PartitionResponse {
        guard let partition = topics.partition(topicPartition) else {
            return PartitionResponse(
                partitionIndex: topicPartition.partition, errorCode: .unknownTopicOrPartition,
                errorMessage: "the topic has no such partition, or there is no such topic")
        }
        if partition.isOffline {
            return PartitionResponse(
                partitionIndex: topicPartition.partition, errorCode: .kafkaStorageError,
                errorMessage: "the disk of \(topicPartition) failed; it is offline until the next start")
        }
        let producers = await partition.describeProducers().map { producer in
            DescribeProducersResponse.ProducerState(
                producerId: producer.producerID.rawValue, producerEpoch: Int32(producer.epoch),
                lastSequence: producer.lastSequence, lastTimestamp: producer.lastTimestamp,
                coordinatorEpoch: producer.coordinatorEpoch,
                currentTxnStartOffset: producer.transactionStart?.rawValue ?? -1)
        }
        return PartitionResponse(partitionIndex: topicPartition.partition, activeProducers: producers)
    }
}
