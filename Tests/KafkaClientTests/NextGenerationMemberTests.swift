import KafkaWire
import Testing

@testable import KafkaClient

@Suite("NextGenerationMember")
struct NextGenerationMemberTests {
    typealias Machine = NextGenerationMember
    private static let topic = KafkaUUID(high: 1, low: 1)

    private static func owned(_ partitions: Int32...) -> [Machine.Owned] { list(partitions) }

    private static func list(_ partitions: [Int32]) -> [Machine.Owned] {
        partitions.map {
            Machine.Owned(topicID: topic, topicPartition: TopicPartition(topic: "t", partition: $0))
        }
    }

    private static func names(_ partitions: Int32...) -> [TopicPartition] {
        partitions.map { TopicPartition(topic: "t", partition: $0) }
    }

    private static func target(_ partitions: Int32...) -> [Machine.Target] {
        [Machine.Target(topicID: topic, partitions: partitions)]
    }

    private func beat(_ epoch: Int32, isFull: Bool = false, _ owned: [Machine.Owned]? = nil) -> [Machine.Action] {
        [.heartbeat(Machine.Heartbeat(memberID: "m", epoch: epoch, isFull: isFull, owned: owned))]
    }

    /// A member that has joined and owns partitions 0 and 1, as the coordinator knows.
    private func member(isStatic: Bool = false) -> Machine {
        var machine = Machine(memberID: "m", isStatic: isStatic)
        #expect(machine.handle(.start) == beat(0, isFull: true, []))
        let joined = machine.handle(.answered(epoch: 1, memberID: nil, assignment: Self.target(0, 1)))
        #expect(joined == [.resolve(Self.target(0, 1), serial: 1)])
        #expect(machine.handle(.resolved(Self.owned(0, 1), serial: 1)) == [.assign(Self.names(0, 1))])
        #expect(machine.handle(.hookFinished) == beat(1, Self.owned(0, 1)))
        #expect(machine.handle(.answered(epoch: 1, memberID: nil, assignment: nil)) == [])
        return machine
    }

    @Test("joins with epoch 0 and everything, takes its partitions, then says so; afterwards heartbeats are short")
    func join() {
        var machine = member()
        #expect(machine.handle(.heartbeatDue) == beat(1))
        #expect(machine.handle(.heartbeatDue) == [], "one at a time")
        #expect(machine.handle(.answered(epoch: 1, memberID: nil, assignment: nil)) == [])
    }

