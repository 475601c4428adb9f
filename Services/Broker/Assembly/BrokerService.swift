import BrokerServer
import Logging
import ServiceKit
import ServiceLifecycle

/// The broker as a service: its settings are Kafka's own, quoted in the `[kafka]` table.
public enum BrokerService: ServiceDefinition {
    public static let name = "broker"

    public static func configure(_ reader: ConfigurationReader) throws -> BrokerConfiguration {
        let table = try reader.table(
            "kafka", known: BrokerConfiguration.settingNames, doc: "the broker's settings under Kafka's own names")
        do {
            return try BrokerConfiguration(kafka: table.properties)
        } catch {
            guard let entry = table[error.key] else { throw reader.error("kafka", error.description) }
            throw entry.error(error.message)
        }
    }

    public static func build(
        _ configuration: BrokerConfiguration, in environment: ServiceEnvironment
    ) async throws -> [any Service] {
        let check = environment.healthCheck("log")
        let broker = try await Broker.open(configuration, logger: environment.logger)
        return [RunningBroker(broker: broker, check: check)]
    }
}

/// Serves from start to graceful stop. It was opened before, so that whatever is wrong is told before anything runs.
private struct RunningBroker: Service {
    let broker: Broker
    let check: HealthCheck

    func run() async throws {
        check.set(.healthy)
        try await cancelWhenGracefulShutdown { try await broker.run() }
    }
}
