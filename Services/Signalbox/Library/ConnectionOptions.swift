import ArgumentParser
import KafkaClient
import Logging

/// Which cluster a command talks to.
struct ConnectionOptions: ParsableArguments {
    @Option(
        name: .customLong("bootstrap-server"),
        help: "Brokers to find the cluster by: host:port, separated by commas.")
    var bootstrapServer = "127.0.0.1:9092"

    @Option(help: "Seconds that the cluster gets to answer.")
    var timeout = 10

    /// The client's settings; every wait is bounded by `--timeout`.
    var client: KafkaClientConfiguration {
        let servers = bootstrapServer.split(separator: ",").map(String.init)
        var client = KafkaClientConfiguration(bootstrapServers: servers, clientID: "signalbox-cli")
        client.connectTimeout = .seconds(min(timeout, 10))
        client.requestTimeout = .seconds(timeout)
        return client
    }

    func validate() throws {
        guard (1...3_600).contains(timeout) else {
            throw ValidationError("--timeout must be 1 to 3600, not \(timeout)")
        }
    }

    /// Lends an admin; a cluster that does not answer in time is one clear error.
    func withAdmin<Value: Sendable>(
        _ body: @escaping @Sendable (KafkaAdmin) async throws -> Value
    ) async throws -> Value {
        let admin = try KafkaAdmin(configuration: client, logger: Self.quietLogger)
        do {
            let silence = "no answer from \(bootstrapServer) within \(timeout) s"
            let value = try await withDeadline(.seconds(timeout), silence) {
                try await body(admin)
            }
            await admin.close()
            return value
        } catch {
            await admin.close()
            throw describe(error)
        }
    }

    /// A broker that is not there, in words; other errors as they are.
    func describe(_ error: any Error) -> any Error {
        guard let error = error as? KafkaError else { return error }
        switch error.code {
        case .connection: return CommandError("no broker can be reached at \(bootstrapServer)")
        case .requestTimedOut: return CommandError("no answer from \(bootstrapServer) within \(timeout) s")
        default: return error
        }
    }

    /// A logger that says nothing below errors: a command's output is for its user.
    static var quietLogger: Logger {
        var logger = Logger(label: "signalbox")
        logger.logLevel = .critical
        return logger
    }
}

/// Runs `body`, and gives it up with `message` after `limit`.
func withDeadline<Value: Sendable>(
    _ limit: Duration, _ message: String, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw CommandError(message)
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else { throw CommandError(message) }
        return value
    }
}
