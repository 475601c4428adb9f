import KafkaWire
import Testing

@testable import KafkaClient

@Suite("GroupMemberStateMachine")
struct GroupMemberStateMachineTests {
    typealias Machine = GroupMemberStateMachine

    private let p0 = TopicPartition(topic: "t", partition: 0)
    private let p1 = TopicPartition(topic: "t", partition: 1)
    private let p2 = TopicPartition(topic: "t", partition: 2)

    /// A member that has p0 and p1 in generation 1.
    private func stable(cooperative: Bool, isStatic: Bool = false) -> Machine {
        var machine = Machine(isCooperative: cooperative, isStatic: isStatic)
        #expect(machine.handle(.start) == [.findCoordinator])
        #expect(machine.handle(.coordinatorFound) == [.join])
        #expect(machine.handle(.memberIDGiven("m")) == [.join])
        #expect(machine.handle(.joined(memberID: "m", generation: 1, leads: true)) == [.sync(leads: true)])
        #expect(machine.handle(.synced([p0, p1])) == [.assign([p0, p1])])
        #expect(machine.handle(.hookFinished) == [])
        #expect(machine.phase == .stable)
        return machine
    }

    @Test("a heartbeat that a later generation has overtaken says nothing about it")
    func overtakenHeartbeat() {
        var machine = stable(cooperative: true)
        #expect(machine.handle(.heartbeatDue) == [.heartbeat])
        #expect(machine.handle(.heartbeatFailed(.broker(.unknownMemberId), generation: 0)) == [])
        #expect(machine.isMember && machine.generation == 1 && !machine.isHeartbeatPending)
    }

    @Test("an eager member gives everything up before it joins again")
    func eager() {
        var machine = stable(cooperative: false)
        #expect(machine.handle(.heartbeatDue) == [.heartbeat])
        #expect(machine.handle(.heartbeatDue) == [], "one heartbeat at a time")
        #expect(machine.heartbeatFailed(.broker(.rebalanceInProgress)) == [.revoke([p0, p1])])
        #expect(machine.handle(.heartbeatDue) == [.heartbeat], "heartbeats go on during hooks")
        #expect(machine.heartbeatFailed(.connection) == [])
        #expect(machine.handle(.heartbeatDue) == [.heartbeat], "also after one that was lost")
        #expect(machine.handle(.heartbeatAnswered) == [])
        #expect(machine.handle(.heartbeatDue) == [.heartbeat])
        #expect(machine.heartbeatFailed(.broker(.rebalanceInProgress)) == [])
        #expect(machine.handle(.hookFinished) == [.join])
        #expect(machine.owned == [])
        #expect(machine.handle(.heartbeatDue) == [], "the coordinator waits for the join, not for heartbeats")
        #expect(machine.handle(.joined(memberID: "m", generation: 2, leads: false)) == [.sync(leads: false)])
        #expect(machine.handle(.synced([p2])) == [.assign([p2])])
    }

    @Test("a cooperative member keeps what stays, gives up what moves, and joins again")
    func cooperative() {
        var machine = stable(cooperative: true)
        #expect(machine.heartbeatFailed(.broker(.rebalanceInProgress)) == [.join])
        #expect(machine.owned == [p0, p1])
        #expect(machine.handle(.joined(memberID: "m", generation: 2, leads: false)) == [.sync(leads: false)])
        #expect(machine.handle(.synced([p1, p2])) == [.revoke([p0])])
        #expect(machine.handle(.hookFinished) == [.assign([p2])])
        #expect(machine.handle(.hookFinished) == [.join])
        #expect(machine.owned == [p1, p2])
    }

    @Test("a member the coordinator does not know has lost its partitions, and joins anew", arguments: [true, false])
    func lost(cooperative: Bool) {
        var machine = stable(cooperative: cooperative)
        #expect(machine.heartbeatFailed(.broker(.unknownMemberId)) == [.lose([p0, p1])])
        #expect(machine.handle(.hookFinished) == [.join])
        #expect(machine.memberID == "")
        #expect(machine.owned == [])
    }

