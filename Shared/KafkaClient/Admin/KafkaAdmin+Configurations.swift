import KafkaMessages
import KafkaWire

extension KafkaAdmin {
    /// The values of topics, brokers and groups, ascending by name.
    ///
    /// - Parameter includeDocumentation: also asks for what each value is about.
    /// - Returns: one result per resource.
    public func describeConfigurations(
        _ resources: [KafkaConfigurationResource], includeDocumentation: Bool = false
    ) async throws(KafkaError) -> [KafkaConfigurationResource: Result<[KafkaConfigurationEntry], KafkaError>] {
        var results: [KafkaConfigurationResource: Result<[KafkaConfigurationEntry], KafkaError>] = [:]
        for resource in Set(resources) {
            do throws(KafkaError) {
                results[resource] = .success(
                    try await cluster.retrying { () throws(KafkaError) in
                        try await self.describe(resource, includeDocumentation: includeDocumentation)
                    })
            } catch {
                results[resource] = .failure(error)
            }
        }
        return results
    }

    private func describe(
        _ resource: KafkaConfigurationResource, includeDocumentation: Bool
    ) async throws(KafkaError) -> [KafkaConfigurationEntry] {
        let (type, name) = resource.wire
        let request = DescribeConfigsRequest(
            resources: [.init(resourceType: type, resourceName: name, configurationKeys: nil)],
            includeDocumentation: includeDocumentation)
        let response = try await send(request, about: resource)
        guard let result = response.results.first else {
            throw KafkaError(.protocolViolation, "the response leaves \(resource) out")
        }
        if result.errorCode != .none {
            throw .broker(result.errorCode, result.errorMessage ?? "describing the configuration of \(resource)")
        }
        return result.configs.map { entry in
            KafkaConfigurationEntry(
                name: entry.name, value: entry.value, source: .init(rawValue: entry.configSource),
                isReadOnly: entry.readOnly, isSensitive: entry.isSensitive,
                documentation: includeDocumentation ? entry.documentation : nil)
        }
        .sorted { $0.name < $1.name }
    }

    /// Changes single values; those that are not named stay as they are.
    ///
    /// - Returns: one result per resource, which changes as a whole or not at all.
    public func alterConfigurations(
        _ changes: [KafkaConfigurationResource: [String: KafkaConfigurationOperation]], validateOnly: Bool = false
    ) async throws(KafkaError) -> [KafkaConfigurationResource: Result<Void, KafkaError>] {
        var results: [KafkaConfigurationResource: Result<Void, KafkaError>] = [:]
        for (resource, operations) in changes {
            let (type, name) = resource.wire
            let configs = operations.sorted { $0.key < $1.key }.map { key, operation in
                let (number, value) = operation.wire
                return IncrementalAlterConfigsRequest.AlterableConfig(
                    name: key, configOperation: number, value: value)
            }
            let request = IncrementalAlterConfigsRequest(
                resources: [.init(resourceType: type, resourceName: name, configs: configs)],
                validateOnly: validateOnly)
            do throws(KafkaError) {
                let response = try await cluster.retrying { () throws(KafkaError) in
                    try await self.send(request, about: resource)
                }
                guard let result = response.responses.first else {
                    throw KafkaError(.protocolViolation, "the response leaves \(resource) out")
                }
                results[resource] = Self.result(
                    result.errorCode, result.errorMessage ?? "changing the configuration of \(resource)")
            } catch {
                results[resource] = .failure(error)
            }
        }
        return results
    }

    /// A broker answers for itself; anything else the controller knows.
    private func send<Request: KafkaRequest>(
        _ request: Request, about resource: KafkaConfigurationResource
    ) async throws(KafkaError) -> Request.Response {
        if case .broker(let id) = resource {
            _ = try await metadata(of: [])
            return try await cluster.send(request, to: id)
        }
        return try await sendToController(request)
    }
}
