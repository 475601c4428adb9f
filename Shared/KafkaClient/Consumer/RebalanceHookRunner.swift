import KafkaWire
import Logging
import Synchronization

/// Lets the application take partitions and give them up, whichever protocol the group follows.
final class RebalanceHookRunner: Sendable {
    private let consumer: KafkaConsumer
    private let group: KafkaGroupConfiguration
    private let hasHookFailed = Mutex(false)

    init(consumer: KafkaConsumer, group: KafkaGroupConfiguration) {
        self.consumer = consumer
        self.group = group
    }

    func assign(_ partitions: [TopicPartition]) async {
        let core = consumer.core
        core.logger.info(
            "Partitions assigned", metadata: ["group": "\(group.groupID)", "partitions": "\(partitions)"])
        core.probe.rebalanced()
        core.withSubscription { subscription in
            subscription.assign(
                Dictionary(partitions.map { ($0, .committed) }, uniquingKeysWith: { first, _ in first }))
        }
        await call(consumer.hooks.onAssigned, partitions)
        core.withSubscription { $0.makeReady(partitions) }
        core.wakeAll()
    }

    func revoke(_ partitions: [TopicPartition], isStopping: Bool) async {
        await consumer.giveUp(
            partitions, limit: isStopping ? consumer.configuration.stopTimeout : group.maxPollInterval)
        await call(consumer.hooks.onRevoked, partitions)
        remove(partitions, "Partitions revoked")
    }

    func lose(_ partitions: [TopicPartition]) async {
        consumer.core.withSubscription { $0.beginLeaving(partitions) }
        consumer.core.wakeFetchers()
        await call(consumer.hooks.onLost, partitions)
        remove(partitions, "Partitions lost")
    }

    private func remove(_ partitions: [TopicPartition], _ message: Logger.Message) {
        consumer.core.withSubscription { $0.remove(partitions) }
        consumer.core.logger.info(
            message, metadata: ["group": "\(group.groupID)", "partitions": "\(partitions)"])
    }

    /// After one hook has failed the others are not called any more.
    private func call(_ hook: KafkaRebalanceHooks.Hook, _ partitions: [TopicPartition]) async {
        if hasHookFailed.withLock({ $0 }) { return }
        do throws(KafkaError) {
            try await consumer.call(hook, partitions)
        } catch {
            hasHookFailed.withLock { $0 = true }
            consumer.fail(error)
        }
    }
}
