import KafkaClient
import Logging

/// Measures one run of the client against a broker that is there: `client-bench produce|consume NAME=VALUE…`.
///
/// Prints one line of `name=value` pairs. `Benchmarks/client.py` runs it by turns with kcat.
@main
enum ClientBench {
    static func main() async throws {
        let options = try BenchOptions(CommandLine.arguments.dropFirst())
        var logger = Logger(label: "client-bench")
        logger.logLevel = .warning
        let before = RunCost.now()
        let tally =
            switch options.mode {
            case .produce: try await ProduceRun(options: options, logger: logger).run()
            case .consume: try await ConsumeRun(options: options, logger: logger).run()
            }
        print(RunCost.now().line(since: before, tally))
    }
}
