import KafkaMessages
import KafkaWire
import Logging
import NIOCore
import Synchronization

/// Does what the group member's state machine says: requests to the coordinator, hooks of the application, waits.
///
/// Each action runs in a task of its own and reports its end as an input.
final class GroupDriver: Sendable {
    typealias Machine = GroupMemberStateMachine

    /// What the last JoinGroup brought, for the SyncGroup that follows it.
    private struct Generation {
        var assignor: KafkaAssignor = .range
        var protocolName: String?
        var members: [MemberSubscription] = []
        /// The partition counts that the last assignment was made from; empty for a member that does not lead.
        var partitionCounts: [String: Int] = [:]
    }

    let group: KafkaGroupConfiguration
    let input: AsyncStream<Machine.Input>.Continuation
    private let consumer: KafkaConsumer
    private let coordinator: GroupCoordinatorClient
    private let generation = Mutex(Generation())
    private let hooks: RebalanceHookRunner

    init(
        consumer: KafkaConsumer, group: KafkaGroupConfiguration, coordinator: GroupCoordinatorClient,
        input: AsyncStream<Machine.Input>.Continuation
    ) {
        self.consumer = consumer
        self.group = group
        self.coordinator = coordinator
        self.input = input
        hooks = RebalanceHookRunner(consumer: consumer, group: group)
    }

    /// Lets commits use the membership as it is now.
    func publish(_ machine: Machine) {
        guard machine.generation >= 0 else { return coordinator.loseMembership() }
        coordinator.membership = GroupCoordinatorClient.Membership(
            memberID: machine.memberID, generation: machine.generation, groupInstanceID: group.groupInstanceID)
    }

