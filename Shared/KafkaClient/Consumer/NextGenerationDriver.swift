import KafkaMessages
import KafkaWire
import Logging
import NIOCore
import Synchronization

/// Does what a ``NextGenerationMember`` says: heartbeats, hooks, waits, and the names of topics.
///
/// Each action runs in a task of its own and reports its end as an input.
final class NextGenerationDriver: Sendable {
    typealias Machine = NextGenerationMember

    let group: KafkaGroupConfiguration
    let input: AsyncStream<Machine.Input>.Continuation
    private let consumer: KafkaConsumer
    private let coordinator: GroupCoordinatorClient
    private let hooks: RebalanceHookRunner
    /// As the coordinator wants it.
    private let heartbeatInterval: Mutex<Duration>
    /// Why the coordinator refused the member, in its own words.
    private let refusal = Mutex<String?>(nil)

    init(
        consumer: KafkaConsumer, group: KafkaGroupConfiguration, coordinator: GroupCoordinatorClient,
        input: AsyncStream<Machine.Input>.Continuation
    ) {
        self.consumer = consumer
        self.group = group
        self.coordinator = coordinator
        self.input = input
        hooks = RebalanceHookRunner(consumer: consumer, group: group)
        heartbeatInterval = Mutex(group.heartbeatInterval)
    }

    /// Lets commits use the membership as it is now.
    func publish(_ machine: Machine) {
        guard machine.isMember else { return coordinator.loseMembership() }
        coordinator.membership = GroupCoordinatorClient.Membership(
            memberID: machine.memberID, generation: machine.epoch, groupInstanceID: group.groupInstanceID)
    }

