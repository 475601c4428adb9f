import KafkaWire
import Logging
import NIOCore

extension KafkaConsumer {
    /// Finds out where partitions start: by their committed offset, the log's ends, or a timestamp.
    func resolvePositions() async {
        while !Task.isCancelled {
            let (starts, nextCheck) = core.withSubscription { $0.unresolved(now: .now()) }
            if starts.isEmpty {
                await core.resolver.wait(until: nextCheck)
                continue
            }
            await resolveCommitted(starts.filter { $0.value.start == .committed })
            await resolveByLog(starts.filter { $0.value.start != .committed })
        }
    }

    /// Partitions without a committed offset go on as the reset policy says.
    private func resolveCommitted(_ starts: [TopicPartition: SubscriptionState.Unresolved]) async {
        guard !starts.isEmpty, let coordinator else { return }
        do throws(KafkaError) {
            let committed = try await coordinator.committed(Array(starts.keys))
            for (partition, state) in starts {
                if let offset = committed[partition]?.offset {
                    core.withSubscription { $0.resolve(partition, version: state.version, to: offset) }
                } else {
                    try reset(partition, version: state.version, "there is no committed offset")
                }
            }
            core.wakeFetchers()
        } catch {
            postpone(starts.mapValues(\.version), error)
        }
    }

    private func resolveByLog(_ starts: [TopicPartition: SubscriptionState.Unresolved]) async {
        guard !starts.isEmpty else { return }
        let found = await core.cluster.listOffsets(
            starts.mapValues(\.start), isolation: configuration.isolationLevel)
        for (partition, result) in found {
            guard let version = starts[partition]?.version else { continue }
            switch result {
            case .success(let offset) where offset >= 0:
                core.withSubscription { $0.resolve(partition, version: version, to: offset) }
            case .success:
                // No record is as late as the timestamp: from the end on.
                core.withSubscription { $0.restart(partition, version: version, from: .latest) }
            case .failure(let error): postpone([partition: version], error)
            }
        }
        core.wakeFetchers()
    }

    /// Starts the partition where the policy says; throws where it says nothing.
    func reset(_ partition: TopicPartition, version: Int, _ why: String) throws(KafkaError) {
        switch configuration.autoOffsetReset {
        case .earliest: core.withSubscription { $0.restart(partition, version: version, from: .earliest) }
        case .latest: core.withSubscription { $0.restart(partition, version: version, from: .latest) }
        case .none:
            guard core.withSubscription({ $0.isUnmoved(partition, since: version) }) else { return }
            throw KafkaError(
                .noPosition, "\(why), and autoOffsetReset is none", topicPartition: partition)
        }
        core.resolver.signal()
    }

    /// Tries again after a backoff, or gives up where that cannot help. Partitions that moved meanwhile are left out.
    func postpone(_ versions: [TopicPartition: Int], _ error: KafkaError) {
        let partitions = core.withSubscription { subscription in
            versions.filter { subscription.isUnmoved($0.key, since: $0.value) }.keys.sorted()
        }
        if partitions.isEmpty { return }
        guard error.isRetriable else { return fail(error) }
        let backoff = BackoffRules(
            initial: configuration.client.retryBackoff, maximum: configuration.client.retryBackoffMax)
        let now = NIODeadline.now()
        core.withSubscription { subscription in
            for partition in partitions {
                subscription.postpone(partition) { now + TimeAmount(backoff.delay(failures: $0)) }
            }
        }
        core.logger.debug("Trying again", metadata: ["partitions": "\(partitions)", "error": "\(error)"])
    }
}