    /// Says when a heartbeat is due, when the application is too slow, and when topics have changed.
    func tick() async {
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: group.heartbeatInterval)
            } catch {
                return
            }
            input.yield(.heartbeatDue)
            consumer.core.ifPollOverdue(group.maxPollInterval) { input.yield(.pollTimedOut) }
            let known = generation.withLock { $0.partitionCounts }
            if !known.isEmpty, known != partitionCounts(of: known.keys) { input.yield(.metadataChanged) }
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
        do throws(KafkaError) {
            switch action {
            case .findCoordinator: try await findCoordinator()
            case .join: try await join(machine)
            case .sync(let leads): try await sync(machine, leads: leads)
            case .heartbeat: await heartbeat(machine)
            case .revoke(let partitions):
                await hooks.revoke(partitions, isStopping: machine.isStopping)
                input.yield(.hookFinished)
            case .assign(let partitions):
                await hooks.assign(partitions)
                input.yield(.hookFinished)
            case .lose(let partitions):
                await hooks.lose(partitions)
                input.yield(.hookFinished)
            case .backOff(let failures): try await backOff(failures)
            case .leave: await leave(machine)
            case .fail, .finish: preconditionFailure("the loop itself ends the membership")
            }
        } catch {
            report(error)
        }
    }

    /// Tells the state machine what it can deal with; anything else ends the consumer.
    private func report(_ error: KafkaError) {
        if error.code == .cancelled { return }
        consumer.core.logger.debug("Group request failed", metadata: ["error": "\(error)"])
        if let errorCode = error.errorCode {
            input.yield(.failed(.broker(errorCode)))
        } else if error.isRetriable {
            input.yield(.failed(.connection))
        } else {
            consumer.fail(error)
        }
    }

    // MARK: Requests

    private func findCoordinator() async throws(KafkaError) {
        try await coordinator.find()
        input.yield(.coordinatorFound)
    }

    private func join(_ machine: Machine) async throws(KafkaError) {
        let response = try await coordinator.send(
            try joinRequest(machine), timeout: group.maxPollInterval + .seconds(5))
        if response.errorCode == .memberIdRequired {
            input.yield(.memberIDGiven(response.memberId))
            return
        }
        try coordinator.check(response.errorCode, "joining")
        let members: [MemberSubscription]
        do throws(WireError) {
            members = try response.subscriptions()
        } catch {
            throw KafkaError(.protocolViolation, "a member's subscription cannot be read", cause: error)
        }
        generation.withLock { state in
            state.protocolName = response.protocolName
            state.assignor = response.protocolName.flatMap(KafkaAssignor.init(rawValue:)) ?? group.assignors[0]
            state.members = members
            state.partitionCounts = [:]
        }
        let leads = response.leader == response.memberId && !response.skipAssignment
        input.yield(.joined(memberID: response.memberId, generation: response.generationId, leads: leads))
    }

    private func joinRequest(_ machine: Machine) throws(KafkaError) -> JoinGroupRequest {
        let subscription = MemberSubscription(
            memberID: machine.memberID, topics: group.topics, ownedPartitions: machine.owned,
            generation: machine.generation)
        var protocols: [JoinGroupRequest.JoinGroupRequestProtocol] = []
        for assignor in group.assignors {
            do throws(WireError) {
                let metadata = try ConsumerProtocol.encode(subscription, assignor: assignor)
                protocols.append(
                    JoinGroupRequest.JoinGroupRequestProtocol(name: assignor.rawValue, metadata: metadata))
            } catch {
                throw KafkaError(.invalidArgument, "the subscription cannot be written", cause: error)
            }
        }
        return JoinGroupRequest(
            groupId: group.groupID, sessionTimeoutMs: Int32(clamping: group.sessionTimeout.milliseconds),
            rebalanceTimeoutMs: Int32(clamping: group.maxPollInterval.milliseconds), memberId: machine.memberID,
            groupInstanceId: group.groupInstanceID, protocolType: ConsumerProtocol.protocolType,
            protocols: protocols)
    }

    private func sync(_ machine: Machine, leads: Bool) async throws(KafkaError) {
        var assignments: [SyncGroupRequest.SyncGroupRequestAssignment] = []
        if leads { assignments = try await assignEverybody() }
        let request = SyncGroupRequest(
            groupId: group.groupID, generationId: machine.generation, memberId: machine.memberID,
            groupInstanceId: group.groupInstanceID, protocolType: ConsumerProtocol.protocolType,
            protocolName: generation.withLock { $0.protocolName }, assignments: assignments)
        let response = try await coordinator.send(request, timeout: group.maxPollInterval + .seconds(5))
        try coordinator.check(response.errorCode, "synchronising")
        do throws(WireError) {
            input.yield(.synced(try ConsumerProtocol.decodeAssignment(response.assignment)))
        } catch {
            throw KafkaError(.protocolViolation, "the assignment cannot be read", cause: error)
        }
    }

    /// The leader's work: all members' topics, with as many partitions as the cluster has now.
    private func assignEverybody() async throws(KafkaError)
        -> [SyncGroupRequest.SyncGroupRequestAssignment]
    {
        let (assignor, members) = generation.withLock { ($0.assignor, $0.members) }
        let topics = Set(members.flatMap(\.topics))
        await consumer.core.cluster.track(topics)
        try await consumer.core.cluster.refresh()
        let counts = partitionCounts(of: topics)
        // A topic without partitions counts as zero, so that its appearance is a change.
        generation.withLock { $0.partitionCounts = counts }
        let plan = AssignorRules.assign(assignor, partitionCounts: counts, members: members)
        var assignments: [SyncGroupRequest.SyncGroupRequestAssignment] = []
        for (memberID, partitions) in plan {
            do throws(WireError) {
                assignments.append(
                    SyncGroupRequest.SyncGroupRequestAssignment(
                        memberId: memberID, assignment: try ConsumerProtocol.encode(partitions)))
            } catch {
                throw KafkaError(.invalidArgument, "the assignment cannot be written", cause: error)
            }
        }
        return assignments
    }

    private func partitionCounts(of topics: some Sequence<String>) -> [String: Int] {
        consumer.core.cluster.withMetadata { metadata in
            Dictionary(topics.map { ($0, metadata.partitionCount(of: $0) ?? 0) }, uniquingKeysWith: { one, _ in one })
        }
    }

    private func heartbeat(_ machine: Machine) async {
        let request = HeartbeatRequest(
            groupId: group.groupID, generationId: machine.generation, memberId: machine.memberID,
            groupInstanceId: group.groupInstanceID)
        do throws(KafkaError) {
            let response = try await coordinator.send(request, timeout: group.sessionTimeout)
            try coordinator.check(response.errorCode, "heartbeat")
            input.yield(.heartbeatAnswered)
        } catch {
            input.yield(
                .heartbeatFailed(error.errorCode.map { .broker($0) } ?? .connection, generation: machine.generation))
        }
    }

    /// On a connection of its own: the coordinator may still hold a JoinGroup back on the other.
    private func leave(_ machine: Machine) async {
        let request = LeaveGroupRequest(
            groupId: group.groupID,
            members: [
                LeaveGroupRequest.MemberIdentity(
                    memberId: machine.memberID, groupInstanceId: group.groupInstanceID,
                    reason: machine.isTooSlow ? "max.poll.interval exceeded" : "the consumer stops")
            ])
        do throws(KafkaError) {
            _ = try await coordinator.send(request, timeout: .seconds(5), purpose: .general)
        } catch {
            consumer.core.logger.debug("Leaving the group failed", metadata: ["error": "\(error)"])
        }
        input.yield(.left)
    }

    private func backOff(_ failures: Int) async throws(KafkaError) {
        let client = consumer.configuration.client
        let backoff = BackoffRules(initial: client.retryBackoff, maximum: client.retryBackoffMax)
        try await consumer.core.cluster.sleep(backoff.delay(failures: failures))
        input.yield(.backoffElapsed)
    }
}

extension JoinGroupResponse {
    /// What the members said about themselves; only the leader is told.
    func subscriptions() throws(WireError) -> [MemberSubscription] {
        var subscriptions: [MemberSubscription] = []
        for member in members {
            subscriptions.append(
                try ConsumerProtocol.decodeSubscription(
                    member.metadata, memberID: member.memberId, groupInstanceID: member.groupInstanceId))
        }
        return subscriptions
    }
}
