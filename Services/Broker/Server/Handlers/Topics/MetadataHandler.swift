import KafkaMessages
import KafkaWire
import Metadata

/// Metadata (3), versions 0 to 13: the brokers, and topics by name, by id or all of them.
///
/// Creates a missing topic when the request and `auto.create.topics.enable` allow it, and answers it at once. A topic
/// that is named twice is answered once, as in Kafka.
struct MetadataHandler: APIHandler {
    typealias Request = MetadataRequest
    typealias TopicResponse = MetadataResponse.MetadataResponseTopic

    private struct TopicKey: Hashable {
        let name: String?
        let id: KafkaUUID
    }

    /// The first version whose answers may leave a topic without a name.
    private static let nullNameVersion: Int16 = 12

    let topics: TopicTable
    let controller: TopicController
    let identity: ClusterIdentity
    let autoCreateTopics: Bool
    let maximumPartitions: Int32

    func handle(_ request: MetadataRequest, _ context: RequestContext) async -> Reply<MetadataResponse> {
        var response = MetadataResponse(
            brokers: [
                MetadataResponse.MetadataResponseBroker(
                    nodeId: identity.nodeID.rawValue, host: context.advertised.host,
                    port: Int32(context.advertised.port))
            ],
            clusterId: identity.clusterID, controllerId: identity.nodeID.rawValue)
        let wantsAll = request.topics == nil || (context.version == 0 && request.topics?.isEmpty == true)
        if wantsAll {
            response.topics = topics.all.map { describe($0) }
        } else {
            var allowance = PartitionAllowance(maximumPartitions)
            for topic in (request.topics ?? []).distinct(by: { TopicKey(name: $0.name, id: $0.topicId) }) {
                response.topics.append(
                    await answer(
                        topic, version: context.version, within: &allowance,
                        mayCreate: request.allowAutoTopicCreation))
            }
        }
        if request.includeTopicAuthorizedOperations {
            for index in response.topics.indices {
                response.topics[index].topicAuthorizedOperations = AuthorizedOperations.topic
            }
        }
        if request.includeClusterAuthorizedOperations {
            response.clusterAuthorizedOperations = AuthorizedOperations.cluster
        }
        return .now(response)
    }

    private func answer(
        _ asked: MetadataRequest.MetadataRequestTopic, version: Int16, within allowance: inout PartitionAllowance,
        mayCreate: Bool
    ) async -> TopicResponse {
        guard let name = asked.name else {
            if let topic = topics.topic(id: asked.topicId) { return describe(topic) }
            let unnamed = version >= Self.nullNameVersion ? nil : ""
            return TopicResponse(errorCode: .unknownTopicId, name: unnamed, topicId: asked.topicId)
        }
        if let topic = topics.topic(name) { return describe(topic) }
        if TopicName.problem(with: name) != nil {
            return TopicResponse(errorCode: .invalidTopicException, name: name)
        }
        guard mayCreate, autoCreateTopics else {
            return TopicResponse(errorCode: .unknownTopicOrPartition, name: name)
        }
        do {
            let topic = try await controller.findOrCreate(name, within: allowance)
            allowance.take(Int32(topic.partitions.count))
            return describe(topic)
        } catch {
            return TopicResponse(errorCode: error.code, name: name)
        }
    }

    private func describe(_ topic: TopicTable.Topic) -> TopicResponse {
        let node = identity.nodeID.rawValue
        return TopicResponse(
            errorCode: .none, name: topic.name, topicId: topic.id, isInternal: TopicName.isInternal(topic.name),
            partitions: topic.partitions.map { partition in
                if partition.isOffline { return Self.offline(partition, node) }
                return MetadataResponse.MetadataResponsePartition(
                    errorCode: .none, partitionIndex: partition.topicPartition.partition, leaderId: node,
                    leaderEpoch: partition.leaderEpoch.rawValue, replicaNodes: [node], isrNodes: [node])
            })
    }

    /// A partition whose disk failed has no leader: clients look for another, and go on when there is one.
    private static func offline(
        _ partition: Partition, _ node: Int32
    ) -> MetadataResponse.MetadataResponsePartition {
        MetadataResponse.MetadataResponsePartition(
            errorCode: .leaderNotAvailable, partitionIndex: partition.topicPartition.partition, leaderId: -1,
            leaderEpoch: partition.leaderEpoch.rawValue, replicaNodes: [node], isrNodes: [node],
            offlineReplicas: [node])
    }
}

/// What a client without restrictions may do, as the bit sets of KIP-430: bit n is operation n.
enum AuthorizedOperations {
    private enum Operation: Int32 {
        case read = 3
        case write, create, delete, alter, describe, clusterAction, describeConfigs, alterConfigs, idempotentWrite
    }

    static let topic = bits([.read, .write, .create, .delete, .alter, .describe, .describeConfigs, .alterConfigs])
    static let cluster = bits([
        .create, .alter, .describe, .clusterAction, .describeConfigs, .alterConfigs, .idempotentWrite,
    ])
    static let group = bits([.read, .delete, .describe, .describeConfigs, .alterConfigs])

    private static func bits(_ operations: [Operation]) -> Int32 {
        operations.reduce(0) { $0 | 1 << $1.rawValue }
    }
}