    @Test("a coordinator that moved is looked for, and the membership goes on")
    func coordinatorMoves() {
        var machine = stable(cooperative: true)
        #expect(machine.heartbeatFailed(.connection) == [.findCoordinator])
        #expect(machine.handle(.failed(.connection)) == [.backOff(failures: 1)])
        #expect(machine.handle(.backoffElapsed) == [.findCoordinator])
        #expect(machine.handle(.coordinatorFound) == [])
        #expect(machine.phase == .stable)
        #expect(machine.owned == [p0, p1])
    }

    @Test("a rebalance that begins during a hook is followed when the hook is over")
    func rebalanceDuringHook() {
        var machine = stable(cooperative: true)
        _ = machine.heartbeatFailed(.broker(.rebalanceInProgress))
        _ = machine.handle(.joined(memberID: "m", generation: 2, leads: false))
        #expect(machine.handle(.synced([p0, p1, p2])) == [.assign([p2])])
        #expect(machine.heartbeatFailed(.broker(.rebalanceInProgress)) == [])
        #expect(machine.handle(.hookFinished) == [.join])
    }

    @Test("an application that does not poll loses its partitions until it polls again")
    func tooSlow() {
        var machine = stable(cooperative: true)
        #expect(machine.handle(.pollTimedOut) == [.leave])
        #expect(machine.handle(.left) == [.lose([p0, p1])])
        #expect(machine.handle(.hookFinished) == [])
        #expect(machine.phase == .idle)
        #expect(machine.handle(.polled) == [.join])
    }

    @Test("a stop gives partitions back, then leaves; a static member stays in the group")
    func stop() {
        var machine = stable(cooperative: true)
        #expect(machine.handle(.stop) == [.revoke([p0, p1])])
        #expect(machine.handle(.hookFinished) == [.leave])
        #expect(machine.handle(.left) == [.finish])
        var other = stable(cooperative: true, isStatic: true)
        #expect(other.handle(.stop) == [.revoke([p0, p1])])
        #expect(other.handle(.hookFinished) == [.finish])
    }

    @Test("the leader starts a rebalance when topics change; the others do not")
    func metadata() {
        var machine = stable(cooperative: true)
        #expect(machine.handle(.metadataChanged) == [.join])
        _ = machine.handle(.joined(memberID: "m", generation: 2, leads: false))
        _ = machine.handle(.synced([p0, p1]))
        #expect(machine.phase == .stable)
        #expect(machine.handle(.metadataChanged) == [])
    }

    @Test("an error no retry can help ends the member after the application knows")
    func fatal() {
        var machine = stable(cooperative: true)
        #expect(machine.heartbeatFailed(.broker(.fencedInstanceId)) == [.lose([p0, p1])])
        #expect(machine.handle(.hookFinished) == [.fail(.fencedInstanceId), .finish])
        #expect(machine.phase == .ended)
    }

    @Test("whatever happens in whatever order, hooks match, and a stop always comes to an end", arguments: 0..<200)
    func randomWalk(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var walk = Walk(
            machine: Machine(isCooperative: Bool.random(using: &random), isStatic: Bool.random(using: &random)))
        walk.step(.start)
        for _ in 0..<300 where walk.machine.phase != .ended { walk.step(walk.anything(&random)) }
        walk.step(.stop)
        for _ in 0..<20 where walk.machine.phase != .ended { walk.step(walk.success) }
        #expect(walk.machine.phase == .ended)
        #expect(walk.held.isEmpty, "partitions were kept after the end")
        #expect(walk.problems.isEmpty, "\(walk.problems)")
    }
}

