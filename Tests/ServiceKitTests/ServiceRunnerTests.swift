import Hummingbird
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing
import Tracing

@testable import ServiceKit

private enum ClockService: ServiceDefinition {
    static let name = "clock"
    struct Configuration: Sendable {
        var http: HTTPServerConfiguration
        var label: String
    }
    static func configure(_ reader: ConfigurationReader) throws -> Configuration {
        Configuration(
            http: try HTTPServerConfiguration(reader, defaultPort: 0),
            label: try reader.string("clock.label", default: "noon", doc: "What the clock says."))
    }
    static func build(
        _ configuration: Configuration, in environment: ServiceEnvironment
    ) async throws -> [any Service] {
        [
            environment.httpServer(configuration.http) { router in
                router.get("/") { _, _ in
                    let span = environment.tracer.startSpan("tick", context: ServiceContext.current ?? .topLevel)
                    span.end()
                    return Response.text("\(configuration.label) \(ServiceContext.current?.serviceName ?? "none")")
                }
            }
        ]
    }
}

private struct WaitingService: Service {
    func run() async throws { try await gracefulShutdown() }
}

private struct EndingService: Service {
    func run() async throws {}
}

private struct FailingService: Service {
    struct Broken: Error {}
    func run() async throws { throw Broken() }
}

private struct OnceService: FiniteService {
    let done: @Sendable () -> Void
    func run() async throws { done() }
}

/// Collects what a runner prints.
private final class Output: Sendable {
    private let lines = Mutex("")
    var text: String { lines.withLock { $0 } }
    func write(_ text: String) { lines.withLock { $0 += text } }
}

@Suite("Service runner", .tags(.integration), .serialized, .timeLimit(.minutes(5)))
struct ServiceRunnerTests {
    private let errors = Output()
    private let output = Output()
    /// Stopping may take as long as the machine needs: past its deadline a runner ends the process.
    private static let quiet = [
        "--set", "admin.enabled=false", "--set", "logging.level=error", "--set", "shutdown.deadline=600s",
    ]

    private func runner(
        _ runner: ServiceRunner, onStart: @escaping @Sendable (ServiceGroup) -> Void = { _ in }
    ) -> ServiceRunner {
        var runner = runner
        runner.onStart = onStart
        runner.errorOutput = { [errors] in errors.write($0) }
        runner.output = { [output] in output.write($0) }
        return runner
    }

    private func single(
        _ service: any Service, onStart: @escaping @Sendable (ServiceGroup) -> Void = { _ in }
    ) -> ServiceRunner {
        runner(
            ServiceRunner(name: "test") { _ in
                [ServicePart(name: "test", configure: { _ in }, build: { _, _ in [service] })]
            }, onStart: onStart)
    }

    @Test("A wrong configuration is one line with file and line, and exit code 1")
    func wrongConfiguration() async throws {
        let code = try await withTemporaryDirectory { directory in
            let path = "\(directory)/clock.toml"
            try writeFile(path, "[http]\nport = 0\n\n[clock]\nlabl = \"x\"\n")
            let runner = runner(ServiceRunner(ClockService.self))
            let code = await runner.run(arguments: ["--config", path], environment: [:])
            #expect(errors.text == "\(path):5: unknown key 'clock.labl' (did you mean 'label'?)\n")
            return code
        }
        #expect(code == 1)
    }

    @Test("A wrong argument is one line, and exit code 1")
    func wrongArgument() async {
        let code = await runner(ServiceRunner(ClockService.self)).run(arguments: ["--prot"], environment: [:])
        #expect(code == 1)
        #expect(errors.text == "command line: unknown argument '--prot'\n")
    }

