import Hummingbird
import Logging
import ServiceLifecycle

/// A service as its library declares it: its keys, and how it is put together from them.
///
///     public enum DelaysService: ServiceDefinition {
///         public static let name = "delays"
///         public static func configure(_ reader: ConfigurationReader) throws -> DelaysConfiguration { … }
///         public static func build(_ configuration: DelaysConfiguration, in environment: ServiceEnvironment)
///             async throws -> [any Service] { … }
///     }
///
/// The executable is then `await ServiceRunner(DelaysService.self).runAndExit()`.
public protocol ServiceDefinition: Sendable {
    associatedtype Configuration: Sendable

    /// The service's name in logs, spans and health checks: lower case.
    static var name: String { get }

    /// Reads every key; does no I/O.
    static func configure(_ reader: ConfigurationReader) throws -> Configuration

    /// Makes the parts that run, in the order in which they start; they stop in the reverse order.
    static func build(
        _ configuration: Configuration, in environment: ServiceEnvironment
    ) async throws -> [any Service]
}

/// What a service gets from the process that hosts it.
public struct ServiceEnvironment: Sendable {
    /// The service's name in this process, such as `delays` or `station-nation`.
    public let name: String
    /// Carries the service's name.
    public let logger: Logger
    /// Checks of the whole process; prefer `healthCheck(_:)`, which adds the service's name.
    public let health: HealthRegistry
    /// For values read at scrape time, and for sentences of the service's own metrics.
    public let metrics: PrometheusRegistry
    /// Makes spans with this service's name.
    public let tracer: ServiceTracer
    /// Where a sink for spans can be attached.
    public let spans: SpanExporter

    /// A check named `service/name` that starts as unhealthy ("starting").
    public func healthCheck(_ name: String, _ kind: HealthRegistry.Kind = .ready) -> HealthCheck {
        health.register("\(self.name)/\(name)", kind)
    }

    /// An HTTP server with this service's logger and a ready check `service/http`.
    public func httpServer(
        _ configuration: HTTPServerConfiguration, routes: (ServiceRouter) -> Void
    ) -> HTTPServer {
        HTTPServer(
            configuration, logger: logger, check: healthCheck("http"), metrics: metrics, routes: routes)
    }
}

/// One service inside a process, with the table of the configuration that it reads.
public struct ServicePart: Sendable {
    typealias Build = @Sendable (ServiceEnvironment) async throws -> [any Service]

    /// The service's name in this process.
    public let name: String
    private let section: String?
    private let shared: Set<String>
    private let configure: @Sendable (ConfigurationReader) throws -> Build

    /// A declared service. `section` is its table in a file for several services, the whole file when `nil`;
    /// `shared` names top-level tables, such as `kafka`, that hold where the section says nothing.
    public init<Definition: ServiceDefinition>(
        _ definition: Definition.Type, name: String? = nil, section: String? = nil, shared: Set<String> = []
    ) {
        self.init(
            name: name ?? definition.name, section: section, shared: shared,
            configure: { try definition.configure($0) }, build: { try await definition.build($0, in: $1) })
    }

    /// A service from two functions: one that reads its keys, one that puts it together.
    public init<Configuration: Sendable>(
        name: String, section: String? = nil, shared: Set<String> = [],
        configure: @escaping @Sendable (ConfigurationReader) throws -> Configuration,
        build: @escaping @Sendable (Configuration, ServiceEnvironment) async throws -> [any Service]
    ) {
        self.name = name
        self.section = section
        self.shared = shared
        self.configure = { reader in
            let configuration = try configure(reader)
            return { environment in try await build(configuration, environment) }
        }
    }

    func configured(_ reader: ConfigurationReader) throws -> Build {
        try configure(section.map { reader.scoped($0, shared: shared) } ?? reader)
    }
}
