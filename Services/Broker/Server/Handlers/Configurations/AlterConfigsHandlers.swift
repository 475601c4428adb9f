import KafkaMessages
import KafkaWire
import Metadata

/// IncrementalAlterConfigs (44), versions 0 and 1: sets, resets, and adds to and takes from lists.
///
/// Each resource is answered for itself and changes as a whole or not at all, also with `validate_only`. The level of
/// the one logger, "root", is kept until the process ends. Gaps: there is nothing to set for client metrics (16).
struct IncrementalAlterConfigsHandler: APIHandler {
    typealias Request = IncrementalAlterConfigsRequest
    typealias Result = IncrementalAlterConfigsResponse.AlterConfigsResourceResponse

    static let gaps = "no client metrics (resource type 16)"

    let controller: TopicController

    func handle(
        _ request: IncrementalAlterConfigsRequest, _ context: RequestContext
    ) async -> Reply<IncrementalAlterConfigsResponse> {
        let changes = request.resources.map { resource in
            ConfigurationChange(
                resource: ConfigurationResource(.init(rawValue: resource.resourceType), resource.resourceName),
                entries: resource.configs.map { .init(name: $0.name, operation: $0.configOperation, value: $0.value) })
        }
        let outcomes = await controller.alter(changes, validateOnly: request.validateOnly)
        return .now(
            IncrementalAlterConfigsResponse(
                responses: zip(request.resources, outcomes).map { resource, refusal in
                    Result(
                        errorCode: refusal?.code ?? .none, errorMessage: refusal?.message,
                        resourceType: resource.resourceType, resourceName: resource.resourceName)
                }))
    }
}

/// AlterConfigs (33), versions 0 to 2: replaces all values of a resource; those that are not named go back to their
/// defaults.
///
/// Answered and applied as IncrementalAlterConfigs. Loggers are not changed by it, in Kafka neither.
struct AlterConfigsHandler: APIHandler {
    typealias Request = AlterConfigsRequest
    typealias Result = AlterConfigsResponse.AlterConfigsResourceResponse

    static let gaps = "no client metrics (resource type 16)"

    let controller: TopicController

    func handle(_ request: AlterConfigsRequest, _ context: RequestContext) async -> Reply<AlterConfigsResponse> {
        let set = ConfigurationChange.Operation.set.rawValue
        let changes = request.resources.map { resource in
            ConfigurationChange(
                resource: ConfigurationResource(.init(rawValue: resource.resourceType), resource.resourceName),
                entries: resource.configs.map { .init(name: $0.name, operation: set, value: $0.value) },
                replacesAll: true)
        }
        let outcomes = await controller.alter(changes, validateOnly: request.validateOnly)
        return .now(
            AlterConfigsResponse(
                responses: zip(request.resources, outcomes).map { resource, refusal in
                    Result(
                        errorCode: refusal?.code ?? .none, errorMessage: refusal?.message,
                        resourceType: resource.resourceType, resourceName: resource.resourceName)
                }))
    }
}

extension TopicController {
    /// Makes the changes one after the other; says of each why it was refused, if it was.
    fileprivate func alter(_ changes: [ConfigurationChange], validateOnly: Bool) async -> [TopicRefusal?] {
        let counts = Dictionary(changes.map { ($0.resource, 1) }, uniquingKeysWith: +)
        var outcomes: [TopicRefusal?] = []
        for change in changes {
            if counts[change.resource] != 1 {
                outcomes.append(
                    TopicRefusal(
                        code: .invalidRequest,
                        message: "\(change.resource) is in the request \(counts[change.resource] ?? 0) times"))
                continue
            }
            do {
                try await alter(change, validateOnly: validateOnly)
                outcomes.append(nil)
            } catch {
                outcomes.append(error)
            }
        }
        return outcomes
    }
}