    @Test("--check reads the configuration and ends; --help lists flags and keys")
    func checkAndHelp() async {
        let flags = [CommandLineFlag("--label", keys: ["clock.label"], valueName: "TEXT", documentation: "Says it.")]
        let runner = runner(ServiceRunner(ClockService.self, flags: flags))
        #expect(await runner.run(arguments: ["--check", "--label", "x"], environment: [:]) == 0)
        #expect(output.text == "clock: the configuration is right; files that it names were not read\n")
        #expect(await runner.run(arguments: ["--help"], environment: [:]) == 0)
        #expect(output.text.contains("  --label TEXT  Says it. (clock.label)\n"))
        #expect(output.text.contains("string, default \"noon\"  What the clock says.\n"))
        #expect(output.text.contains("admin.port"))
    }

    @Test("A port in use is one line, and exit code 1, before anything runs")
    func portInUse() async throws {
        let blocker = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(blocker.localAddress?.port)
        let runner = runner(ServiceRunner(ClockService.self), onStart: { _ in Issue.record("must not start") })
        let code = await runner.run(arguments: Self.quiet + ["--set", "http.port=\(port)"], environment: [:])
        #expect(code == 1)
        #expect(errors.text == "http: 127.0.0.1:\(port) is in use\n")
        try await blocker.close()
    }

    @Test("A service that fails, or ends though it should not, ends the process with one line and code 1")
    func failures() async {
        #expect(await single(FailingService()).run(arguments: Self.quiet, environment: [:]) == 1)
        #expect(errors.text == "test: Broken()\n")
        #expect(await single(EndingService()).run(arguments: Self.quiet, environment: [:]) == 1)
        #expect(errors.text == "test: Broken()\ntest: EndingService ended unexpectedly\n")
    }

    @Test("A finite service may end; a graceful stop is exit code 0")
    func graceful() async {
        let (ended, continuation) = AsyncStream<ServiceGroup>.makeStream()
        let group = Mutex<ServiceGroup?>(nil)
        let runner = single(
            OnceService(done: { if let group = group.withLock({ $0 }) { continuation.yield(group) } }),
            onStart: { started in group.withLock { $0 = started } })
        async let code = runner.run(arguments: Self.quiet, environment: [:])
        for await group in ended {
            await group.triggerGracefulShutdown()
            break
        }
        #expect(await code == 0)
        #expect(errors.text.isEmpty)
    }

    @Test("Many services share one process; each has its section, its name, and the shared admin server")
    func manyServices() async throws {
        let ports = [19_601, 19_602, 19_603]
        let file = """
            [admin]
            port = \(ports[0])
            [logging]
            level = "error"
            [shutdown]
            deadline = "600s"
            [one.http]
            port = \(ports[1])
            [two]
            http.port = \(ports[2])
            clock.label = "midnight"
            """
        let (started, continuation) = AsyncStream<ServiceGroup>.makeStream()
        let process = runner(
            ServiceRunner(name: "signalbox") { _ in
                ["one", "two"].map { ServicePart(ClockService.self, name: $0, section: $0) }
            }, onStart: { continuation.yield($0) })
        try await withTemporaryDirectory { directory in
            try writeFile("\(directory)/embedded.toml", file)
            let arguments = ["--config", "\(directory)/embedded.toml"]
            async let code = process.run(arguments: arguments, environment: ["SIGNALBOX_ONE__CLOCK__LABEL": "dawn"])
            for await group in started {
                try await eventually("all listen") {
                    do { return try await fetch(ports[0], "/health/ready").status == 200 } catch { return false }
                }
                #expect(try await fetch(ports[1], "/").body == "dawn one")
                #expect(try await fetch(ports[2], "/").body == "midnight two")
                let ready = try await fetch(ports[0], "/health/ready").body
                #expect(ready.contains("\"one/http\"") && ready.contains("\"two/http\""))
                let metrics = try await fetch(ports[0], "/metrics").body
                #expect(metrics.contains("http_server_requests_total"))
                #expect(try ParsedExposition(metrics).violations == [])
                await group.triggerGracefulShutdown()
                break
            }
            #expect(await code == 0)
        }
        #expect(errors.text.isEmpty)
    }
}
