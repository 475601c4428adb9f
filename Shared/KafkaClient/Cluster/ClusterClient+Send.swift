import KafkaMessages
import KafkaTransport
import KafkaWire

extension ClusterClient {
    /// The address of a broker; a broker that is not known is retriable and asks for fresh metadata.
    nonisolated func address(of broker: BrokerID) throws(KafkaError) -> BrokerAddress {
        if let address = withMetadata({ $0.brokers[broker]?.address }) { return address }
        requestRefresh()
        throw KafkaError(.connection, "broker \(broker) is not known")
    }

    /// A connection to a broker; a failure asks for fresh metadata.
    nonisolated func connection(
        to broker: BrokerID, purpose: ConnectionPurpose
    ) async throws(KafkaError) -> KafkaConnection {
        let address = try address(of: broker)
        do throws(KafkaError) {
            return try await pool.connection(to: address, purpose: purpose)
        } catch {
            requestRefresh()
            throw error
        }
    }

    /// Sends to one broker and waits for the answer.
    nonisolated func send<Request: KafkaRequest>(
        _ request: Request, to broker: BrokerID, purpose: ConnectionPurpose = .general, timeout: Duration? = nil,
        maximumVersion: Int16 = .max
    ) async throws(KafkaError) -> Request.Response {
        let pending = try await submit(
            request, to: broker, purpose: purpose, timeout: timeout, maximumVersion: maximumVersion)
        return try await value(of: pending, from: broker)
    }

    /// Writes a request and returns without waiting for the response, which ``value(of:from:)`` does.
    nonisolated func submit<Request: KafkaRequest>(
        _ request: Request, to broker: BrokerID, purpose: ConnectionPurpose = .general, timeout: Duration? = nil,
        maximumVersion: Int16 = .max
    ) async throws(KafkaError) -> PendingResponse<Request> {
        let connection = try await connection(to: broker, purpose: purpose)
        do throws(ConnectionError) {
            return try await connection.submit(request, timeout: timeout, maximumVersion: maximumVersion)
        } catch {
            requestRefresh()
            throw KafkaError(error, doing: "\(Request.apiKey) to broker \(broker)")
        }
    }

    /// The response to a request that was submitted.
    nonisolated func value<Request: KafkaRequest>(
        of pending: PendingResponse<Request>, from broker: BrokerID
    ) async throws(KafkaError) -> Request.Response {
        do throws(ConnectionError) {
            return try await pending.value()
        } catch {
            requestRefresh()
            throw KafkaError(error, doing: "\(Request.apiKey) to broker \(broker)")
        }
    }

    nonisolated func send<Request: KafkaRequest>(
        _ request: Request, to address: BrokerAddress, purpose: ConnectionPurpose, timeout: Duration? = nil,
        maximumVersion: Int16 = .max
    ) async throws(KafkaError) -> Request.Response {
        let connection = try await pool.connection(to: address, purpose: purpose)
        do throws(ConnectionError) {
            return try await connection.send(request, timeout: timeout, maximumVersion: maximumVersion)
        } catch {
            throw KafkaError(error, doing: "\(Request.apiKey) to \(address)")
        }
    }

    /// The broker that coordinates a group or a transactional id, as any broker says.
    func coordinator(_ kind: CoordinatorKind, of key: String) async throws(KafkaError) -> BrokerAddress {
        // Version 3 is the last that asks for one key; every broker has it.
        let response = try await sendToAny(
            FindCoordinatorRequest(key: key, keyType: kind.rawValue), maximumVersion: 3)
        guard response.errorCode == .none else {
            let detail = response.errorMessage.map { ": \($0)" } ?? ""
            throw .broker(response.errorCode, "finding the \(kind) coordinator of '\(key)'\(detail)")
        }
        return BrokerAddress(host: response.host, port: Int(response.port))
    }

    /// Repeats `body` while it fails retriably, with backoff, until the deadline of the request timeout has passed.
    nonisolated func retrying<Value: Sendable>(
        for patience: Duration? = nil, _ body: () async throws(KafkaError) -> Value
    ) async throws(KafkaError) -> Value {
        let backoff = BackoffRules(initial: configuration.retryBackoff, maximum: configuration.retryBackoffMax)
        let clock = ContinuousClock()
        let deadline = clock.now + (patience ?? configuration.requestTimeout)
        var failures = 0
        while true {
            do throws(KafkaError) {
                return try await body()
            } catch {
                failures += 1
                let delay = backoff.delay(failures: failures)
                guard error.isRetriable, clock.now + delay < deadline else { throw error }
                try await sleep(delay)
            }
        }
    }
}
