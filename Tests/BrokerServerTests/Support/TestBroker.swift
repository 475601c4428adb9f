import Logging
import Storage
import Synchronization
import TestSupport

@testable import BrokerServer

/// A broker in this process on a port of its own, with the connections that a test needs.
struct TestBroker: Sendable {
    let broker: Broker
    /// What time it is for the broker.
    let clock: ManualClock

    var port: Int { broker.ports[0] }

    func connect() async throws -> TestConnection { try await TestConnection.open(port: port) }
}

/// A clock that only moves when a test moves it.
final class ManualClock: Sendable {
    private let milliseconds: Mutex<Int64>

    init(_ start: Int64 = 1_700_000_000_000) {
        milliseconds = Mutex(start)
    }

    var now: Int64 { milliseconds.withLock { $0 } }
    func advance(by count: Int64) { milliseconds.withLock { $0 += count } }

    var wallClock: WallClock { WallClock { self.now } }
}

/// Settings for a test: one folder, a free port, no waiting for further group members.
func testSettings(folder: String, _ settings: [String: String] = [:]) -> [String: String] {
    let base = [
        "listeners": "PLAINTEXT://127.0.0.1:0", "log.dirs": folder, "offsets.topic.num.partitions": "2",
        "transaction.state.log.num.partitions": "2",
        "group.initial.rebalance.delay.ms": "0", "num.network.threads": "2", "num.io.threads": "2",
    ]
    return base.merging(settings) { $1 }
}

let quietLogger = Logger(label: "broker tests", factory: { _ in SwiftLogNoOpLogHandler() })

/// Runs a broker in `folder` for as long as `operation` takes, and stops it as a process would.
func withBroker<Value: Sendable>(
    in folder: String, _ settings: [String: String] = [:], clock: ManualClock = ManualClock(),
    files: any FileSystem = POSIXFileSystem(), _ operation: @Sendable (TestBroker) async throws -> Value
) async throws -> Value {
    let broker = try await Broker.open(
        BrokerConfiguration(kafka: testSettings(folder: folder, settings)), files: files, clock: clock.wallClock,
        logger: quietLogger)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await broker.run() }
        let result: Result<Value, any Error>
        do {
            result = .success(try await operation(TestBroker(broker: broker, clock: clock)))
        } catch {
            result = .failure(error)
        }
        group.cancelAll()
        try await group.waitForAll()
        return try result.get()
    }
}

/// Runs a broker in a folder of its own.
func withBroker<Value: Sendable>(
    _ settings: [String: String] = [:], clock: ManualClock = ManualClock(),
    _ operation: @Sendable (TestBroker) async throws -> Value
) async throws -> Value {
    try await withTemporaryDirectory { folder in
        try await withBroker(in: folder, settings, clock: clock, operation)
    }
}
