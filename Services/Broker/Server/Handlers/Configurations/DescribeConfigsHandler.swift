import KafkaMessages
import KafkaWire
import Metadata

/// DescribeConfigs (32), versions 1 to 4: the values of topics, brokers and groups, with where each comes from.
///
/// A broker answers for itself and, under the empty name, what was set for all brokers. Its loggers are one, "root".
/// What is asked for twice is answered once.
struct DescribeConfigsHandler: APIHandler {
    typealias Request = DescribeConfigsRequest
    typealias Result = DescribeConfigsResponse.DescribeConfigsResult

    static let gaps = "no client metrics (resource type 16)"

    private struct ResourceKey: Hashable {
        let type: Int8
        let name: String
        let keys: [String]?
    }

    let topics: TopicTable
    let live: LiveConfiguration

    func handle(_ request: DescribeConfigsRequest, _ context: RequestContext) async -> Reply<DescribeConfigsResponse> {
        let describer = ConfigurationDescriber(
            sources: live.sources, includeSynonyms: request.includeSynonyms,
            includeDocumentation: request.includeDocumentation)
        let resources = request.resources.distinct { asked in
            ResourceKey(type: asked.resourceType, name: asked.resourceName, keys: asked.configurationKeys)
        }
        return .now(DescribeConfigsResponse(results: resources.map { answer($0, describer) }))
    }

    private func answer(
        _ asked: DescribeConfigsRequest.DescribeConfigsResource, _ describer: ConfigurationDescriber
    ) -> Result {
        var result = Result(resourceType: asked.resourceType, resourceName: asked.resourceName)
        let resource = ConfigurationResource(.init(rawValue: asked.resourceType), asked.resourceName)
        do throws(TopicRefusal) {
            result.configs = try entries(of: resource, describer)
            if let keys = asked.configurationKeys, !keys.isEmpty {
                let wanted = Set(keys)
                result.configs.removeAll { !wanted.contains($0.name) }
            }
        } catch {
            result.errorCode = error.code
            result.errorMessage = error.message
        }
        return result
    }

    private func entries(
        of resource: ConfigurationResource, _ describer: ConfigurationDescriber
    ) throws(TopicRefusal) -> [ConfigurationDescriber.Entry] {
        switch resource.kind {
        case .topic:
            if let problem = TopicName.problem(with: resource.name) {
                throw TopicRefusal(code: .invalidTopicException, message: problem)
            }
            guard let topic = topics.topic(resource.name) else {
                throw TopicRefusal(
                    code: .unknownTopicOrPartition, message: "there is no topic '\(resource.name)'")
            }
            return describer.topic(topic.configurations)
        case .broker:
            if resource.name.isEmpty { return describer.cluster() }
            try checkIsThisBroker(resource.name)
            return describer.broker()
        case .brokerLogger:
            try checkIsThisBroker(resource.name)
            return [loggerEntry()]
        case .group:
            if resource.name.isEmpty {
                throw TopicRefusal(code: .invalidRequest, message: "a group's name may not be empty")
            }
            return describer.group(live.group(resource.name))
        default:
            throw TopicRefusal(
                code: .invalidRequest,
                message: "resource type \(resource.kind.rawValue) is not one of 2 (topic), 4 (broker), "
                    + "8 (broker logger), 32 (group)")
        }
    }

    private func checkIsThisBroker(_ name: String) throws(TopicRefusal) {
        let node = live.current.nodeID
        guard name == "\(node)" else {
            throw TopicRefusal(code: .invalidRequest, message: "broker '\(name)' is not \(node), which this is")
        }
    }

    private func loggerEntry() -> ConfigurationDescriber.Entry {
        ConfigurationDescriber.Entry(
            name: BrokerLogLevel.root, value: live.logLevel.name, readOnly: false,
            configSource: ConfigurationDescriber.Source.brokerLogger.rawValue)
    }
}
