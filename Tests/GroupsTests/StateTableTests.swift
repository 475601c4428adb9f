import Groups
import KafkaWire
import NIOCore
import Testing

/// One thing that can happen to a group.
enum Happening: String, CaseIterable {
    case newClient, newClientThatCanWaitForAnId, leaderJoins, followerJoins, followerJoinsWithNewMetadata
    case strangerJoins, newClientOfAnotherType
    case leaderSyncs, followerSyncs, followerSyncsOldGeneration, strangerSyncs
    case followerBeats, followerBeatsOldGeneration, strangerBeats
    case followerLeaves, strangerLeaves
    case followerCommits, followerCommitsOldGeneration, simpleConsumerCommits
    case sessionsEnd
}

@Suite("A group's answer and next state, for every state and input")
struct StateTableTests {
    /// Rows as in ``Happening``, columns Empty, PreparingRebalance, CompletingRebalance, Stable, Dead. A cell is the
    /// answer (`waits` for none yet) and the letter of the state afterwards.
    static let table: [Happening: [String]] = [
        .newClient: ["NONE C", "waits P", "waits P", "waits P", "COORDINATOR_NOT_AVAILABLE D"],
        .newClientThatCanWaitForAnId: [
            "MEMBER_ID_REQUIRED E", "MEMBER_ID_REQUIRED P", "MEMBER_ID_REQUIRED C", "MEMBER_ID_REQUIRED S",
            "COORDINATOR_NOT_AVAILABLE D",
        ],
        .leaderJoins: ["UNKNOWN_MEMBER_ID E", "waits P", "NONE C", "waits P", "COORDINATOR_NOT_AVAILABLE D"],
        .followerJoins: ["UNKNOWN_MEMBER_ID E", "waits P", "NONE C", "NONE S", "COORDINATOR_NOT_AVAILABLE D"],
        .followerJoinsWithNewMetadata: [
            "UNKNOWN_MEMBER_ID E", "waits P", "waits P", "waits P", "COORDINATOR_NOT_AVAILABLE D",
        ],
        .strangerJoins: [
            "UNKNOWN_MEMBER_ID E", "UNKNOWN_MEMBER_ID P", "UNKNOWN_MEMBER_ID C", "UNKNOWN_MEMBER_ID S",
            "COORDINATOR_NOT_AVAILABLE D",
        ],
        .newClientOfAnotherType: [
            "NONE C", "INCONSISTENT_GROUP_PROTOCOL P", "INCONSISTENT_GROUP_PROTOCOL C",
            "INCONSISTENT_GROUP_PROTOCOL S", "COORDINATOR_NOT_AVAILABLE D",
        ],
        .leaderSyncs: [
            "UNKNOWN_MEMBER_ID E", "REBALANCE_IN_PROGRESS P", "waits C", "NONE S", "COORDINATOR_NOT_AVAILABLE D",
        ],
        .followerSyncs: [
            "UNKNOWN_MEMBER_ID E", "REBALANCE_IN_PROGRESS P", "waits C", "NONE S", "COORDINATOR_NOT_AVAILABLE D",
        ],
        .followerSyncsOldGeneration: [
            "UNKNOWN_MEMBER_ID E", "ILLEGAL_GENERATION P", "ILLEGAL_GENERATION C", "ILLEGAL_GENERATION S",
            "COORDINATOR_NOT_AVAILABLE D",
        ],
        .strangerSyncs: [
            "UNKNOWN_MEMBER_ID E", "UNKNOWN_MEMBER_ID P", "UNKNOWN_MEMBER_ID C", "UNKNOWN_MEMBER_ID S",
            "COORDINATOR_NOT_AVAILABLE D",
        ],
        .followerBeats: [
            "UNKNOWN_MEMBER_ID E", "REBALANCE_IN_PROGRESS P", "NONE C", "NONE S", "COORDINATOR_NOT_AVAILABLE D",
        ],
        .followerBeatsOldGeneration: [
            "UNKNOWN_MEMBER_ID E", "ILLEGAL_GENERATION P", "ILLEGAL_GENERATION C", "ILLEGAL_GENERATION S",
            "COORDINATOR_NOT_AVAILABLE D",
        ],
        .strangerBeats: [
            "UNKNOWN_MEMBER_ID E", "UNKNOWN_MEMBER_ID P", "UNKNOWN_MEMBER_ID C", "UNKNOWN_MEMBER_ID S",
            "COORDINATOR_NOT_AVAILABLE D",
        ],
        .followerLeaves: ["UNKNOWN_MEMBER_ID E", "NONE P", "NONE P", "NONE P", "COORDINATOR_NOT_AVAILABLE D"],
        .strangerLeaves: [
            "UNKNOWN_MEMBER_ID E", "UNKNOWN_MEMBER_ID P", "UNKNOWN_MEMBER_ID C", "UNKNOWN_MEMBER_ID S",
            "COORDINATOR_NOT_AVAILABLE D",
        ],
        .followerCommits: [
            "UNKNOWN_MEMBER_ID E", "NONE P", "REBALANCE_IN_PROGRESS C", "NONE S", "COORDINATOR_NOT_AVAILABLE D",
        ],
        .followerCommitsOldGeneration: [
            "UNKNOWN_MEMBER_ID E", "ILLEGAL_GENERATION P", "ILLEGAL_GENERATION C", "ILLEGAL_GENERATION S",
            "COORDINATOR_NOT_AVAILABLE D",
        ],
        .simpleConsumerCommits: [
            "NONE E", "UNKNOWN_MEMBER_ID P", "UNKNOWN_MEMBER_ID C", "UNKNOWN_MEMBER_ID S",
            "COORDINATOR_NOT_AVAILABLE D",
        ],
        .sessionsEnd: ["- E", "- C", "- E", "- E", "- D"],
    ]

