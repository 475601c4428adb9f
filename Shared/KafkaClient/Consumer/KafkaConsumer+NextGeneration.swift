import KafkaWire

extension KafkaConsumer {
    /// Follows a group by the `consumer` protocol until the consumer stops.
    ///
    /// Inputs wait in a queue that is bounded by nature: one per request or hook under way, and one per tick.
    func runNextGeneration(
        _ group: KafkaGroupConfiguration, _ coordinator: GroupCoordinatorClient
    ) async throws(KafkaError) {
        let (inputs, input) = AsyncStream<NextGenerationMember.Input>.makeStream()
        core.observePolls { input.yield(.polled) }
        let driver = NextGenerationDriver(consumer: self, group: group, coordinator: coordinator, input: input)
        let failure = await withDiscardingTaskGroup { tasks in
            tasks.addTask { await driver.tick() }
            tasks.addTask { await driver.waitForStop() }
            let failure = await follow(inputs, driver, in: &tasks)
            tasks.cancelAll()
            return failure
        }
        if let failure { throw failure }
    }

    private func follow(
        _ inputs: AsyncStream<NextGenerationMember.Input>, _ driver: NextGenerationDriver,
        in tasks: inout DiscardingTaskGroup
    ) async -> KafkaError? {
        var generator = SystemRandomNumberGenerator()
        var machine = NextGenerationMember(
            memberID: KafkaUUID.random(using: &generator).description, isStatic: driver.group.groupInstanceID != nil)
        var failure: KafkaError?
        driver.input.yield(.start)
        for await input in inputs {
            for action in machine.handle(input) {
                driver.publish(machine)
                switch action {
                case .finish: return failure
                case .fail(let errorCode): failure = driver.failure(errorCode)
                case .heartbeat, .resolve, .revoke, .assign, .lose, .backOff, .leave:
                    let snapshot = machine
                    tasks.addTask { await driver.perform(action, snapshot) }
                }
            }
            driver.publish(machine)
        }
        return nil
    }
}
