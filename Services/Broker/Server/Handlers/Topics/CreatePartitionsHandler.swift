import KafkaMessages
import KafkaWire

/// CreatePartitions (37), versions 0 to 3: topics grow, each is answered for itself, also with `validate_only`.
///
/// The count is the new total. Consumers learn of the new partitions with their next Metadata. No gaps.
struct CreatePartitionsHandler: APIHandler {
    typealias Request = CreatePartitionsRequest
    typealias Result = CreatePartitionsResponse.CreatePartitionsTopicResult

    let controller: TopicController
    let maximumPartitions: Int32

    func handle(
        _ request: CreatePartitionsRequest, _ context: RequestContext
    ) async -> Reply<CreatePartitionsResponse> {
        var response = CreatePartitionsResponse()
        let counts = Dictionary(request.topics.map { ($0.name, 1) }, uniquingKeysWith: +)
        var allowance = PartitionAllowance(maximumPartitions)
        for topic in request.topics.distinct(by: \.name) {
            if let count = counts[topic.name], count > 1 {
                let message = "'\(topic.name)' is in the request \(count) times"
                response.results.append(
                    Result(name: topic.name, errorCode: .invalidRequest, errorMessage: message))
                continue
            }
            response.results.append(await grow(topic, validateOnly: request.validateOnly, within: &allowance))
        }
        return .now(response)
    }

    private func grow(
        _ topic: CreatePartitionsRequest.CreatePartitionsTopic, validateOnly: Bool,
        within allowance: inout PartitionAllowance
    ) async -> Result {
        do {
            let added = try await controller.grow(
                TopicGrowth(
                    name: topic.name, count: topic.count, assignments: topic.assignments?.map(\.brokerIds)),
                validateOnly: validateOnly, within: allowance)
            allowance.take(added)
            return Result(name: topic.name, errorCode: .none)
        } catch {
            return Result(name: topic.name, errorCode: error.code, errorMessage: error.message)
        }
    }
}