    @Test("gives partitions up before it says that they are free, and takes new ones afterwards")
    func reconcile() {
        var machine = member()
        _ = machine.handle(.heartbeatDue)
        #expect(
            machine.handle(.answered(epoch: 1, memberID: nil, assignment: Self.target(1)))
                == [.resolve(Self.target(1), serial: 2)])
        #expect(machine.handle(.resolved(Self.owned(1), serial: 2)) == [.revoke(Self.names(0))])
        #expect(machine.handle(.heartbeatDue) == beat(1), "heartbeats go on during hooks, without the partitions")
        #expect(machine.handle(.answered(epoch: 1, memberID: nil, assignment: nil)) == [])
        #expect(machine.handle(.hookFinished) == beat(1, Self.owned(1)))
        #expect(
            machine.handle(.answered(epoch: 2, memberID: nil, assignment: Self.target(1, 2)))
                == [.resolve(Self.target(1, 2), serial: 3)])
        #expect(machine.handle(.resolved(Self.owned(1, 2), serial: 3)) == [.assign(Self.names(2))])
        #expect(machine.handle(.hookFinished) == beat(2, Self.owned(1, 2)))
    }

    @Test("an answer that repeats the assignment ends in no circle")
    func repeated() {
        var machine = member()
        _ = machine.handle(.heartbeatDue)
        _ = machine.handle(.answered(epoch: 2, memberID: nil, assignment: Self.target(0, 1)))
        #expect(machine.handle(.resolved(Self.owned(0, 1), serial: 2)) == beat(2, Self.owned(0, 1)))
        _ = machine.handle(.answered(epoch: 2, memberID: nil, assignment: Self.target(0, 1)))
        #expect(machine.handle(.resolved(Self.owned(0, 1), serial: 3)) == [])
    }

    @Test(
        "who is fenced loses its partitions, then joins again",
        arguments: [ErrorCode.fencedMemberEpoch, .unknownMemberId])
    func fenced(code: ErrorCode) {
        var machine = member()
        _ = machine.handle(.heartbeatDue)
        #expect(machine.handle(.failed(.broker(code))) == [.lose(Self.names(0, 1))])
        #expect(!machine.isMember)
        #expect(machine.handle(.hookFinished) == beat(0, isFull: true, []))
    }

    @Test("after a lost heartbeat the next says everything again, after a growing wait")
    func lost() {
        var machine = member()
        _ = machine.handle(.heartbeatDue)
        #expect(machine.handle(.failed(.connection)) == [.backOff(failures: 1)])
        #expect(machine.handle(.heartbeatDue) == [])
        #expect(machine.handle(.backoffElapsed) == beat(1, isFull: true, Self.owned(0, 1)))
        #expect(machine.handle(.failed(.broker(.notCoordinator))) == [.backOff(failures: 2)])
    }

    @Test("a stop gives everything back, leaves, and ends; a static member may come back", arguments: [false, true])
    func stop(isStatic: Bool) {
        var machine = member(isStatic: isStatic)
        #expect(machine.handle(.stop) == [.revoke(Self.names(0, 1))])
        #expect(machine.handle(.hookFinished) == [.leave])
        #expect(machine.leaveEpoch == (isStatic ? -2 : -1))
        #expect(machine.handle(.left) == [.finish])
    }

    @Test("an application that is stuck loses its partitions, and joins again once it polls")
    func tooSlow() {
        var machine = member()
        _ = machine.handle(.heartbeatDue)
        #expect(machine.handle(.pollTimedOut) == [.leave])
        #expect(machine.handle(.left) == [.lose(Self.names(0, 1))])
        #expect(machine.handle(.hookFinished) == [])
        #expect(machine.handle(.polled) == [], "the old membership's heartbeat is still under way")
        #expect(machine.handle(.failed(.broker(.unknownMemberId))) == beat(0, isFull: true, []))
    }

    @Test("an error that no retry can help ends the member, after its partitions are gone")
    func fatal() {
        var machine = member()
        _ = machine.handle(.heartbeatDue)
        #expect(machine.handle(.failed(.broker(.unsupportedAssignor))) == [.lose(Self.names(0, 1))])
        #expect(machine.handle(.hookFinished) == [.fail(.unsupportedAssignor), .finish])
    }

    /// What a member's actions have to keep, whatever happens.
    private struct Application {
        var has: Set<TopicPartition> = []
        var isHookUnderWay = false
        var isBeatUnderWay = false
        var isOver = false

        mutating func take(_ action: Machine.Action) {
            switch action {
            case .assign(let partitions):
                #expect(!isHookUnderWay && has.isDisjoint(with: partitions))
                has.formUnion(partitions)
                isHookUnderWay = true
            case .revoke(let partitions), .lose(let partitions):
                #expect(!isHookUnderWay && has.isSuperset(of: partitions))
                has.subtract(partitions)
                isHookUnderWay = true
            case .heartbeat(let content):
                #expect(!isBeatUnderWay)
                isBeatUnderWay = true
                if let owned = content.owned { #expect(Set(owned.map(\.topicPartition)) == has) }
            case .finish:
                #expect(has.isEmpty && !isHookUnderWay)
                isOver = true
            case .resolve, .backOff, .leave, .fail: break
            }
        }
    }

    @Test("whatever happens in whatever order, hooks match, and a stop always comes to an end", arguments: 0..<200)
    func random(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var machine = Machine(memberID: "m", isStatic: seed % 2 == 0)
        var application = Application()
        var pending: [Machine.Input] = [.start]
        var epoch: Int32 = 0
        for step in 0..<400 where !application.isOver {
            var input: Machine.Input
            if pending.isEmpty || Int.random(in: 0..<5, using: &random) == 0 {
                input = [.heartbeatDue, .heartbeatDue, .polled, .pollTimedOut].randomElement(using: &random)!
                if step > 300 { input = .stop }
            } else {
                input = pending.remove(at: Int.random(in: 0..<pending.count, using: &random))
            }
            switch input {
            case .answered, .failed: application.isBeatUnderWay = false
            case .hookFinished: application.isHookUnderWay = false
            case .start, .heartbeatDue, .resolved, .backoffElapsed, .pollTimedOut, .polled, .stop, .left: break
            }
            for action in machine.handle(input) {
                application.take(action)
                switch action {
                case .heartbeat:
                    epoch += 1
                    pending.append(Self.answer(epoch, &random))
                case .resolve(let targets, let serial):
                    pending.append(.resolved(Self.list(targets.flatMap(\.partitions)), serial: serial))
                case .assign, .revoke, .lose: pending.append(.hookFinished)
                case .backOff: pending.append(.backoffElapsed)
                case .leave: pending.append(.left)
                case .fail, .finish: break
                }
            }
        }
        #expect(application.isOver)
    }

    private static func answer(_ epoch: Int32, _ random: inout SeededGenerator) -> Machine.Input {
        switch Int.random(in: 0..<12, using: &random) {
        case 0: return .failed(.connection)
        case 1: return .failed(.broker(.fencedMemberEpoch))
        case 2: return .failed(.broker(.coordinatorLoadInProgress))
        case 3...6: return .answered(epoch: epoch, memberID: nil, assignment: nil)
        default:
            let partitions = (0..<Int32(6)).filter { _ in Bool.random(using: &random) }
            return .answered(
                epoch: epoch, memberID: nil, assignment: [Machine.Target(topicID: topic, partitions: partitions)])
        }
    }
}
