import Groups
import KafkaWire
import NIOCore
import Testing

@Suite("Many members, timeouts and failing appends in any order")
struct RandomGroupTests {
    @Test("no rule is broken at any step, and once the noise ends the group settles", arguments: 0..<200)
    func interleavings(seed: Int) throws {
        let run = try RandomRun(seed: UInt64(seed))
        for step in 0..<400 {
            run.step()
            run.check("seed \(seed), step \(step)")
            if step.isMultiple(of: 10) { try run.checkReplay("seed \(seed), step \(step)") }
        }
        run.settle()
        #expect(run.broker.state == .stable, "seed \(seed) settles")
        run.check("seed \(seed), settled")
        try run.checkReplay("seed \(seed), settled")
        run.abandon()
        #expect(run.unanswered.isEmpty, "seed \(seed) leaves tickets")
        #expect(run.broker.state == .empty || run.broker.state == nil)
    }
}

/// SplitMix64: small, seeded, the same everywhere.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// A client as simple as a client can be: joins, syncs, beats and commits, and does what errors tell it.
private struct RandomClient {
    enum Phase {
        case idle
        case joining(RequestTicket)
        case syncing(RequestTicket, Generation)
        case working(Generation)
    }

    let instance: String?
    var memberId = ""
    var phase = Phase.idle
    var metadata = "topics"
}

private final class RandomRun {
    let broker: TestBroker
    private var random: SeededGenerator
    private var clients: [RandomClient]
    private var issued: Set<RequestTicket> = []
    private var lastGeneration: Generation = 0
    private var names = 0
    private var isQuiet = false

    init(seed: UInt64) throws {
        random = SeededGenerator(state: seed)
        broker = try TestBroker()
        broker.holdsAppends = true
        clients = (0..<6).map { RandomClient(instance: $0 < 2 ? "instance-\($0)" : nil) }
    }

    var unanswered: Set<RequestTicket> { issued.subtracting(broker.replies.keys) }

    // MARK: Steps

