import KafkaMessages
import KafkaWire
import NIOCore
import Testing

/// The versions that tests speak where the version is not what they test: the last ones that name topics by name.
enum ByName {
    static let produce: Int16 = 12
    static let fetch: Int16 = 12
    static let commit: Int16 = 9
    static let offsetFetch: Int16 = 9
}

extension TestConnection {
    @discardableResult
    func createTopic(
        _ name: String, partitions: Int32 = 1, _ configurations: [String: String] = [:]
    ) async throws -> KafkaUUID {
        let topic = CreateTopicsRequest.CreatableTopic(
            name: name, numPartitions: partitions, replicationFactor: 1,
            configs: configurations.map { CreateTopicsRequest.CreatableTopicConfig(name: $0.key, value: $0.value) })
        let response = try await call(CreateTopicsRequest(topics: [topic]))
        let result = try #require(response.topics.first)
        try #require(result.errorCode == .none, "\(result.errorMessage ?? "")")
        return result.topicId
    }

    /// Sets configurations of a topic.
    func alter(_ topic: String, _ configurations: [String: String]) async throws {
        let resource = IncrementalAlterConfigsRequest.AlterConfigsResource(
            resourceType: 2, resourceName: topic,
            configs: configurations.map { .init(name: $0.key, configOperation: 0, value: $0.value) })
        let response = try await call(IncrementalAlterConfigsRequest(resources: [resource]))
        let result = try #require(response.responses.first)
        try #require(result.errorCode == .none, "\(result.errorMessage ?? "")")
    }

    func deleteTopic(_ name: String) async throws -> DeleteTopicsResponse.DeletableTopicResult {
        let response = try await call(DeleteTopicsRequest(topics: [.init(name: name)]))
        return try #require(response.responses.first)
    }

    func produce(
        _ records: ByteBuffer, to topic: String, partition: Int32 = 0, acks: Int16 = -1
    ) async throws -> ProduceResponse.PartitionProduceResponse {
        let response = try await call(
            produceRequest(records, to: topic, partition: partition, acks: acks), version: ByName.produce)
        return try #require(response.responses.first?.partitionResponses.first)
    }

    func fetch(_ request: FetchRequest, version: Int16 = ByName.fetch) async throws -> FetchResponse.PartitionData {
        let response = try await call(request, version: version)
        return try #require(response.responses.first?.partitions.first)
    }

    func listOffset(
        _ timestamp: Int64, of topic: String, partition: Int32 = 0, epoch: Int32 = -1
    ) async throws -> ListOffsetsResponse.ListOffsetsPartitionResponse {
        let asked = ListOffsetsRequest.ListOffsetsPartition(
            partitionIndex: partition, currentLeaderEpoch: epoch, timestamp: timestamp)
        let response = try await call(
            ListOffsetsRequest(replicaId: -1, topics: [.init(name: topic, partitions: [asked])]))
        return try #require(response.topics.first?.partitions.first)
    }

    func metadata(
        _ names: [String]?, mayCreate: Bool = false, version: Int16 = MetadataRequest.versions.upperBound
    ) async throws -> MetadataResponse {
        try await call(
            MetadataRequest(topics: names?.map { .init(name: $0) }, allowAutoTopicCreation: mayCreate),
            version: version)
    }
}

func produceRequest(
    _ records: ByteBuffer, to topic: String, partition: Int32 = 0, acks: Int16 = -1
) -> ProduceRequest {
    ProduceRequest(
        acks: acks, timeoutMs: 10_000,
        topicData: [.init(name: topic, partitionData: [.init(index: partition, records: RecordsPayload(records))])])
}

func fetchRequest(
    _ topic: String, from offset: Int64, partition: Int32 = 0, epoch: Int32 = -1, minBytes: Int32 = 0,
    maxBytes: Int32 = 1 << 24, partitionMaxBytes: Int32 = 1 << 20, maxWait: Int32 = 0
) -> FetchRequest {
    FetchRequest(
        maxWaitMs: maxWait, minBytes: minBytes, maxBytes: maxBytes,
        topics: [
            .init(
                topic: topic,
                partitions: [
                    .init(
                        partition: partition, currentLeaderEpoch: epoch, fetchOffset: offset,
                        partitionMaxBytes: partitionMaxBytes)
                ])
        ])
}