/// Feeds a member with events and watches what the application would see.
private struct Walk {
    var machine: GroupMemberStateMachine
    var held: Set<TopicPartition> = []
    var problems: [String] = []
    private var hook: GroupMemberStateMachine.Action?
    private var generation: Int32 = 0

    init(machine: GroupMemberStateMachine) { self.machine = machine }

    mutating func step(_ input: GroupMemberStateMachine.Input) {
        if input == .hookFinished { finishHook() }
        for action in machine.handle(input) { note(action) }
    }

    private mutating func note(_ action: GroupMemberStateMachine.Action) {
        switch action {
        case .assign(let partitions):
            if !held.isDisjoint(with: partitions) { problems.append("assigned what it had: \(partitions)") }
            begin(action)
        case .revoke(let partitions), .lose(let partitions):
            if !held.isSuperset(of: partitions) { problems.append("took what it had not: \(partitions)") }
            begin(action)
        case .join:
            if !machine.isCooperative, !held.isEmpty { problems.append("joined eagerly with \(held)") }
        case .finish:
            if !held.isEmpty { problems.append("finished with \(held)") }
        case .findCoordinator, .sync, .heartbeat, .backOff, .leave, .fail: break
        }
    }

    private mutating func begin(_ action: GroupMemberStateMachine.Action) {
        if hook != nil { problems.append("\(action) while another hook runs") }
        hook = action
    }

    private mutating func finishHook() {
        switch hook {
        case .assign(let partitions)?: held.formUnion(partitions)
        case .revoke(let partitions)?, .lose(let partitions)?: held.subtract(partitions)
        default: break
        }
        hook = nil
    }

    /// What ends the current phase well.
    var success: GroupMemberStateMachine.Input {
        switch machine.phase {
        case .idle: .polled
        case .findingCoordinator: .coordinatorFound
        case .backingOff: .backoffElapsed
        case .revoking, .assigning, .losing: .hookFinished
        case .joining: .joined(memberID: "m", generation: 1_000, leads: false)
        case .syncing: .synced([])
        case .stable: .heartbeatDue
        case .leaving: .left
        case .ended: .stop
        }
    }

    /// An event that can happen now: the end of what is under way, or something from outside.
    mutating func anything(_ random: inout SeededGenerator) -> GroupMemberStateMachine.Input {
        let errors: [ErrorCode] = [
            .rebalanceInProgress, .unknownMemberId, .illegalGeneration, .notCoordinator, .coordinatorLoadInProgress,
        ]
        let failure: GroupMemberStateMachine.Failure =
            Bool.random(using: &random) ? .connection : .broker(errors.randomElement(using: &random) ?? .none)
        switch Int.random(in: 0..<12, using: &random) {
        case 0: return .heartbeatDue
        case 1:
            guard machine.isHeartbeatPending else { return .heartbeatDue }
            let isOvertaken = Bool.random(using: &random) && Bool.random(using: &random)
            return .heartbeatFailed(failure, generation: machine.generation - (isOvertaken ? 1 : 0))
        case 2: return machine.isHeartbeatPending ? .heartbeatAnswered : .heartbeatDue
        case 3: return .metadataChanged
        case 4: return .pollTimedOut
        case 5: return .polled
        case 6...7 where hook == nil: return .failed(failure)
        default: break
        }
        if machine.phase == .joining {
            generation += 1
            if Int.random(in: 0..<4, using: &random) == 0 { return .memberIDGiven("m\(generation)") }
            return .joined(memberID: "m", generation: generation, leads: Bool.random(using: &random))
        }
        guard machine.phase == .syncing else { return success }
        let all = (0..<6).map { TopicPartition(topic: "t", partition: $0) }
        return .synced(all.filter { _ in Bool.random(using: &random) })
    }
}

extension GroupMemberStateMachine {
    /// The failure of a heartbeat of the present generation.
    fileprivate mutating func heartbeatFailed(_ failure: Failure) -> [Action] {
        handle(.heartbeatFailed(failure, generation: generation))
    }
}
