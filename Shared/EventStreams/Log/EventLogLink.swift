import KafkaClient
import Logging
import Railway
import ServiceKit
import ServiceLifecycle
import Synchronization

/// Watches the way to the event log: creates the topics, says in the health check and in the log when the broker
/// cannot be reached and when it can again, and never gives up.
public final class EventLogLink: Service {
    private struct State {
        var isOpen = false
        var waiters: [AsyncStream<Void>.Continuation] = []
    }

    /// How often the broker is asked, and how often an outage is logged.
    enum Interval {
        static let check = Duration.seconds(3)
        static let retry = Duration.milliseconds(500)
        static let report = Duration.seconds(10)
    }

    private let admin: KafkaAdmin
    private let configuration: EventLogConfiguration
    private let topics: [Topic]
    private let check: HealthCheck
    private let logger: Logger
    private let state = Mutex(State())

    init(
        admin: KafkaAdmin, configuration: EventLogConfiguration, topics: [Topic], check: HealthCheck, logger: Logger
    ) {
        self.admin = admin
        self.configuration = configuration
        self.topics = topics
        self.check = check
        self.logger = logger
    }

    /// Whether the log has been reached and its topics exist; stays true over later outages.
    public var isOpen: Bool { state.withLock { $0.isOpen } }

    /// Returns true once the topics exist, false when the service stops before that.
    public func untilOpen() async -> Bool {
        let waiting = state.withLock { state -> AsyncStream<Void>? in
            if state.isOpen { return nil }
            let (stream, continuation) = AsyncStream<Void>.makeStream()
            state.waiters.append(continuation)
            return stream
        }
        if let waiting { await cancelWhenGracefulShutdown { for await _ in waiting {} } }
        return isOpen
    }

    /// Asks the broker again and again until the service stops.
    public func run() async throws {
        await cancelWhenGracefulShutdown { await self.watch() }
        await admin.close()
    }

    private func watch() async {
        var isReachable: Bool?
        var reported: ContinuousClock.Instant?
        while !Task.isCancelled {
            do throws(KafkaError) {
                if isReachable != true { try await createTopics() } else { _ = try await admin.cluster() }
                if isReachable != true { reached(isFirst: isReachable == nil) }
                isReachable = true
                reported = nil
            } catch {
                if Task.isCancelled { return }
                isReachable = false
                check.set(.unhealthy("the event log cannot be reached: \(error.message)"))
                if reported.map({ $0.duration(to: .now) >= Interval.report }) ?? true {
                    reported = .now
                    report(error)
                }
            }
            do { try await Task.sleep(for: isReachable == true ? Interval.check : Interval.retry) } catch { return }
        }
    }

    private func createTopics() async throws(KafkaError) {
        guard !topics.isEmpty else {
            _ = try await admin.cluster()
            return
        }
        try await admin.ensureTopics(topics.map { NewTopic($0, configuration) })
    }

    private func reached(isFirst: Bool) {
        check.set(.healthy)
        logger.info(
            "the event log is reached", metadata: [EventStreamNames.LogKey.servers: "\(servers)"])
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.finish() }
    }

    private func report(_ error: KafkaError) {
        logger.warning(
            "the event log cannot be reached; trying again",
            metadata: [EventStreamNames.LogKey.servers: "\(servers)", TelemetryNames.LogKey.error: "\(error)"])
    }

    private var servers: String { configuration.bootstrapServers.joined(separator: ",") }
}

extension NewTopic {
    /// The topic as the catalogue has it.
    init(_ topic: Topic, _ configuration: EventLogConfiguration) {
        self.init(
            name: topic.name, partitions: Int32(topic.partitions),
            replicationFactor: Int16(clamping: configuration.replicationFactor),
            configuration: Dictionary(topic.configuration.map { ($0.name, $0.value) }) { first, _ in first })
    }
}
