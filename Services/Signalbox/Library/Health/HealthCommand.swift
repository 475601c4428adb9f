import ArgumentParser

/// `signalbox health URL`: for health checks of containers.
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Ask an address: ends with 0 when it answers 200, else with 1.")

    @Argument(help: "Such as http://127.0.0.1:9600/health/ready.") var url: String
    @Option(help: "Seconds that the answer may take.") var timeout = 2
    @Flag(help: "Say nothing when it is well.") var quiet = false

    func validate() throws {
        guard (1...600).contains(timeout) else { throw ValidationError("--timeout must be 1 to 600, not \(timeout)") }
    }

    func run() async throws {
        let address = try HTTPAddress(url)
        let answer = try await withDeadline(.seconds(timeout), "\(url): no answer within \(timeout) s") {
            try await HTTPProbe.get(address)
        }
        guard answer.status == 200 else { throw CommandError("\(url): \(answer.status) \(answer.body.prefix(2_000))") }
        if !quiet { StandardStream.write(answer.body + "\n") }
    }
}
