import KafkaMessages
import KafkaWire

extension KafkaAdmin {
    /// Gives topics more partitions; keys go to other partitions from then on.
    ///
    /// - Parameter counts: by topic, how many there shall be in the end.
    /// - Returns: one result per topic name.
    public func createPartitions(
        _ counts: [String: Int32], validateOnly: Bool = false
    ) async throws(KafkaError) -> [String: Result<Void, KafkaError>] {
        let request = CreatePartitionsRequest(
            topics: counts.sorted { $0.key < $1.key }.map { .init(name: $0.key, count: $0.value, assignments: nil) },
            timeoutMs: timeoutMilliseconds, validateOnly: validateOnly)
        let response = try await cluster.retrying { () throws(KafkaError) in try await self.sendToController(request) }
        var results: [String: Result<Void, KafkaError>] = [:]
        for topic in response.results {
            results[topic.name] = Self.result(
                topic.errorCode, topic.errorMessage ?? "adding partitions to topic '\(topic.name)'")
        }
        return results
    }

    /// Deletes records at the beginning of partitions.
    ///
    /// - Parameter offsets: by partition, the first offset that stays; `nil` deletes all that there are.
    /// - Returns: by partition, where the log starts now.
    public func deleteRecords(
        before offsets: [TopicPartition: Offset?]
    ) async throws(KafkaError) -> [TopicPartition: Result<Offset, KafkaError>] {
        if offsets.isEmpty { return [:] }
        let picture = try await metadata(of: Array(Set(offsets.keys.map(\.topic))))
        var results: [TopicPartition: Result<Offset, KafkaError>] = [:]
        var byLeader: [BrokerID: [TopicPartition]] = [:]
        for partition in offsets.keys {
            if let leader = picture.leader(of: partition)?.broker {
                byLeader[leader, default: []].append(partition)
            } else {
                results[partition] = .failure(
                    .broker(.unknownTopicOrPartition, "there is no leader to delete records at", partition))
            }
        }
        for (leader, partitions) in byLeader {
            let asked = offsets.filter { partitions.contains($0.key) }
            results.merge(await delete(before: asked, at: leader)) { _, new in new }
        }
        return results
    }

    private static func attempt(before offset: Offset??) -> String {
        guard case .some(.some(let offset)) = offset else { return "deleting all records" }
        return "deleting the records before offset \(offset), which has to be between the partition's first and its end"
    }

    private func delete(
        before offsets: [TopicPartition: Offset?], at leader: BrokerID
    ) async -> [TopicPartition: Result<Offset, KafkaError>] {
        let topics = Dictionary(grouping: offsets, by: \.key.topic).map { topic, entries in
            DeleteRecordsRequest.DeleteRecordsTopic(
                name: topic,
                partitions: entries.map { partition, offset in
                    // -1 stands for the high watermark.
                    .init(partitionIndex: partition.partition, offset: offset?.rawValue ?? -1)
                })
        }
        let request = DeleteRecordsRequest(topics: topics, timeoutMs: timeoutMilliseconds)
        do throws(KafkaError) {
            let response = try await cluster.retrying { () throws(KafkaError) in
                try await self.cluster.send(request, to: leader)
            }
            var results: [TopicPartition: Result<Offset, KafkaError>] = offsets.mapValues { _ in
                .failure(KafkaError(.protocolViolation, "the response leaves a partition out"))
            }
            for topic in response.topics {
                for found in topic.partitions {
                    let partition = TopicPartition(topic: topic.name, partition: found.partitionIndex)
                    results[partition] =
                        found.errorCode == .none
                        ? .success(Offset(found.lowWatermark))
                        : .failure(.broker(found.errorCode, Self.attempt(before: offsets[partition]), partition))
                }
            }
            return results
        } catch {
            return offsets.mapValues { _ in .failure(error) }
        }
    }
}
