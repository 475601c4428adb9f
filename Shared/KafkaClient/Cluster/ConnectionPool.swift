import KafkaTransport
import KafkaWire
import Logging
import NIOCore

/// What a connection is for. Each purpose has its own, so that a long poll never delays a heartbeat.
enum ConnectionPurpose: Hashable, Sendable {
    case general
    case fetch
    case coordinator
}

/// The connections of one client, made on demand, at most one per broker and purpose.
///
/// Several tasks that need the same connection share one attempt. After a failure the next attempt waits out a
/// backoff; each failure is logged with address and reason, but a repeated one at most every five seconds.
actor ConnectionPool {
    /// Which connection.
    struct Key: Hashable, Sendable {
        var address: BrokerAddress
        var purpose: ConnectionPurpose
    }

    private struct Slot {
        var connection: KafkaConnection?
        var isConnecting = false
        var waiters: [CheckedContinuation<Void, Never>] = []
        var failures = 0
        var notBefore: NIODeadline = .uptimeNanoseconds(0)
        var lastError: KafkaError?
        var lastLogged: NIODeadline?
    }

    private let configuration: KafkaClientConfiguration
    private let maximumInFlight: Int
    private let eventLoopGroup: any EventLoopGroup
    private let logger: Logger
    private let backoff: BackoffRules
    private var slots: [Key: Slot] = [:]
    private var isClosed = false

    init(
        configuration: KafkaClientConfiguration, maximumInFlight: Int, eventLoopGroup: any EventLoopGroup,
        logger: Logger
    ) {
        self.configuration = configuration
        self.maximumInFlight = maximumInFlight
        self.eventLoopGroup = eventLoopGroup
        self.logger = logger
        backoff = BackoffRules(
            initial: configuration.reconnectBackoff, maximum: configuration.reconnectBackoffMax)
    }

    /// Whether there is a connection to this address that needs no attempt.
    func hasConnection(_ address: BrokerAddress) -> Bool {
        slots[Key(address: address, purpose: .general)]?.connection?.isOpen == true
    }

    /// An open connection: the one there is, or one attempt to make one.
    func connection(
        to address: BrokerAddress, purpose: ConnectionPurpose
    ) async throws(KafkaError) -> KafkaConnection {
        let key = Key(address: address, purpose: purpose)
        while true {
            if isClosed { throw .closed("client") }
            if Task.isCancelled { throw KafkaError(.cancelled, "cancelled while connecting to \(address)") }
            let slot = slots[key, default: Slot()]
            if let connection = slot.connection, connection.isOpen { return connection }
            guard slot.isConnecting else { return try await connect(key) }
            await withCheckedContinuation { slots[key, default: Slot()].waiters.append($0) }
            if let error = slots[key]?.lastError { throw error }
        }
    }

    /// One attempt, which everybody who comes meanwhile waits for.
    private func connect(_ key: Key) async throws(KafkaError) -> KafkaConnection {
        slots[key, default: Slot()].isConnecting = true
        let result: Result<KafkaConnection, KafkaError>
        do throws(KafkaError) {
            try await waitOutBackoff(key)
            result = .success(try await open(key))
        } catch {
            result = .failure(error)
        }
        finish(key, result)
        let connection = try result.get()
        if isClosed {
            await connection.close()
            throw .closed("client")
        }
        return connection
    }

    private func open(_ key: Key) async throws(KafkaError) -> KafkaConnection {
        do throws(ConnectionError) {
            return try await KafkaConnection.connect(
                host: key.address.host, port: key.address.port, configuration: transportConfiguration,
                eventLoopGroup: eventLoopGroup)
        } catch {
            throw KafkaError(error, doing: "connecting to \(key.address)")
        }
    }

    private var transportConfiguration: KafkaConnection.Configuration {
        KafkaConnection.Configuration(
            clientID: configuration.clientID, connectTimeout: configuration.connectTimeout,
            requestTimeout: configuration.requestTimeout,
            maximumResponseBytes: configuration.maxResponseBytes, maximumInFlight: maximumInFlight)
    }

    private func waitOutBackoff(_ key: Key) async throws(KafkaError) {
        guard let notBefore = slots[key]?.notBefore else { return }
        let wait = notBefore - .now()
        guard wait > .zero else { return }
        do {
            try await Task.sleep(for: .nanoseconds(wait.nanoseconds))
        } catch {
            throw KafkaError(.cancelled, "cancelled while waiting to connect to \(key.address) again")
        }
    }

    /// Notes the outcome and lets those who waited look at it.
    private func finish(_ key: Key, _ result: Result<KafkaConnection, KafkaError>) {
        var slot = slots[key, default: Slot()]
        slot.isConnecting = false
        switch result {
        case .success(let connection):
            if slot.failures > 0 {
                logger.info("Kafka broker reachable again", metadata: ["address": "\(key.address)"])
            }
            slot.connection = connection
            slot.failures = 0
            slot.lastError = nil
            slot.lastLogged = nil
        case .failure(let error):
            if error.code != .cancelled { note(error, in: &slot, key) }
            slot.lastError = error.code == .cancelled ? nil : error
        }
        let waiters = slot.waiters
        slot.waiters = []
        slots[key] = slot
        for waiter in waiters { waiter.resume() }
    }

    private func note(_ error: KafkaError, in slot: inout Slot, _ key: Key) {
        let now = NIODeadline.now()
        slot.failures += 1
        let delay = backoff.delay(failures: slot.failures)
        slot.notBefore = now + TimeAmount(delay)
        if let last = slot.lastLogged, now - last < .seconds(5) { return }
        slot.lastLogged = now
        logger.warning(
            "Kafka broker not reachable, trying again",
            metadata: [
                "address": "\(key.address)", "reason": "\(error.message)", "failures": "\(slot.failures)",
                "retry_in_ms": "\(delay.milliseconds)",
            ])
    }

    /// Closes every connection; later calls throw.
    func close() async {
        isClosed = true
        for connection in slots.values.compactMap(\.connection) { await connection.close() }
    }
}

extension KafkaError {
    /// A transport error as the client's, with what was being done.
    init(_ error: ConnectionError, doing what: String) {
        let code: Code =
            switch error {
            case .connectFailed, .closed, .overloaded: .connection
            case .requestTimedOut: .requestTimedOut
            case .unsupportedAPI: .unsupportedByBroker
            case .malformedResponse: .protocolViolation
            case .invalidRequest: .invalidArgument
            case .cancelled: .cancelled
            }
        // A failed connect names the address itself.
        let message = if case .connectFailed(let reason) = error { reason } else { "\(what): \(error)" }
        self.init(code, message, isRetriable: error.isRetriable)
    }
}