    @Test("answers as the table says", arguments: GroupState.allCases, Happening.allCases)
    func answers(state: GroupState, happening: Happening) throws {
        let column = try #require(GroupState.allCases.firstIndex(of: state))
        let expected = try #require(Self.table[happening])[column]
        var group = try TableGroup(in: state)
        let answer = group.happen(happening)
        let letter = group.machine.state.rawValue.first.map(String.init) ?? ""
        #expect("\(answer) \(letter)" == expected)
    }
}

/// One group in a given state: `a` leads, `b` follows; in a rebalance `c` is new.
private struct TableGroup {
    var machine: GroupStateMachine
    private var uptime: Duration = .zero
    private var lastTicket: UInt64 = 0

    init(in state: GroupState) throws {
        var configuration = GroupConfiguration()
        configuration.initialRebalanceDelay = .zero
        machine = GroupStateMachine(groupId: "g", configuration: configuration)
        _ = join("", as: "a")
        settleAssignment()
        _ = join("", as: "b")
        _ = join("a")
        settleAssignment()
        switch state {
        case .stable: break
        case .preparingRebalance: _ = join("", as: "c")
        case .completingRebalance:
            _ = join("", as: "c")
            _ = join("a")
            _ = join("b")
        case .empty: _ = machine.leave(leaving("a", "b"), now: now)
        case .dead: _ = machine.unload(now: now)
        }
        try #require(machine.state == state)
    }

    private var now: CoordinatorTime { CoordinatorTime(uptime: uptime, wallMilliseconds: 0) }

    private mutating func ticket() -> RequestTicket {
        lastTicket += 1
        return RequestTicket(rawValue: lastTicket)
    }

    private mutating func settleAssignment() {
        for action in sync("a") + sync("b") {
            if case .persist(let id, _) = action { _ = machine.committed(id, now: now) }
        }
    }

    private mutating func join(
        _ memberId: String, as newId: String = "n", type: String = "consumer", metadata: String = "m", v4: Bool = false
    ) -> [GroupAction] {
        machine.join(
            JoinInput(
                ticket: ticket(), groupId: "g", memberId: memberId, protocolType: type,
                protocols: [GroupProtocol(name: "range", metadata: ByteBuffer(string: metadata))],
                sessionTimeout: .seconds(10), rebalanceTimeout: .seconds(60), newMemberId: newId,
                requiresKnownMemberId: v4), now: now)
    }

    private mutating func sync(_ memberId: String, behind: Int32 = 0) -> [GroupAction] {
        machine.sync(
            SyncInput(
                ticket: ticket(), groupId: "g", member: MemberIdentity(memberId: memberId),
                generation: Generation(machine.generation.rawValue - behind)), now: now)
    }

    private mutating func beat(_ memberId: String, behind: Int32 = 0) -> [GroupAction] {
        machine.heartbeat(
            HeartbeatInput(
                ticket: ticket(), groupId: "g", member: MemberIdentity(memberId: memberId),
                generation: Generation(machine.generation.rawValue - behind)), now: now)
    }

    private mutating func leaving(_ members: String...) -> LeaveInput {
        LeaveInput(ticket: ticket(), groupId: "g", members: members.map { MemberIdentity(memberId: $0) })
    }

    private mutating func commit(_ memberId: String, generation: Generation) -> String {
        let input = OffsetCommitInput(
            ticket: ticket(), groupId: "g", member: MemberIdentity(memberId: memberId), generation: generation,
            partitions: [])
        return (machine.admitCommit(input, now: now) ?? ErrorCode.none).name
    }

    mutating func happen(_ happening: Happening) -> String {
        switch happening {
        case .newClient: answer(join(""))
        case .newClientThatCanWaitForAnId: answer(join("", v4: true))
        case .leaderJoins: answer(join("a"))
        case .followerJoins: answer(join("b"))
        case .followerJoinsWithNewMetadata: answer(join("b", metadata: "other"))
        case .strangerJoins: answer(join("x"))
        case .newClientOfAnotherType: answer(join("", type: "connect"))
        case .leaderSyncs: answer(sync("a"))
        case .followerSyncs: answer(sync("b"))
        case .followerSyncsOldGeneration: answer(sync("b", behind: 1))
        case .strangerSyncs: answer(sync("x"))
        case .followerBeats: answer(beat("b"))
        case .followerBeatsOldGeneration: answer(beat("b", behind: 1))
        case .strangerBeats: answer(beat("x"))
        case .followerLeaves: answer(machine.leave(leaving("b"), now: now))
        case .strangerLeaves: answer(machine.leave(leaving("x"), now: now))
        case .followerCommits: commit("b", generation: machine.generation)
        case .followerCommitsOldGeneration: commit("b", generation: Generation(machine.generation.rawValue - 1))
        case .simpleConsumerCommits: commit("", generation: .none)
        case .sessionsEnd: endSessions()
        }
    }

    private mutating func endSessions() -> String {
        uptime += .seconds(11)
        _ = machine.tick(now: now)
        return "-"
    }

    /// The answer to the last ticket; mutating, so that it sees the ticket its argument has used.
    private mutating func answer(_ actions: [GroupAction]) -> String {
        for case .reply(RequestTicket(rawValue: lastTicket), let reply) in actions {
            if case .leave(let leave) = reply, leave.errorCode == .none {
                return (leave.members.first?.errorCode ?? ErrorCode.none).name
            }
            return reply.errorCode.name
        }
        return "waits"
    }
}
