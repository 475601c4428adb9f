import Groups
import KafkaWire
import Testing

@Suite("Consumer groups in any order of events")
struct RandomConsumerGroupTests {
    @Test("no partition is held twice at any step; once the noise ends all is assigned, balanced", arguments: 0..<200)
    func interleavings(seed: Int) throws {
        let run = try ConsumerRun(seed: UInt64(seed))
        for step in 0..<300 {
            run.step()
            run.check("seed \(seed), step \(step)")
            if step.isMultiple(of: 20) { try run.checkReplay("seed \(seed), step \(step)") }
        }
        run.settle()
        run.checkSettled("seed \(seed)")
        try run.checkReplay("seed \(seed), settled")
    }
}

/// Clients, topics, a clock and a log that fails now and then.
private final class ConsumerRun {
    private let broker: TestBroker
    private var random: SeededGenerator
    private var clients: [TestConsumer]
    /// The request that a client waits for; it sends no other meanwhile.
    private var asked: [Int: RequestTicket] = [:]
    /// A client that stands still, and what it still believes to hold.
    private var names = 0
    private var partitions: [String: Int32] = ["t": 4, "u": 3, "v": 0]
    private var salts: [String: UInt64] = [:]

    init(seed: UInt64) throws {
        random = SeededGenerator(state: seed)
        broker = try TestBroker()
        broker.topic("t", partitions: 4)
        broker.topic("u", partitions: 3)
        broker.holdsAppends = true
        let isUniform = seed.isMultiple(of: 3)
        clients = (0..<5).map { index in
            var client = TestConsumer("m\(index)", instance: index < 2 ? "i\(index)" : nil)
            client.topics = isUniform ? ["t", "u", "v"] : [["t"], ["t", "u"], ["u", "v"]][index % 3]
            if !isUniform, index == 4 {
                client.topics = nil
                client.regex = "[tv]"
            }
            client.assignor = seed.isMultiple(of: 5) ? "range" : nil
            return client
        }
    }

    func step() {
        switch Int.random(in: 0..<30, using: &random) {
        case 0..<18: act(Int.random(in: clients.indices, using: &random))
        case 18..<20: broker.advance(by: .seconds(Int.random(in: 1..<20, using: &random)))
        case 20: changeTopics()
        case 21: restart(Int.random(in: clients.indices, using: &random))
        default: finishAppend(mayFail: true)
        }
    }

    private func finishAppend(mayFail: Bool) {
        guard !broker.appends.isEmpty else { return }
        let fails = mayFail && Int.random(in: 0..<6, using: &random) == 0
        broker.completeAppend(fails ? .notEnoughReplicas : nil)
    }

    private func act(_ index: Int) {
        if let ticket = asked[index] {
            guard let reply = broker.beaten(ticket) else { return }
            asked[index] = nil
            // Now and then the answer is lost on its way.
            if Int.random(in: 0..<8, using: &random) > 0 { clients[index].take(reply) }
            return
        }
        let input = clients[index].request(broker, isFull: Int.random(in: 0..<3, using: &random) > 0)
        asked[index] = input.ticket
        broker.beat(input)
    }

    /// The process ends, sometimes with a word, and comes back under a new id.
    private func restart(_ index: Int) {
        if asked[index] == nil, Bool.random(using: &random), clients[index].epoch > 0 {
            let isStatic = clients[index].instanceID != nil
            var input = clients[index].request(broker, isFull: false)
            input.memberEpoch = isStatic ? -2 : -1
            broker.beat(input)
        }
        asked[index] = nil
        names += 1
        clients[index].memberID = "m\(index)-\(names)"
        clients[index].epoch = 0
        clients[index].held = AssignedPartitions()
    }

    private func changeTopics() {
        let name = ["t", "u", "v"][Int.random(in: 0..<3, using: &random)]
        if partitions[name, default: 0] == 0 { salts[name, default: 0] += 1 }
        let isGone = Int.random(in: 0..<4, using: &random) == 0
        let count = isGone ? 0 : partitions[name, default: 0] + Int32.random(in: 1...2, using: &random)
        partitions[name] = min(count, 12)
        broker.topic(name, partitions: min(count, 12), salt: salts[name, default: 0])
    }

    // MARK: Checks

    func check(_ when: String) {
        guard let group = broker.consumer() else { return }
        var holders: [TopicIDPartition: String] = [:]
        for member in group.members.values {
            for partition in member.current.assigned.all + member.current.pendingRevocation.all {
                #expect(holders.updateValue(member.memberID, forKey: partition) == nil, "\(partition) twice, \(when)")
            }
            #expect(member.current.epoch <= group.targetEpoch, "\(when)")
        }
        #expect(holders == group.owners, "\(when)")
        #expect(group.targetEpoch <= group.epoch, "\(when)")
        // What clients believe: two that are both members never read the same partition.
        var readers: [TopicIDPartition: String] = [:]
        for client in clients {
            guard let member = group.members[client.memberID], client.epoch >= member.current.previousEpoch else {
                continue
            }
            for partition in client.held.all where holders[partition] == client.memberID {
                #expect(readers.updateValue(client.memberID, forKey: partition) == nil, "\(when)")
            }
        }
    }

    func checkReplay(_ when: String) throws {
        let replayed = try TestBroker(replaying: broker.log).consumer()
        guard let live = broker.consumer() else {
            #expect(replayed == nil, "\(when)")
            return
        }
        guard let replayed else {
            #expect(live.epoch == 0, "\(when)")
            return
        }
        #expect(replayed.members == live.members, "\(when)")
        #expect(replayed.target == live.target, "\(when)")
        #expect(replayed.epoch == live.epoch && replayed.targetEpoch == live.targetEpoch, "\(when)")
        #expect(replayed.owners == live.owners && replayed.staticMembers == live.staticMembers, "\(when)")
    }

    /// No more failures, topics stay, everyone beats: for longer than a session, so that the dead are forgotten.
    func settle() {
        broker.releaseAppends()
        for index in clients.indices {
            if let ticket = asked.removeValue(forKey: index), let reply = broker.beaten(ticket) {
                clients[index].take(reply)
            }
        }
        for _ in 0..<30 {
            broker.advance(by: .seconds(5))
            clients.settle(broker, rounds: 1)
        }
    }

    func checkSettled(_ when: String) {
        guard let group = broker.consumer() else {
            Issue.record("no group, \(when)")
            return
        }
        #expect(group.state == .stable, "\(when)")
        #expect(Set(group.members.keys) == Set(clients.map(\.memberID)), "\(when)")
        var expected: Set<TopicIDPartition> = []
        for (name, count) in partitions {
            for partition in 0..<count {
                expected.insert(
                    TopicIDPartition(topicID: id(name), partition: partition))
            }
        }
        let held = clients.flatMap(\.held.all)
        #expect(held.count == Set(held).count, "\(when)")
        #expect(Set(held) == expected, "\(when)")
        if clients[0].assignor == nil { checkBalance(when) }
    }

    private func id(_ name: String) -> KafkaUUID { TestBroker.topicID(name, salt: salts[name, default: 0]) }

    /// No single move would make two shares more equal.
    private func checkBalance(_ when: String) {
        for giver in clients {
            for partition in giver.held.all {
                guard let name = partitions.keys.first(where: { id($0) == partition.topicID }) else { continue }
                for taker in clients where taker.topics?.contains(name) ?? (name == "t" || name == "v") {
                    #expect(giver.held.count - taker.held.count <= 1, "\(when)")
                }
            }
        }
    }
}
