import Groups
import KafkaWire
import NIOCore
import Testing

/// What the log of a test broker holds: a record, with the producer of its transaction, or a transaction's end.
enum LogEntry: Equatable {
    case record(GroupRecord, ProducerID?)
    case end(ProducerID, isCommit: Bool)
}

/// Drives a coordinator as the broker does: performs its actions in order, keeps the log, moves the clock.
final class TestBroker {
    var coordinator: GroupCoordinatorState
    private(set) var uptime: Duration = .zero
    private(set) var replies: [RequestTicket: GroupReply] = [:]
    private(set) var log: [LogEntry] = []
    private(set) var appends: [(token: CommitToken, records: [LogEntry])] = []
    /// While true, appends stay in flight until ``completeAppend(_:)``.
    var holdsAppends = false
    private var lastTicket: RequestTicket = 0
    private var lastMember = 0

    static let wallStart: Int64 = 1_700_000_000_000

    /// - Parameter topics: what there is when the log is read, before it is.
    init(
        _ configure: (inout GroupConfiguration) -> Void = { _ in }, replaying log: [LogEntry] = [],
        topics: [String] = ["t", "u", "z", "a", "old"]
    ) throws {
        var configuration = GroupConfiguration()
        configuration.offsetsTopicPartitions = 1
        configure(&configuration)
        coordinator = GroupCoordinatorState(configuration: configuration)
        for name in topics { topic(name, partitions: 1) }
        try replay(log)
    }

    /// Reads a log of another broker, as the first thing that happens or after that one's partition was given up.
    func replay(_ log: [LogEntry]) throws {
        perform(coordinator.unload(0, now: now))
        coordinator.startLoading(0)
        for entry in log {
            switch entry {
            case .record(let record, let producer): _ = try coordinator.apply(record, producer: producer)
            case .end(let producer, let isCommit):
                coordinator.transactionEnded(partition: 0, producer: producer, isCommit: isCommit)
            }
        }
        self.log = log
        perform(coordinator.finishLoading(0, now: now))
    }

    var now: CoordinatorTime {
        CoordinatorTime(uptime: uptime, wallMilliseconds: Self.wallStart + uptime.milliseconds)
    }

    func perform(_ actions: [CoordinatorAction]) {
        for action in actions {
            switch action {
            case .reply(let ticket, let reply):
                #expect(replies[ticket] == nil, "ticket \(ticket) is answered twice")
                replies[ticket] = reply
            case .append(let token, _, let records, let producer):
                appends.append((token, records.map { LogEntry.record($0, producer?.id) }))
            }
        }
        while !holdsAppends, !appends.isEmpty { completeAppend() }
    }

    /// Reports the oldest append, as committed or with an error.
    func completeAppend(_ error: ErrorCode? = nil) {
        let (token, records) = appends.removeFirst()
        if let error {
            perform(coordinator.failed(token, error, now: now))
        } else {
            log += records
            perform(coordinator.committed(token, now: now))
        }
    }

    func releaseAppends() {
        holdsAppends = false
        perform([])
    }

    /// Moves the clock, ticking whenever something is due on the way.
    func advance(by step: Duration) {
        let target = uptime + step
        while let deadline = coordinator.nextDeadline, deadline <= target {
            uptime = max(uptime, deadline)
            perform(coordinator.tick(now: now))
            if let next = coordinator.nextDeadline, next <= uptime {
                Issue.record("a tick leaves something due")
                return
            }
        }
        uptime = target
    }

    func ticket() -> RequestTicket {
        lastTicket = RequestTicket(rawValue: lastTicket.rawValue + 1)
        return lastTicket
    }

    // MARK: Requests

    @discardableResult
    func join(
        _ memberId: String = "", group: String = "g", instance: String? = nil, type: String = "consumer",
        protocols: [(String, String)] = [("range", "topics")], session: Duration = .seconds(10),
        rebalance: Duration = .seconds(60), as newMemberId: String? = nil, version: Int16 = 3
    ) -> RequestTicket {
        let ticket = ticket()
        lastMember += 1
        let input = JoinInput(
            ticket: ticket, groupId: group, memberId: memberId, groupInstanceId: instance, protocolType: type,
            protocols: protocols.map { GroupProtocol(name: $0.0, metadata: ByteBuffer(string: $0.1)) },
            sessionTimeout: session, rebalanceTimeout: rebalance, clientId: "client", clientHost: "/127.0.0.1",
            newMemberId: newMemberId ?? "member-\(lastMember)", requiresKnownMemberId: version >= 4,
            supportsSkippingAssignment: version >= 9)
        perform(coordinator.join(input, now: now))
        return ticket
    }

    /// Assignments are the member ids' own names plus the generation, so that tests can tell them apart.
    @discardableResult
    func sync(
        _ memberId: String, group: String = "g", instance: String? = nil, generation: Generation? = nil,
        assigning members: [String] = [], protocolName: String? = nil
    ) -> RequestTicket {
        let ticket = ticket()
        let generation = generation ?? coordinator.group(group)?.generation ?? .none
        let input = SyncInput(
            ticket: ticket, groupId: group, member: MemberIdentity(memberId: memberId, groupInstanceId: instance),
            generation: generation, protocolName: protocolName,
            assignments: Dictionary(
                uniqueKeysWithValues: members.map { ($0, ByteBuffer(string: "\($0)@\(generation)")) }))
        perform(coordinator.sync(input, now: now))
        return ticket
    }

