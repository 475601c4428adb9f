import KafkaWire
import Logging
import NIOCore
import ServiceLifecycle

extension KafkaConsumer {
    /// Joins, fetches and heartbeats until the service group stops gracefully; then the sequence ends, offsets are
    /// committed (with auto commit) and the group is left.
    ///
    /// - Throws: what makes going on impossible, such as a refused configuration or a hook that threw. Brokers that
    ///   cannot be reached are waited for.
    public func run() async throws {
        core.cluster.observe { [weak core] in core?.wakeAll() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.core.cluster.maintain() }
            group.addTask { await self.superviseFetchers() }
            group.addTask { await self.resolvePositions() }
            if configuration.enableAutoCommit { group.addTask { await self.autoCommit() } }
            await withGracefulShutdownHandler {
                await self.runMembership()
            } onGracefulShutdown: {
                self.beginShutdown()
            }
            group.cancelAll()
        }
        core.end()
        await core.cluster.close()
        if let failure = core.failure { throw failure }
    }

    /// Returns when the consumer has stopped or failed.
    private func runMembership() async {
        do throws(KafkaError) {
            switch configuration.mode {
            case .assigned(let partitions, _): try await runAssigned(partitions)
            case .group(let group): try await runGroup(group)
            }
        } catch {
            fail(error)
        }
    }

    /// Ends the sequence with an error, and with it the run.
    func fail(_ error: KafkaError) {
        if error.code == .cancelled { return core.end() }
        core.logger.error("The consumer cannot go on", metadata: ["error": "\(error)"])
        core.probe.failed(error)
        core.end(error)
        beginShutdown()
    }

    private func runAssigned(_ partitions: [TopicPartition: KafkaStartPosition]) async throws(KafkaError) {
        await core.cluster.track(Set(partitions.keys.map(\.topic)))
        core.cluster.requestRefresh()
        core.withSubscription { $0.assign(partitions) }
        let all = partitions.keys.sorted()
        try await call(hooks.onAssigned, all)
        core.withSubscription { $0.makeReady(all) }
        core.wakeAll()
        _ = await stopRequest.value()
        core.end()
        await giveUp(all, limit: configuration.stopTimeout)
        if core.failure == nil, !Task.isCancelled { try await call(hooks.onRevoked, all) }
    }

    /// Stops delivering these, waits for the application, and commits what it has processed.
    func giveUp(_ partitions: [TopicPartition], limit: Duration) async {
        core.withSubscription { $0.beginLeaving(partitions) }
        core.wakeFetchers()
        await core.quiesce(partitions, limit: limit)
        guard configuration.enableAutoCommit else { return }
        await commitProcessed(
            core.withSubscription { $0.uncommitted(of: partitions) }, patience: configuration.stopTimeout)
    }

    func call(_ hook: KafkaRebalanceHooks.Hook, _ partitions: [TopicPartition]) async throws(KafkaError) {
        do {
            try await hook(partitions, self)
        } catch {
            throw KafkaError(.hookFailed, "a rebalance hook failed for \(partitions)", cause: error)
        }
    }

    // MARK: Auto commit

    private func autoCommit() async {
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: configuration.autoCommitInterval)
            } catch {
                return
            }
            // Once: by the next time there may be later offsets, or the partitions may be somebody else's.
            await commitProcessed(core.withSubscription { $0.uncommitted() }, patience: .zero)
        }
    }

    private func commitProcessed(_ offsets: [TopicPartition: CommittedOffset], patience: Duration) async {
        if offsets.isEmpty { return }
        do throws(KafkaError) {
            try await commit(offsets, patience: patience) { $0.isAssigned(offsets.keys) }
        } catch {
            // What is tried once is tried again by itself.
            let isPassing = patience == .zero && (error.isRetriable || error.code == .notAssigned)
            core.logger.log(
                level: isPassing ? .debug : .warning, "Automatic commit failed", metadata: ["error": "\(error)"])
            core.probe.failed(error)
        }
    }
}
