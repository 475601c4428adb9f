import KafkaMessages
import KafkaWire
import Metadata

/// CreateTopics (19), versions 2 to 7: each topic is answered for itself, also with `validate_only`.
///
/// The answer comes when the partitions are open, and from version 5 on lists every configuration that the topic has,
/// with its source. No gaps.
struct CreateTopicsHandler: APIHandler {
    typealias Request = CreateTopicsRequest
    typealias Result = CreateTopicsResponse.CreatableTopicResult

    let controller: TopicController
    let live: LiveConfiguration
    let maximumPartitions: Int32

    func handle(_ request: CreateTopicsRequest, _ context: RequestContext) async -> Reply<CreateTopicsResponse> {
        var response = CreateTopicsResponse()
        let counts = Dictionary(request.topics.map { ($0.name, 1) }, uniquingKeysWith: +)
        var allowance = PartitionAllowance(maximumPartitions)
        for topic in request.topics.distinct(by: \.name) {
            if let count = counts[topic.name], count > 1 {
                let message = "'\(topic.name)' is in the request \(count) times"
                response.topics.append(Result(name: topic.name, errorCode: .invalidRequest, errorMessage: message))
                continue
            }
            let result = await create(topic, validateOnly: request.validateOnly, within: allowance)
            if result.errorCode == .none { allowance.take(result.numPartitions) }
            response.topics.append(result)
        }
        return .now(response)
    }

    private func create(
        _ topic: CreateTopicsRequest.CreatableTopic, validateOnly: Bool, within allowance: PartitionAllowance
    ) async -> Result {
        do {
            let new = try NewTopic(topic)
            let created = try await controller.create(new, validateOnly: validateOnly, within: allowance)
            return Result(
                name: topic.name, topicId: created.id, errorCode: .none, numPartitions: created.partitions,
                replicationFactor: 1,
                configs: effective(new.configurations))
        } catch {
            return Result(name: topic.name, errorCode: error.code, errorMessage: error.message)
        }
    }

    private func effective(_ own: [String: String]) -> [CreateTopicsResponse.CreatableTopicConfigs] {
        let describer = ConfigurationDescriber(
            sources: live.sources, includeSynonyms: false, includeDocumentation: false)
        return describer.topic(own).map { entry in
            CreateTopicsResponse.CreatableTopicConfigs(
                name: entry.name, value: entry.value, readOnly: entry.readOnly, configSource: entry.configSource,
                isSensitive: entry.isSensitive)
        }
    }
}

extension NewTopic {
    /// What a client asks for; throws for what only looks like an answerable request.
    fileprivate init(_ topic: CreateTopicsRequest.CreatableTopic) throws(TopicRefusal) {
        self.init(name: topic.name, partitions: topic.numPartitions, replicationFactor: topic.replicationFactor)
        if TopicName.isInternal(name) {
            throw TopicRefusal(
                code: .invalidTopicException, message: "'\(name)' is internal and made by the broker itself")
        }
        for assignment in topic.assignments {
            if assignments.updateValue(assignment.brokerIds, forKey: assignment.partitionIndex) != nil {
                throw TopicRefusal(
                    code: .invalidReplicaAssignment, message: "partition \(assignment.partitionIndex) is assigned twice"
                )
            }
        }
        for config in topic.configs {
            guard let value = config.value else {
                throw TopicRefusal(code: .invalidConfig, message: "\(config.name): has no value")
            }
            configurations[config.name] = value
        }
    }
}
