import Logging
import ServiceLifecycle
import SystemPackage
import UnixSignals

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Starts, runs and stops a process that hosts one service or many.
///
/// In order: arguments, configuration (every key of every part is read, then unknown keys are reported), logging,
/// metrics and tracing, building, start-up checks, running until SIGTERM or SIGINT. A wrong configuration, a failed
/// start and a service that fails later are one line on standard error and exit code 1.
public struct ServiceRunner: Sendable {
    private let name: String
    private let flags: [CommandLineFlag]
    private let parts: @Sendable (ConfigurationReader) throws -> [ServicePart]
    /// Told when the services are about to run, so that a test can stop them.
    var onStart: @Sendable (ServiceGroup) -> Void = { _ in }
    /// Where lines of help go.
    var output: @Sendable (String) -> Void = { write($0, to: .standardOutput) }
    /// Where the line that says why the process ends goes.
    var errorOutput: @Sendable (String) -> Void = { write($0, to: .standardError) }

    /// A process of one declared service that reads the whole configuration file.
    public init<Definition: ServiceDefinition>(_ definition: Definition.Type, flags: [CommandLineFlag] = []) {
        self.init(name: definition.name, flags: flags) { _ in [ServicePart(definition)] }
    }

    /// A process of the parts that `parts` names; it may read keys of its own to decide which.
    public init(
        name: String, flags: [CommandLineFlag] = [],
        parts: @escaping @Sendable (ConfigurationReader) throws -> [ServicePart]
    ) {
        self.name = name
        self.flags = flags
        self.parts = parts
    }

    /// Runs with the process's arguments and ends the process with the exit code.
    public func runAndExit() async -> Never {
        exit(await run(arguments: Array(CommandLine.arguments.dropFirst())))
    }

    /// Runs until stopped; returns the exit code.
    public func run(
        arguments: [String], environment: [String: String] = ProcessInfo.processInfo.environment
    ) async -> Int32 {
        do {
            return try await run(CommandLineOptions(arguments: arguments, flags: flags), environment: environment)
        } catch {
            errorOutput(Self.line(error, name: name))
            return 1
        }
    }

    /// As `run(arguments:)`, for executables that parse their arguments themselves; throws what ends the process.
    public func run(_ options: CommandLineOptions, environment: [String: String]) async throws -> Int32 {
        if options.action == .help {
            output(help())
            return 0
        }
        let source = try ConfigurationSource(
            file: options.configurationFile, environment: environment, overrides: options.overrides)
        let configured = try configure(ConfigurationReader(source))
        if options.action == .check {
            output("\(name): the configuration is right; files that it names were not read\n")
            return 0
        }
        let telemetry = try Telemetry.bootstrap(configured.telemetry, service: name)
        return try await serve(configured, telemetry)
    }

    private struct Configured {
        var telemetry: TelemetryConfiguration
        var parts: [(name: String, build: ServicePart.Build)]
    }

    private func configure(_ reader: ConfigurationReader) throws -> Configured {
        let telemetry = try TelemetryConfiguration(reader)
        let parts = try parts(reader).map { (name: $0.name, build: try $0.configured(reader)) }
        try reader.finish()
        return Configured(telemetry: telemetry, parts: parts)
    }

    private func serve(_ configured: Configured, _ telemetry: Telemetry) async throws -> Int32 {
        let health = HealthRegistry()
        let logger = Logger(label: name)
        var services: [HostedService] = [HostedService(part: name, service: telemetry.spans)]
        if configured.telemetry.admin.isEnabled {
            let admin = AdminServer.make(
                configured.telemetry.admin, health: health, registry: telemetry.registry, logger: logger)
            services.append(HostedService(part: name, service: admin))
        }
        for part in configured.parts {
            let built = try await part.build(environment(part.name, health, telemetry))
            services += built.map { HostedService(part: part.name, service: $0) }
        }
        for case let service as any StartupChecking in services.map(\.service) {
            try await service.checkStartup()
        }
        return try await run(services, health, deadline: configured.telemetry.shutdownDeadline, logger: logger)
    }

    private func environment(
        _ part: String, _ health: HealthRegistry, _ telemetry: Telemetry
    ) -> ServiceEnvironment {
        var logger = Logger(label: part)
        logger[metadataKey: TelemetryNames.LogKey.service] = .string(part)
        return ServiceEnvironment(
            name: part, logger: logger, health: health, metrics: telemetry.registry,
            tracer: telemetry.tracer.named(part), spans: telemetry.spans)
    }

    private func run(
        _ services: [HostedService], _ health: HealthRegistry, deadline: Duration, logger: Logger
    ) async throws -> Int32 {
        let (stopping, continuation) = AsyncStream<Void>.makeStream()
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .error)
        var configuration = ServiceGroupConfiguration(
            services: services.map { hosted in
                .init(service: hosted, failureTerminationBehavior: .gracefullyShutdownGroup)
            } + [.init(service: StopNotice(health: health, stopping: continuation))],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
        configuration.maximumGracefulShutdownDuration = deadline
        let group = ServiceGroup(configuration: configuration)
        logger.info("starting", metadata: [TelemetryNames.LogKey.count: "\(services.count)"])
        onStart(group)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await abandon(after: deadline + .seconds(5), of: stopping) }
            try await group.run()
            tasks.cancelAll()
        }
        logger.info("stopped")
        return 0
    }

    /// Ends the process when services neither stop nor react to being cancelled.
    private func abandon(after limit: Duration, of stopping: AsyncStream<Void>) async {
        for await _ in stopping {
            do { try await Task.sleep(for: limit) } catch { return }
            errorOutput("\(name): services did not stop within \(limit)\n")
            exit(1)
        }
    }

    private func help() -> String {
        var lines = ["usage: \(name) [--config FILE] [--set KEY=VALUE]... [--check] [--help]"]
        for flag in flags {
            let keys = flag.keys.joined(separator: ", ")
            lines.append("  \(flag.name) \(flag.valueName)  \(flag.documentation) (\(keys))")
        }
        let keys = ConfigurationDescription.keys { reader in _ = try configure(reader) }
        lines += ["", "keys of the configuration file:", ConfigurationDescription.helpText(keys), ""]
        return lines.joined(separator: "\n")
    }

    private static func line(_ error: any Error, name: String) -> String {
        switch error {
        case let error as ConfigurationError: "\(error)\n"
        case let error as StartupError: "\(error)\n"
        case is CancellationError: "\(name): stopped before its services had finished\n"
        default: "\(name): \(oneLine("\(error)"))\n"
        }
    }

    private static func write(_ text: String, to file: FileDescriptor) {
        do {
            _ = try file.writeAll(text.utf8)
        } catch {
            return  // Whoever started us has closed it: nobody is there to read.
        }
    }
}
