import ArgumentParser
import ServiceKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `signalbox up`: the broker, five stations and every service in one process, joined by Kafka's protocol on loopback.
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up", abstract: "Run the whole line in one process.",
        discussion: """
            Every key of the file can be set: --set arrivals.http.port=8190, or SIGNALBOX_ARRIVALS__HTTP__PORT.
            """)

    @Option(name: .shortAndLong, help: "The TOML file; config/embedded.toml unless SIGNALBOX_CONFIG says another.")
    var config: String?
    @Option(help: "Where the log is kept (broker.kafka.log.dirs).") var data: String?
    @Option(help: "All stations replay DIR/STATION.txt instead of simulating.") var replay: String?
    @Option(help: "How much faster than life: a number, or max (station.speed).") var speed: String?
    @Option(name: .customLong("set"), help: "A key of the configuration: KEY=VALUE. May be repeated.")
    var settings: [String] = []
    @Flag(help: "Read the configuration, say whether it is right, and end.") var check = false

    /// The file when nobody names one.
    static let defaultFile = "config/embedded.toml"

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        var options = try options()
        if options.configurationFile == nil, environment[ConfigurationSource.fileVariable] == nil {
            options.configurationFile = Self.defaultFile
        }
        options = try EmbeddedLine.connected(options, environment: environment)
        let code = try await EmbeddedLine.runner.run(options, environment: environment)
        if code != 0 { throw ExitCode(code) }
    }

    /// The flags as overrides of keys; those of `--set` come last and win.
    func options() throws(ConfigurationError) -> CommandLineOptions {
        var arguments: [String] = []
        if let config { arguments += ["--config", config] }
        if check { arguments.append("--check") }
        if let data { arguments += ["--set", "broker.kafka.log.dirs=\(data)"] }
        if let replay { arguments += ["--set", "station.source=replay", "--set", "station.directory=\(replay)"] }
        if let speed { arguments += ["--set", "station.speed=\(speed)"] }
        for setting in settings { arguments += ["--set", setting] }
        return try CommandLineOptions(arguments: arguments)
    }
}