    @discardableResult
    func heartbeat(
        _ memberId: String, group: String = "g", instance: String? = nil, generation: Generation? = nil
    ) -> ErrorCode? {
        let ticket = ticket()
        let input = HeartbeatInput(
            ticket: ticket, groupId: group, member: MemberIdentity(memberId: memberId, groupInstanceId: instance),
            generation: generation ?? coordinator.group(group)?.generation ?? .none)
        perform(coordinator.heartbeat(input, now: now))
        return replies[ticket]?.errorCode
    }

    @discardableResult
    func leave(_ members: MemberIdentity..., group: String = "g") -> LeaveReply? {
        let ticket = ticket()
        perform(coordinator.leave(LeaveInput(ticket: ticket, groupId: group, members: members), now: now))
        guard case .leave(let reply)? = replies[ticket] else { return nil }
        return reply
    }

    @discardableResult
    func commit(
        _ memberId: String = "", group: String = "g", generation: Generation? = nil, topic: String = "t",
        partition: Int32 = 0, offset: Offset, metadata: String = "", retention: Duration? = nil,
        producer: ProducerID? = nil
    ) -> RequestTicket {
        let ticket = ticket()
        let current = memberId.isEmpty ? .none : coordinator.group(group)?.generation ?? .none
        let input = OffsetCommitInput(
            ticket: ticket, groupId: group, member: MemberIdentity(memberId: memberId),
            generation: generation ?? current, retention: retention,
            partitions: [.init(TopicPartition(topic: topic, partition: partition), offset: offset, metadata: metadata)],
            producer: producer.map { TransactionalProducer(id: $0, epoch: 0) })
        perform(coordinator.commitOffsets(input, now: now))
        return ticket
    }

    /// Writes a transaction's marker, behind whatever is in the log by now.
    func endTransaction(of producer: ProducerID, isCommit: Bool) {
        log.append(.end(producer, isCommit: isCommit))
        coordinator.transactionEnded(partition: 0, producer: producer, isCommit: isCommit)
    }

    /// DeleteGroups of one group.
    func delete(_ group: String = "g") -> RequestTicket {
        let ticket = ticket()
        perform(coordinator.deleteGroup(GroupDeletionInput(ticket: ticket, groupId: group), now: now))
        return ticket
    }

    /// OffsetDelete of partitions of one group.
    func deleteOffsets(_ partitions: TopicPartition..., group: String = "g") -> OffsetDeletionReply? {
        let ticket = ticket()
        let input = OffsetDeletionInput(ticket: ticket, groupId: group, partitions: partitions.map { .init($0) })
        perform(coordinator.deleteOffsets(input, now: now))
        guard case .offsetDeletion(let reply)? = replies[ticket] else { return nil }
        return reply
    }

    // MARK: Answers

    /// The log's records without markers.
    var records: [GroupRecord] {
        log.compactMap { if case .record(let record, _) = $0 { record } else { nil } }
    }

    func joined(_ ticket: RequestTicket) -> JoinReply? {
        if case .join(let reply)? = replies[ticket] { reply } else { nil }
    }

    func synced(_ ticket: RequestTicket) -> SyncReply? {
        if case .sync(let reply)? = replies[ticket] { reply } else { nil }
    }

    func committed(_ ticket: RequestTicket) -> ErrorCode? {
        if case .offsetCommit(let reply)? = replies[ticket] { reply.partitions.first?.errorCode } else { nil }
    }

    func offset(_ topic: String = "t", _ partition: Int32 = 0, group: String = "g") -> CommittedOffset? {
        let position = TopicPartition(topic: topic, partition: partition)
        return coordinator.fetchOffsets(groupId: group, partitions: [position]).partitions.first?.offset
    }

    var state: GroupState? { coordinator.group("g")?.state }
    var generation: Generation? { coordinator.group("g")?.generation }

    /// Brings a group of members, named as given, to Stable; the first one leads.
    func stabilise(
        _ members: [String], protocols: [(String, String)] = [("range", "topics")], instances: [String: String] = [:]
    ) {
        for member in members { join(instance: instances[member], protocols: protocols, as: member) }
        while state == .preparingRebalance, let deadline = coordinator.nextDeadline { advance(by: deadline - uptime) }
        let leader = coordinator.group("g")?.leaderId ?? ""
        for member in members where member != leader { sync(member) }
        sync(leader, assigning: members)
        #expect(state == .stable)
    }

    /// Lets members heartbeat while time passes.
    func keepAlive(_ members: [String], for duration: Duration) {
        var rest = duration
        while rest > .zero {
            let step = min(rest, .seconds(3))
            advance(by: step)
            for member in members { heartbeat(member) }
            rest -= step
        }
    }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}

extension ByteBuffer {
    var text: String { String(buffer: self) }
}