    /// Says when a heartbeat is due, and when the application is too slow.
    func tick() async {
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: heartbeatInterval.withLock { $0 })
            } catch {
                return
            }
            input.yield(.heartbeatDue)
            consumer.core.ifPollOverdue(group.maxPollInterval) { input.yield(.pollTimedOut) }
        }
    }

    /// At a stop the sequence ends first, so that the application finishes its batch.
    func waitForStop() async {
        guard await consumer.stopRequest.value() != nil else { return }
        consumer.core.end()
        input.yield(.stop)
    }

    /// - Parameter machine: the state machine as it was when it asked for this.
    func perform(_ action: Machine.Action, _ machine: Machine) async {
        switch action {
        case .heartbeat(let content): await heartbeat(content)
        case .resolve(let targets, let serial): await resolve(targets, serial)
        case .revoke(let partitions):
            await hooks.revoke(partitions, isStopping: machine.isStopping)
            input.yield(.hookFinished)
        case .assign(let partitions):
            await hooks.assign(partitions)
            input.yield(.hookFinished)
        case .lose(let partitions):
            await hooks.lose(partitions)
            input.yield(.hookFinished)
        case .backOff(let failures): await backOff(failures)
        case .leave: await leave(machine)
        case .fail, .finish: preconditionFailure("the loop itself ends the membership")
        }
    }

    /// What the coordinator said when it refused this member.
    func failure(_ errorCode: ErrorCode) -> KafkaError {
        let detail = refusal.withLock { $0 } ?? "the group '\(group.groupID)' does not take this member"
        return .broker(errorCode, detail)
    }

    // MARK: Requests

    private func heartbeat(_ content: Machine.Heartbeat) async {
        do throws(KafkaError) {
            let response = try await coordinator.send(request(content))
            if response.errorCode != .none { refusal.withLock { $0 = response.errorMessage } }
            try coordinator.check(response.errorCode, "heartbeat")
            if response.heartbeatIntervalMs > 0 {
                heartbeatInterval.withLock { $0 = .milliseconds(Int64(response.heartbeatIntervalMs)) }
            }
            let assignment = response.assignment.map { assignment in
                assignment.topicPartitions.map {
                    Machine.Target(topicID: $0.topicId, partitions: $0.partitions)
                }
            }
            input.yield(
                .answered(epoch: response.memberEpoch, memberID: response.memberId, assignment: assignment))
        } catch {
            report(error)
        }
    }

    private func report(_ error: KafkaError) {
        if error.code == .cancelled { return }
        consumer.core.logger.debug("Group heartbeat failed", metadata: ["error": "\(error)"])
        if let errorCode = error.errorCode {
            input.yield(.failed(.broker(errorCode)))
        } else if error.isRetriable {
            input.yield(.failed(.connection))
        } else {
            consumer.fail(error)
        }
    }

    private func request(_ content: Machine.Heartbeat) -> ConsumerGroupHeartbeatRequest {
        var request = ConsumerGroupHeartbeatRequest(
            groupId: group.groupID, memberId: content.memberID, memberEpoch: content.epoch)
        // A static member is known by its name in every heartbeat.
        request.instanceId = group.groupInstanceID
        request.topicPartitions = content.owned.map(Self.byTopic)
        guard content.isFull else { return request }
        request.rebalanceTimeoutMs = Int32(clamping: group.maxPollInterval.milliseconds)
        request.subscribedTopicNames = group.topics.sorted()
        request.subscribedTopicRegex = group.topicPattern
        request.serverAssignor = group.remoteAssignor
        return request
    }

    private static func byTopic(_ owned: [Machine.Owned]) -> [ConsumerGroupHeartbeatRequest.TopicPartitions] {
        Dictionary(grouping: owned, by: \.topicID).map { topicID, entries in
            ConsumerGroupHeartbeatRequest.TopicPartitions(
                topicId: topicID, partitions: entries.map(\.topicPartition.partition).sorted())
        }
    }

    private func leave(_ machine: Machine) async {
        let request = ConsumerGroupHeartbeatRequest(
            groupId: group.groupID, memberId: machine.memberID, memberEpoch: machine.leaveEpoch,
            instanceId: group.groupInstanceID)
        do throws(KafkaError) {
            _ = try await coordinator.send(request, timeout: .seconds(5), purpose: .general)
        } catch {
            consumer.core.logger.debug("Leaving the group failed", metadata: ["error": "\(error)"])
        }
        input.yield(.left)
    }

    private func backOff(_ failures: Int) async {
        let client = consumer.configuration.client
        let backoff = BackoffRules(initial: client.retryBackoff, maximum: client.retryBackoffMax)
        do throws(KafkaError) {
            try await consumer.core.cluster.sleep(backoff.delay(failures: failures))
        } catch {
            return
        }
        input.yield(.backoffElapsed)
    }

    // MARK: Names of topics

    /// Names by the metadata, asked for until all are known; a topic that stays unknown was deleted, and the
    /// coordinator will assign anew.
    private func resolve(_ targets: [Machine.Target], _ serial: Int) async {
        let cluster = consumer.core.cluster
        let backoff = BackoffRules(
            initial: consumer.configuration.client.retryBackoff, maximum: consumer.configuration.client.retryBackoffMax)
        var names = cluster.names(of: targets.map(\.topicID))
        for failures in 1...10 where names.count < Set(targets.map(\.topicID)).count {
            do throws(KafkaError) {
                try await cluster.resolve(targets.map(\.topicID).filter { names[$0] == nil })
                names = cluster.names(of: targets.map(\.topicID))
                if names.count < targets.count { try await cluster.sleep(backoff.delay(failures: failures)) }
            } catch {
                if error.code == .cancelled { return }
                consumer.core.logger.debug("Topic names are not known yet", metadata: ["error": "\(error)"])
            }
        }
        let owned = targets.flatMap { target in
            guard let name = names[target.topicID] else { return [Machine.Owned]() }
            return target.partitions.map {
                Machine.Owned(
                    topicID: target.topicID, topicPartition: TopicPartition(topic: name, partition: $0))
            }
        }
        input.yield(.resolved(owned, serial: serial))
    }
}
