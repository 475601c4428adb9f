import KafkaMessages
import KafkaTransport
import KafkaWire
import Logging
import NIOCore

extension KafkaConsumer {
    /// Keeps one fetching task per broker; looks for leaders of partitions that have none.
    func superviseFetchers() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                for broker in core.cluster.withMetadata({ Array($0.brokers.keys) }) {
                    let (signal, isNew) = core.fetcher(of: broker)
                    if isNew { group.addTask { await self.fetchLoop(broker, signal) } }
                }
                let metadata = core.cluster.metadata
                let isLeaderless = core.withSubscription { subscription in
                    subscription.partitions.keys.contains { metadata.leader(of: $0) == nil }
                }
                if isLeaderless { core.cluster.requestRefresh() }
                await core.supervisor.wait(until: isLeaderless ? .now() + .seconds(1) : nil)
            }
        }
    }

    /// One fetch after the other at one broker, for as long as there is room for what comes back. The next one is on
    /// its way while the records of the last are decoded.
    private func fetchLoop(_ broker: BrokerID, _ signal: WakeSignal) async {
        let backoff = BackoffRules(
            initial: configuration.client.retryBackoff, maximum: configuration.client.retryBackoffMax)
        var failures = 0
        var underWay: FetchUnderWay?
        while !Task.isCancelled {
            do throws(KafkaError) {
                if let fetch = underWay.take() {
                    underWay = try await finish(fetch, at: broker)
                    failures = 0
                    continue
                }
                let metadata = core.cluster.metadata
                let (targets, nextCheck) = core.withSubscription { subscription in
                    subscription.fetchTargets(now: .now()) { metadata.leader(of: $0)?.broker == broker }
                }
                if targets.isEmpty {
                    await signal.wait(until: nextCheck)
                } else {
                    underWay = try await begin(targets, at: broker, metadata)
                }
            } catch {
                if error.code == .cancelled { continue }
                guard error.isRetriable else { return fail(error) }
                failures += 1
                core.probe.failed(error)
                core.logger.debug("Fetch failed", metadata: ["broker": "\(broker)", "error": "\(error)"])
                await signal.wait(until: .now() + TimeAmount(backoff.delay(failures: failures)))
            }
        }
    }

    /// A request that was sent and not answered.
    private struct FetchUnderWay {
        let targets: [SubscriptionState.FetchTarget]
        let start: ContinuousClock.Instant
        let response: PendingResponse<FetchRequest>
    }

    private func begin(
        _ targets: [SubscriptionState.FetchTarget], at broker: BrokerID, _ metadata: ClusterMetadata
    ) async throws(KafkaError) -> FetchUnderWay {
        let response = try await core.cluster.submit(
            FetchRequest.make(targets, configuration, metadata), to: broker, purpose: .fetch,
            timeout: configuration.client.requestTimeout + configuration.fetchMaxWait,
            maximumVersion: FetchRequest.lastVersionByName)
        return FetchUnderWay(targets: targets, start: .now, response: response)
    }

    /// Waits for the response and takes it in.
    ///
    /// - Returns: the fetch that was begun meanwhile, if there is room for what it brings.
    private func finish(_ fetch: FetchUnderWay, at broker: BrokerID) async throws(KafkaError) -> FetchUnderWay? {
        let response = try await core.cluster.value(of: fetch.response, from: broker)
        core.probe.fetchFinished(after: fetch.start.duration(to: .now))
        guard response.errorCode == .none else { throw .broker(response.errorCode, "fetching from broker \(broker)") }
        let ahead = FetchAhead(fetch.targets, response)
        var next: FetchUnderWay?
        if ahead.isComplete, core.withSubscription({ $0.mayFetchAhead(of: fetch.targets, bytes: ahead.byteCount) }) {
            next = try await begin(ahead.targets, at: broker, core.cluster.metadata)
        }
        receive(response, fetch.targets)
        return next
    }

    private func receive(_ response: FetchResponse, _ targets: [SubscriptionState.FetchTarget]) {
        let byPartition = Dictionary(targets.map { ($0.topicPartition, $0) }, uniquingKeysWith: { first, _ in first })
        var fetched: [(batch: ConsumerBatch, memoryBytes: Int, target: SubscriptionState.FetchTarget)] = []
        for topic in response.responses {
            for data in topic.partitions {
                let partition = TopicPartition(topic: topic.topic, partition: data.partitionIndex)
                guard let target = byPartition[partition] else { continue }
                do throws(KafkaError) {
                    try check(data, target)
                    let (batch, bytes) = try FetchDecoder.decode(
                        data, topicPartition: partition, from: target.offset, isolation: configuration.isolationLevel)
                    fetched.append((batch, bytes, target))
                } catch {
                    if core.withSubscription({ $0.isCurrent(target) }) { postpone([partition: target.version], error) }
                }
            }
        }
        core.receive(fetched)
    }

    /// A partition's error: a new position, a new leader, or the end.
    private func check(
        _ data: FetchResponse.PartitionData, _ target: SubscriptionState.FetchTarget
    ) throws(KafkaError) {
        if data.errorCode == .none { return }
        core.probe.failed(.broker(data.errorCode, ""))
        if data.errorCode == .corruptMessage {
            // Retriable for a producer; here the same bytes would come again and again, and nobody would hear of it.
            throw KafkaError(
                .protocolViolation, "the broker's log is damaged at offset \(target.offset) (CORRUPT_MESSAGE)",
                topicPartition: target.topicPartition)
        }
        guard data.errorCode == .offsetOutOfRange else {
            if data.errorCode.isRetriable { core.cluster.requestRefresh() }
            throw .broker(data.errorCode, "fetching at offset \(target.offset)", target.topicPartition)
        }
        guard core.withSubscription({ $0.isCurrent(target) }) else { return }
        core.logger.warning(
            "Position is not in the log any more",
            metadata: ["partition": "\(target.topicPartition)", "offset": "\(target.offset)"])
        try reset(target.topicPartition, version: target.version, "offset \(target.offset) is not in the log")
    }
}

extension FetchRequest {
    /// From version 13 topics go by id; names survive a topic's re-creation, so the client stays with them.
    static var lastVersionByName: Int16 { 12 }

    /// A full fetch outside a session (KIP-227).
    static func make(
        _ targets: [SubscriptionState.FetchTarget], _ configuration: KafkaConsumerConfiguration,
        _ metadata: ClusterMetadata
    ) -> FetchRequest {
        // Shuffled, so that no partition is always last when the response is full.
        let topics = Dictionary(grouping: targets.shuffled(), by: \.topicPartition.topic).map { topic, targets in
            FetchTopic(
                topic: topic,
                partitions: targets.map { target in
                    FetchPartition(
                        partition: target.topicPartition.partition,
                        currentLeaderEpoch: metadata.leader(of: target.topicPartition)?.epoch.rawValue ?? -1,
                        fetchOffset: target.offset.rawValue,
                        partitionMaxBytes: Int32(clamping: configuration.maxPartitionFetchBytes))
                })
        }
        return FetchRequest(
            maxWaitMs: Int32(clamping: configuration.fetchMaxWait.milliseconds),
            minBytes: Int32(clamping: configuration.fetchMinBytes),
            maxBytes: Int32(clamping: configuration.fetchMaxBytes),
            isolationLevel: configuration.isolationLevel.rawValue, sessionId: 0, sessionEpoch: -1, topics: topics)
    }
}