    func step() {
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<12: act(Int.random(in: clients.indices, using: &random))
        case 12..<15: broker.advance(by: .milliseconds(Int.random(in: 0..<4_000, using: &random)))
        case 15: broker.advance(by: .milliseconds(Int.random(in: 4_000..<15_000, using: &random)))
        default: finishAppend()
        }
    }

    private func finishAppend() {
        guard !broker.appends.isEmpty else { return }
        let fails = !isQuiet && Int.random(in: 0..<6, using: &random) == 0
        broker.completeAppend(fails ? .notEnoughReplicas : nil)
    }

    private func act(_ index: Int) {
        switch clients[index].phase {
        case .idle: join(index)
        case .joining(let ticket):
            if let reply = broker.joined(ticket) { joined(index, reply) } else { maybeCrash(index) }
        case .syncing(let ticket, let generation):
            if let reply = broker.synced(ticket) { synced(index, reply, generation) } else { maybeCrash(index) }
        case .working(let generation): work(index, generation)
        }
    }

    private func join(_ index: Int) {
        let client = clients[index]
        names += 1
        let version: Int16 = index.isMultiple(of: 2) ? 9 : 3
        let ticket = broker.join(
            client.memberId, instance: client.instance, protocols: [("range", client.metadata)],
            rebalance: .seconds(12), as: "\(index)-\(names)", version: version)
        issued.insert(ticket)
        clients[index].phase = .joining(ticket)
    }

    private func joined(_ index: Int, _ reply: JoinReply) {
        clients[index].phase = .idle
        switch reply.errorCode {
        case .none:
            clients[index].memberId = reply.memberId
            let assigns = reply.leader == reply.memberId && !reply.skipAssignment
            let ticket = broker.sync(
                reply.memberId, instance: clients[index].instance, generation: reply.generation,
                assigning: assigns ? reply.members.map(\.memberId) : [])
            issued.insert(ticket)
            clients[index].phase = .syncing(ticket, reply.generation)
        case .memberIdRequired: clients[index].memberId = reply.memberId
        case .unknownMemberId, .fencedInstanceId: clients[index].memberId = ""
        case .coordinatorLoadInProgress, .coordinatorNotAvailable: break
        default: Issue.record("a join is answered \(reply.errorCode)")
        }
    }

    private func synced(_ index: Int, _ reply: SyncReply, _ generation: Generation) {
        clients[index].phase = .idle
        switch reply.errorCode {
        case .none:
            #expect(reply.assignment.text.hasSuffix("@\(generation)"), "an assignment of another generation")
            clients[index].phase = .working(generation)
        case .unknownMemberId, .fencedInstanceId, .illegalGeneration: clients[index].memberId = ""
        case .rebalanceInProgress, .coordinatorNotAvailable: break
        default: Issue.record("a sync is answered \(reply.errorCode)")
        }
    }

    private func work(_ index: Int, _ generation: Generation) {
        let client = clients[index]
        switch isQuiet ? 0 : Int.random(in: 0..<12, using: &random) {
        case 0..<6: beat(index, generation)
        case 6..<9:
            let partition = Int32.random(in: 0..<3, using: &random)
            let offset = Offset(Int64.random(in: 0..<1_000, using: &random))
            issued.insert(
                broker.commit(client.memberId, generation: generation, partition: partition, offset: offset))
        case 9:
            broker.leave(MemberIdentity(memberId: client.memberId, groupInstanceId: client.instance))
            clients[index] = RandomClient(instance: client.instance)
        case 10:
            clients[index].metadata = "topics \(Int.random(in: 0..<3, using: &random))"
            clients[index].phase = .idle
        default: maybeCrash(index)
        }
    }

    private func beat(_ index: Int, _ generation: Generation) {
        let client = clients[index]
        switch broker.heartbeat(client.memberId, instance: client.instance, generation: generation) {
        case ErrorCode.none: break
        case .rebalanceInProgress: clients[index].phase = .idle
        default:
            clients[index].phase = .idle
            clients[index].memberId = ""
        }
    }

    /// The process ends: the next incarnation knows nothing, and nobody reads what was on its way.
    private func maybeCrash(_ index: Int) {
        guard !isQuiet, Int.random(in: 0..<8, using: &random) == 0 else { return }
        clients[index] = RandomClient(instance: clients[index].instance)
    }

    // MARK: The end

    /// Nothing fails any more and everyone does its work.
    func settle() {
        isQuiet = true
        for _ in 0..<200 {
            for index in clients.indices { act(index) }
            while !broker.appends.isEmpty { finishAppend() }
            broker.advance(by: .milliseconds(500))
        }
    }

    /// All clients are gone.
    func abandon() {
        broker.releaseAppends()
        broker.advance(by: .seconds(600))
    }

    // MARK: Rules

    func check(_ moment: String) {
        #expect(Set(broker.coordinator.parkedTickets) == unanswered, "a ticket is lost: \(moment)")
        guard let group = broker.coordinator.group("g") else { return }
        #expect(group.generation >= lastGeneration, "the generation went back: \(moment)")
        lastGeneration = group.generation
        let members = group.snapshot.members
        #expect(members.isEmpty || members.contains { $0.memberId == group.leaderId }, "no leader: \(moment)")
        guard group.state == .stable else { return }
        let complete = members.allSatisfy { $0.assignment.text.hasSuffix("@\(group.generation)") }
        #expect(complete, "a stable member without this generation's assignment: \(moment)")
    }

    /// With nothing on its way, the log says what memory says.
    func checkReplay(_ moment: String) throws {
        guard broker.appends.isEmpty else { return }
        let replayed = try TestBroker(replaying: broker.log).coordinator
        let live = broker.coordinator
        #expect(
            replayed.fetchOffsets(groupId: "g", partitions: nil) == live.fetchOffsets(groupId: "g", partitions: nil),
            "offsets differ after replay: \(moment)")
        guard let group = live.group("g"), group.state == .stable else { return }
        var expected = group.snapshot
        var actual = try #require(replayed.group("g")).snapshot
        expected.stateTimestamp = nil
        actual.stateTimestamp = nil
        #expect(actual == expected, "the group differs after replay: \(moment)")
        #expect(replayed.group("g")?.state == .stable)
    }
}
