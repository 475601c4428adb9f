import KafkaWire

/// What became of one run of a group's member.
private enum GroupOutcome {
    case left
    case failed(KafkaError)
}

extension KafkaConsumer {
    typealias Machine = GroupMemberStateMachine

    /// Follows the group until the consumer stops: feeds the state machine, and does what it says.
    ///
    /// Inputs wait in a queue that is bounded by nature: one per request or hook under way, and one per tick.
    func runGroup(_ group: KafkaGroupConfiguration) async throws(KafkaError) {
        guard let coordinator else { preconditionFailure("a group has a coordinator") }
        await core.cluster.track(group.topics)
        core.cluster.requestRefresh()
        coordinator.membership = GroupCoordinatorClient.Membership(groupInstanceID: group.groupInstanceID)
        if group.groupProtocol == .consumer { return try await runNextGeneration(group, coordinator) }
        let (inputs, input) = AsyncStream<Machine.Input>.makeStream()
        core.observePolls { input.yield(.polled) }
        let driver = GroupDriver(consumer: self, group: group, coordinator: coordinator, input: input)
        let outcome = await withDiscardingTaskGroup { tasks in
            tasks.addTask { await driver.tick() }
            tasks.addTask { await driver.waitForStop() }
            let outcome = await follow(inputs, driver, in: &tasks)
            tasks.cancelAll()
            return outcome
        }
        if case .failed(let error) = outcome { throw error }
    }

    private func follow(
        _ inputs: AsyncStream<Machine.Input>, _ driver: GroupDriver, in tasks: inout DiscardingTaskGroup
    ) async -> GroupOutcome {
        var machine = Machine(
            isCooperative: driver.group.assignors.allSatisfy { $0 == .cooperativeSticky },
            isStatic: driver.group.groupInstanceID != nil)
        var failure: KafkaError?
        driver.input.yield(.start)
        for await input in inputs {
            for action in machine.handle(input) {
                driver.publish(machine)
                switch action {
                case .finish: return failure.map { .failed($0) } ?? .left
                case .fail(let errorCode):
                    failure = .broker(errorCode, "the group '\(driver.group.groupID)' does not take this member")
                case .findCoordinator, .join, .sync, .heartbeat, .revoke, .assign, .lose, .backOff, .leave:
                    let snapshot = machine
                    tasks.addTask { await driver.perform(action, snapshot) }
                }
            }
            driver.publish(machine)
        }
        return .left
    }
}
