import NIOPosix

/// The coordinators of a broker: of groups and of transactions, which end with offsets of groups.
struct Coordinators: Sendable {
    let groups: GroupCoordinator
    let transactions: TransactionCoordinator
    let markers: MarkerWriter

    /// Reads both logs, before anybody can connect.
    static func load(_ parts: OpenedParts) async -> Coordinators {
        let groups = GroupCoordinator(
            configuration: parts.configuration.groups, topics: parts.topics, controller: parts.controller,
            clock: parts.clock, timers: parts.network.next(), logger: parts.logger)
        let markers = MarkerWriter(topics: parts.topics, groups: groups, logger: parts.logger)
        let transactions = TransactionCoordinator(
            configuration: parts.configuration.transactions, markers: markers, controller: parts.controller,
            clock: parts.clock, timers: parts.network.next(), logger: parts.logger)
        await groups.load()
        await transactions.load()
        return Coordinators(groups: groups, transactions: transactions, markers: markers)
    }

    /// Coordinates until the task is cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await groups.run() }
            group.addTask { await transactions.run() }
        }
    }
}
