import KafkaMessages
import KafkaRecords
import KafkaTransport
import KafkaWire
import Logging
import NIOCore
import ServiceLifecycle

extension KafkaProducer {
    /// Sends until the service group stops gracefully, then flushes for at most `closeTimeout` and closes. Broker
    /// failures never end it.
    public func run() async throws {
        core.cluster.observe { [weak core] in core?.wakeAll() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.core.cluster.maintain() }
            group.addTask { await self.supervise() }
            await withGracefulShutdownHandler {
                _ = await self.stopRequest.value()
            } onGracefulShutdown: {
                self.beginShutdown()
            }
            await stop()
            group.cancelAll()
        }
        core.failWaiting(
            KafkaError(
                .closed,
                "the producer was stopped and the record not delivered within closeTimeout "
                    + "(\(configuration.closeTimeout))"))
        await core.cluster.close()
    }

    /// Makes ``run()`` flush and return, as the service group's graceful shutdown does.
    public func beginShutdown() { stopRequest.fulfil(true) }

    /// Flushes, at most for `closeTimeout`; not at all where the task was cancelled outright.
    private func stop() async {
        core.close()
        guard !Task.isCancelled else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.finishSending() }
            group.addTask { [limit = configuration.closeTimeout] in
                // Ends early by cancellation alone, when everything is sent.
                try? await Task.sleep(for: limit)
            }
            await group.next()
            group.cancelAll()
        }
        let left = core.unfinishedRecords
        if left == 0 { return }
        core.logger.error(
            "Records were not delivered before the stop",
            metadata: ["records": "\(left)", "closeTimeout": "\(configuration.closeTimeout)"])
    }

    private func finishSending() async {
        do throws(KafkaError) {
            try await core.transactions?.stop()
            try await core.flush()
        } catch {
            // Where the time was up, the number of records is logged instead.
            if error.code == .cancelled { return }
            core.logger.error("Records were lost at the stop", metadata: ["error": "\(error)"])
        }
    }

    /// Keeps one sending task per broker, an id for an idempotent producer, and the delivery timeout.
    private func supervise() async {
        await withDiscardingTaskGroup { group in
            if let transactions = core.transactions {
                group.addTask { await transactions.run(self.core) }
            } else {
                group.addTask { await self.maintainProducerID() }
            }
            while !Task.isCancelled {
                for broker in core.cluster.withMetadata({ Array($0.brokers.keys) }) {
                    let (signal, isNew) = core.sender(of: broker)
                    if isNew { group.addTask { await self.sendLoop(broker, signal) } }
                }
                let latest = NIODeadline.now() + .seconds(1)
                let next = min(core.expire() ?? latest, latest)
                core.lookAfterWaiting()
                await core.supervisor.wait(until: next)
            }
        }
    }

    /// Sends one broker's batches, several requests at a time, in the order they were drained.
    private func sendLoop(_ broker: BrokerID, _ signal: WakeSignal) async {
        let window = RequestWindow(limit: configuration.maxInFlightRequests, signal: signal)
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                guard window.hasRoom else {
                    await signal.wait(until: nil)
                    continue
                }
                guard core.hasWaiting(for: broker) else {
                    await signal.wait(until: nil)
                    continue
                }
                // Connect before taking batches: while the broker is away they keep their place and their attempts.
                guard await connect(to: broker) else { continue }
                let drained = core.drain(broker)
                if drained.batches.isEmpty {
                    await signal.wait(until: drained.nextCheck)
                    continue
                }
                await send(drained.batches, to: broker, window: window, in: &group)
            }
        }
    }

    /// Whether there is a connection; the pool has waited and logged where not.
    private func connect(to broker: BrokerID) async -> Bool {
        do throws(KafkaError) {
            _ = try await core.cluster.connection(to: broker, purpose: .general)
            return true
        } catch {
            core.logger.debug("No connection to send on", metadata: ["broker": "\(broker)", "error": "\(error)"])
            return false
        }
    }

    private func send(
        _ drained: [DrainedBatch], to broker: BrokerID, window: RequestWindow, in group: inout DiscardingTaskGroup
    ) async {
        let batches = encode(drained)
        guard !batches.isEmpty else { return }
        let request = ProduceRequest.make(batches, configuration: configuration)
        let start = ContinuousClock.now
        do throws(KafkaError) {
            let connection = try await core.cluster.connection(to: broker, purpose: .general)
            if configuration.acks == .none {
                try await sendUnacknowledged(request, batches, on: connection)
                return
            }
            let pending = try await submit(request, on: connection)
            window.enter()
            group.addTask {
                let response = await Self.response(of: pending, from: broker)
                self.core.probe.requestFinished(after: start.duration(to: .now))
                self.core.finish(self.results(of: batches, response))
                window.leave()
            }
        } catch {
            core.finish(results(of: batches, .failure(error)))
        }
    }

    /// The batches as bytes; one that cannot be compressed fails.
    private func encode(_ drained: [DrainedBatch]) -> [EncodedBatch] {
        var encoded: [EncodedBatch] = []
        for var batch in drained {
            do throws(RecordError) {
                let bytes = try batch.encode(configuration.compression)
                encoded.append(EncodedBatch(id: batch.id, topicPartition: batch.topicPartition, bytes: bytes))
            } catch {
                let failure = KafkaError(.protocolViolation, "a batch cannot be made", cause: error)
                core.finish([
                    ProducerCore.BatchResult(
                        id: batch.id, topicPartition: batch.topicPartition, encoded: nil, result: .failure(failure))
                ])
            }
        }
        return encoded
    }

    private func submit(
        _ request: ProduceRequest, on connection: KafkaConnection
    ) async throws(KafkaError) -> PendingResponse<ProduceRequest> {
        do throws(ConnectionError) {
            return try await connection.submit(request, maximumVersion: produceVersionLimit)
        } catch {
            throw KafkaError(error, doing: "Produce")
        }
    }

    private var produceVersionLimit: Int16 {
        min(ProduceRequest.lastVersionByName, core.transactions?.produceVersionLimit ?? .max)
    }

    private func sendUnacknowledged(
        _ request: ProduceRequest, _ batches: [EncodedBatch], on connection: KafkaConnection
    ) async throws(KafkaError) {
        do throws(ConnectionError) {
            try await connection.sendWithoutResponse(request, maximumVersion: produceVersionLimit)
        } catch {
            throw KafkaError(error, doing: "Produce")
        }
        core.finish(
            batches.map {
                core.probe.acknowledged($0)
                return ProducerCore.BatchResult(
                    id: $0.id, topicPartition: $0.topicPartition, encoded: $0.bytes,
                    result: .success(BatchAcknowledgement()))
            })
    }

    private static func response(
        of pending: PendingResponse<ProduceRequest>, from broker: BrokerID
    ) async -> Result<ProduceResponse, KafkaError> {
        do throws(ConnectionError) {
            return .success(try await pending.value())
        } catch {
            return .failure(KafkaError(error, doing: "Produce to broker \(broker)"))
        }
    }

    /// One result per batch; a batch the response does not mention failed.
    private func results(
        of batches: [EncodedBatch], _ response: Result<ProduceResponse, KafkaError>
    ) -> [ProducerCore.BatchResult] {
        // Only a stop cancels what sends.
        let answers = response.mapError { $0.code == .cancelled ? .closed("producer") : $0 }.map(\.byPartition)
        return batches.map { batch in
            let result = answers.flatMap { answers -> Result<BatchAcknowledgement, KafkaError> in
                guard let answer = answers[batch.topicPartition] else {
                    return .failure(KafkaError(.protocolViolation, "the response leaves a partition out"))
                }
                return answer
            }
            if case .success = result { core.probe.acknowledged(batch) }
            return ProducerCore.BatchResult(
                id: batch.id, topicPartition: batch.topicPartition, encoded: batch.bytes, result: result)
        }
    }

    /// Gets an id at the start, and a new one when the epochs of the old are used up.
    private func maintainProducerID() async {
        guard configuration.enableIdempotence else { return }
        let backoff = BackoffRules(
            initial: configuration.client.retryBackoff, maximum: configuration.client.retryBackoffMax)
        var failures = 0
        while !Task.isCancelled {
            if core.needsProducerID {
                do throws(KafkaError) {
                    core.setProducerID(try await requestProducerID())
                    failures = 0
                } catch {
                    failures += 1
                    let level: Logger.Level = failures == 1 && error.code != .cancelled ? .warning : .debug
                    core.logger.log(level: level, "No producer id yet", metadata: ["error": "\(error)"])
                }
            }
            let wait = failures > 0 ? backoff.delay(failures: failures) : .seconds(1)
            try? await Task.sleep(for: wait)
        }
    }

    private func requestProducerID() async throws(KafkaError) -> ProducerID {
        let request = InitProducerIdRequest(transactionalId: nil, transactionTimeoutMs: .max)
        let response = try await core.cluster.sendToAny(request)
        guard response.errorCode == .none else { throw .broker(response.errorCode, "asking for a producer id") }
        return ProducerID(response.producerId)
    }
}
