import KafkaMessages
import KafkaTransport
import KafkaWire
import Logging
import NIOCore
import Synchronization

/// The cluster as one client sees it: metadata, and connections to its brokers.
///
/// ``metadata`` can be read from any thread without waiting. Refreshes are shared: whoever asks while one is under way
/// waits for that one.
actor ClusterClient {
    nonisolated let configuration: KafkaClientConfiguration
    nonisolated let logger: Logger
    nonisolated let pool: ConnectionPool
    nonisolated let eventLoop: any EventLoop
    private nonisolated let image = Mutex(ClusterMetadata())
    private nonisolated let version = Atomic<Int>(0)
    private nonisolated let refreshWanted: WakeSignal
    /// Called after each change of the metadata, on any thread.
    private nonisolated let observer = Mutex<(@Sendable () -> Void)?>(nil)
    private let allowAutoTopicCreation: Bool
    private var trackedTopics: Set<String> = []
    private var isRefreshing = false
    private var refreshWaiters: [CheckedContinuation<Result<Set<String>, KafkaError>, Never>] = []
    private var nextBootstrap = 0

    init(
        configuration: KafkaClientConfiguration, maximumInFlight: Int = 100, allowAutoTopicCreation: Bool = false,
        eventLoopGroup: any EventLoopGroup, logger: Logger
    ) {
        self.configuration = configuration
        self.logger = logger
        self.allowAutoTopicCreation = allowAutoTopicCreation
        eventLoop = eventLoopGroup.next()
        refreshWanted = WakeSignal(eventLoop: eventLoop)
        pool = ConnectionPool(
            configuration: configuration, maximumInFlight: maximumInFlight, eventLoopGroup: eventLoopGroup,
            logger: logger)
    }

    /// What is known now.
    nonisolated var metadata: ClusterMetadata { image.withLock { $0 } }

    /// Grows with each change of the metadata; read it before what it is the version of.
    nonisolated var metadataVersion: Int { version.load(ordering: .acquiring) }

    /// Reads from the metadata without copying it.
    nonisolated func withMetadata<Value>(_ body: (borrowing ClusterMetadata) -> Value) -> Value {
        image.withLock { body($0) }
    }

    nonisolated func observe(_ body: @escaping @Sendable () -> Void) {
        observer.withLock { $0 = body }
    }

    /// Asks the maintenance loop for a refresh soon; does not wait.
    nonisolated func requestRefresh() { refreshWanted.signal() }

    func track(_ topics: some Sequence<String>) { trackedTopics.formUnion(topics) }

    func close() async { await pool.close() }

    /// Refreshes on request and by age until the task is cancelled; failures are logged and tried again.
    nonisolated func maintain() async {
        var failures = 0
        let backoff = BackoffRules(initial: configuration.retryBackoff, maximum: configuration.retryBackoffMax)
        while !Task.isCancelled {
            if failures == 0 {
                await refreshWanted.wait(until: .now() + TimeAmount(configuration.metadataMaxAge))
            }
            do throws(KafkaError) {
                if !Task.isCancelled { try await refresh() }
                failures = 0
            } catch {
                failures += 1
                logger.debug("Metadata refresh failed", metadata: ["error": "\(error)"])
            }
            // Also after a success: whoever asks again because nothing changed must not make this loop spin.
            try? await Task.sleep(for: backoff.delay(failures: max(1, failures)))
        }
    }

    /// Asks one broker for the tracked topics, or waits for the refresh that is under way.
    func refresh() async throws(KafkaError) {
        if isRefreshing {
            let shared = await withCheckedContinuation { refreshWaiters.append($0) }
            if case .failure(let error) = shared, error.code == .cancelled, !Task.isCancelled {
                // Whoever asked was cancelled, which is no answer for others.
                return try await refresh()
            }
            // It may have begun before the last topics were tracked.
            if !trackedTopics.isSubset(of: try shared.get()) { try await refresh() }
            return
        }
        isRefreshing = true
        let result: Result<Set<String>, KafkaError>
        do throws(KafkaError) {
            result = .success(try await askForTopics())
        } catch {
            result = .failure(error)
        }
        isRefreshing = false
        let waiters = refreshWaiters
        refreshWaiters = []
        for waiter in waiters { waiter.resume(returning: result) }
        _ = try result.get()
    }

    /// Returns the topics that were asked for.
    private func askForTopics() async throws(KafkaError) -> Set<String> {
        let topics = trackedTopics
        let request = MetadataRequest(
            topics: topics.sorted().map { MetadataRequest.MetadataRequestTopic(name: $0) },
            allowAutoTopicCreation: allowAutoTopicCreation)
        merge(try await sendToAny(request))
        return topics
    }

    func merge(_ response: MetadataResponse) {
        image.withLock { $0.merge(response) }
        version.add(1, ordering: .releasing)
        observer.withLock { $0 }?()
    }

    /// The partitions of a topic, asked for until they are known or the deadline has passed.
    func partitionCount(of topic: String, deadline: NIODeadline) async throws(KafkaError) -> Int {
        let backoff = BackoffRules(initial: configuration.retryBackoff, maximum: configuration.retryBackoffMax)
        trackedTopics.insert(topic)
        var failures = 0
        var last: KafkaError?
        while true {
            if let count = withMetadata({ $0.partitionCount(of: topic) }) { return count }
            guard failures == 0 || NIODeadline.now() < deadline else {
                throw KafkaError(
                    .metadataUnavailable, "topic '\(topic)' did not become known in time", cause: last)
            }
            do throws(KafkaError) {
                if failures > 0 { try await sleep(backoff.delay(failures: failures)) }
                try await refresh()
                last = try unusable(topic)
            } catch {
                guard error.isRetriable else { throw error }
                last = error
            }
            failures += 1
        }
    }

    /// Why the topic cannot be used yet; throws where waiting does not help.
    private func unusable(_ topic: String) throws(KafkaError) -> KafkaError? {
        guard let errorCode = withMetadata({ $0.topics[topic]?.errorCode }), errorCode != .none else { return nil }
        let error = KafkaError.broker(errorCode, "metadata of topic '\(topic)'")
        if !error.isRetriable { throw error }
        return error
    }

    func sleep(_ duration: Duration) async throws(KafkaError) {
        do {
            try await Task.sleep(for: duration)
        } catch {
            throw KafkaError(.cancelled, "cancelled while waiting to try again")
        }
    }

    /// Addresses to ask for metadata, best first: an open connection, a known broker, then the bootstrap servers.
    private func candidates() async -> [BrokerAddress] {
        var known = withMetadata { $0.brokers.values.map(\.address) }.shuffled()
        for (index, address) in known.enumerated() where await pool.hasConnection(address) {
            known.swapAt(0, index)
            break
        }
        let bootstrap = configuration.bootstrapServers.compactMap { BrokerAddress($0) }
        nextBootstrap += 1
        let rotated = bootstrap.indices.map { bootstrap[($0 + nextBootstrap) % bootstrap.count] }
        return known + rotated.filter { !known.contains($0) }
    }

    /// Sends to whichever broker answers; throws the last error when none does.
    func sendToAny<Request: KafkaRequest>(
        _ request: Request, maximumVersion: Int16 = .max
    ) async throws(KafkaError) -> Request.Response {
        var last = KafkaError(.connection, "no broker is known")
        for address in await candidates() {
            do throws(KafkaError) {
                return try await send(request, to: address, purpose: .general, maximumVersion: maximumVersion)
            } catch {
                guard error.isRetriable else { throw error }
                last = error
            }
        }
        throw last
    }
}
