import Hummingbird
import Logging

/// Where the admin interface listens: `[admin]`.
public struct AdminConfiguration: Sendable, Equatable {
    public var isEnabled: Bool
    public var host: String
    public var port: Int

    /// Reads `admin.enabled`, `admin.host`, `admin.port`.
    public init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        isEnabled = try reader.bool("admin.enabled", default: true, doc: "Serve health and metrics.")
        host = try reader.string("admin.host", default: "127.0.0.1", doc: "Address of health and metrics.")
        port = try reader.int("admin.port", default: 9_600, in: 0...65_535, doc: "Port of health and metrics.")
    }
}

/// The routes of the admin interface: `/health/live`, `/health/ready` (503 with the reasons), `/metrics`.
public enum AdminServer {
    /// One server for the whole process, however many services it hosts.
    public static func make(
        _ configuration: AdminConfiguration, health: HealthRegistry, registry: PrometheusRegistry, logger: Logger
    ) -> HTTPServer {
        HTTPServer(
            HTTPServerConfiguration(host: configuration.host, port: configuration.port), name: "admin",
            logger: logger, metrics: registry
        ) { router in
            addRoutes(to: router, health: health, registry: registry)
        }
    }

    /// Adds the routes to any router.
    public static func addRoutes(to router: ServiceRouter, health: HealthRegistry, registry: PrometheusRegistry) {
        for kind in HealthRegistry.Kind.allCases {
            router.get("/health/\(kind.rawValue)") { _, _ in
                Response.json(health.json(kind), status: health.isHealthy(kind) ? .ok : .serviceUnavailable)
            }
        }
        router.get("/metrics") { _, _ in
            Response.text(registry.expose(), contentType: PrometheusText.contentType)
        }
    }
}
