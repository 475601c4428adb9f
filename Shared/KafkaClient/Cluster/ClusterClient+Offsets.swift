import KafkaMessages
import KafkaWire

extension ClusterClient {
    /// One partition's answer to a ListOffsets request.
    typealias OffsetResults = [TopicPartition: Result<Offset, KafkaError>]

    /// The offsets that positions stand for: one request per leader. Partitions without a known leader fail retriably.
    ///
    /// - Parameter isolation: with read_committed the latest offset is the last stable one.
    nonisolated func listOffsets(
        _ positions: [TopicPartition: KafkaStartPosition],
        isolation: KafkaConsumerConfiguration.IsolationLevel = .readUncommitted
    ) async -> OffsetResults {
        var results: OffsetResults = [:]
        var byLeader: [BrokerID: [TopicPartition]] = [:]
        for partition in positions.keys {
            if let leader = withMetadata({ $0.leader(of: partition)?.broker }) {
                byLeader[leader, default: []].append(partition)
            } else {
                requestRefresh()
                results[partition] = .failure(
                    .broker(.leaderNotAvailable, "the partition's leader is not known", partition))
            }
        }
        for (leader, partitions) in byLeader {
            let asked = positions.filter { partitions.contains($0.key) }
            results.merge(await listOffsets(asked, at: leader, isolation)) { _, new in new }
        }
        return results
    }

    private nonisolated func listOffsets(
        _ positions: [TopicPartition: KafkaStartPosition], at leader: BrokerID,
        _ isolation: KafkaConsumerConfiguration.IsolationLevel
    ) async -> OffsetResults {
        let topics = Dictionary(grouping: positions, by: \.key.topic).map { topic, entries in
            ListOffsetsRequest.ListOffsetsTopic(
                name: topic,
                partitions: entries.map { partition, position in
                    ListOffsetsRequest.ListOffsetsPartition(
                        partitionIndex: partition.partition, timestamp: position.listOffsetsTimestamp)
                })
        }
        let request = ListOffsetsRequest(
            replicaId: -1, isolationLevel: isolation.rawValue, topics: topics,
            timeoutMs: Int32(clamping: configuration.requestTimeout.milliseconds))
        do throws(KafkaError) {
            let response = try await send(request, to: leader)
            return results(response, positions)
        } catch {
            return positions.mapValues { _ in .failure(error) }
        }
    }

    private nonisolated func results(
        _ response: ListOffsetsResponse, _ positions: [TopicPartition: KafkaStartPosition]
    ) -> OffsetResults {
        var results: OffsetResults = positions.mapValues { _ in
            .failure(KafkaError(.protocolViolation, "the response leaves a partition out"))
        }
        for topic in response.topics {
            for partition in topic.partitions {
                let topicPartition = TopicPartition(topic: topic.name, partition: partition.partitionIndex)
                guard partition.errorCode == .none else {
                    if partition.errorCode.isRetriable { requestRefresh() }
                    results[topicPartition] = .failure(
                        .broker(partition.errorCode, "looking up an offset", topicPartition))
                    continue
                }
                // -1: no record is that late.
                results[topicPartition] = .success(Offset(partition.offset))
            }
        }
        return results
    }
}

extension KafkaStartPosition {
    /// The timestamp that asks for this position; -2 is the earliest offset, -1 the latest.
    var listOffsetsTimestamp: Int64 {
        switch self {
        case .earliest: -2
        case .latest, .committed, .offset: -1
        case .timestamp(let milliseconds): milliseconds
        }
    }
}
