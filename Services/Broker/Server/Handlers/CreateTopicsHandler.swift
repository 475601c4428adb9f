import KafkaMessages
import KafkaWire

/// CreateTopics (19), versions 2 to 7: each topic is answered for itself, also with `validate_only`.
///
/// The answer comes when the partitions are open. Gaps: the configurations listed are those that were set.
struct CreateTopicsHandler: APIHandler {
    typealias Request = CreateTopicsRequest
    typealias Result = CreateTopicsResponse.CreatableTopicResult

    let controller: TopicController

    func handle(_ request: CreateTopicsRequest, _ context: RequestContext) async -> Reply<CreateTopicsResponse> {
        var response = CreateTopicsResponse()
        let counts = Dictionary(request.topics.map { ($0.name, 1) }, uniquingKeysWith: +)
        for topic in request.topics {
            if counts[topic.name] != 1 {
                let message = "'\(topic.name)' is in the request \(counts[topic.name] ?? 0) times"
                response.topics.append(Result(name: topic.name, errorCode: .invalidRequest, errorMessage: message))
                continue
            }
            response.topics.append(await create(topic, validateOnly: request.validateOnly))
        }
        return .now(response)
    }

    private func create(_ topic: CreateTopicsRequest.CreatableTopic, validateOnly: Bool) async -> Result {
        let new = NewTopic(
            name: topic.name, partitions: topic.numPartitions, replicationFactor: topic.replicationFactor,
            assignments: Dictionary(
                topic.assignments.map { ($0.partitionIndex, $0.brokerIds) }, uniquingKeysWith: { first, _ in first }),
            configurations: Dictionary(
                topic.configs.compactMap { config in config.value.map { (config.name, $0) } },
                uniquingKeysWith: { $1 }))
        do {
            let created = try await controller.create(new, validateOnly: validateOnly)
            return Result(
                name: topic.name, topicId: created.id, errorCode: .none, numPartitions: created.partitions,
                replicationFactor: 1,
                configs: new.configurations.sorted { $0.key < $1.key }.map { key, value in
                    // Source 1: a value set on the topic itself.
                    CreateTopicsResponse.CreatableTopicConfigs(name: key, value: value, configSource: 1)
                })
        } catch {
            return Result(name: topic.name, errorCode: error.code, errorMessage: error.message)
        }
    }
}
