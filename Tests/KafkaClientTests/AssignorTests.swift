import KafkaWire
import Testing

@testable import KafkaClient

@Suite("Assignors")
struct AssignorTests {
    private func partition(_ topic: String, _ number: Int32) -> TopicPartition {
        TopicPartition(topic: topic, partition: number)
    }

    private func member(_ id: String, _ topics: [String], owned: [TopicPartition] = [], generation: Int32 = -1)
        -> MemberSubscription
    {
        MemberSubscription(memberID: id, topics: topics, ownedPartitions: owned, generation: generation)
    }

    @Test("range gives neighbours per topic, the first members one more")
    func range() {
        let members = [member("C1", ["t0", "t1"]), member("C0", ["t0", "t1"])]
        let plan = AssignorRules.assign(.range, partitionCounts: ["t0": 3, "t1": 3], members: members)
        #expect(plan["C0"] == [partition("t0", 0), partition("t0", 1), partition("t1", 0), partition("t1", 1)])
        #expect(plan["C1"] == [partition("t0", 2), partition("t1", 2)])
    }

    @Test("round robin goes round over all topics, and skips who does not subscribe")
    func roundRobin() {
        let members = [
            member("C0", ["t0"]), member("C1", ["t0", "t1"]), member("C2", ["t0", "t1", "t2"]),
        ]
        let plan = AssignorRules.assign(
            .roundRobin, partitionCounts: ["t0": 1, "t1": 2, "t2": 3], members: members)
        // The example of Java's documentation.
        #expect(plan["C0"] == [partition("t0", 0)])
        #expect(plan["C1"] == [partition("t1", 0)])
        #expect(plan["C2"] == [partition("t1", 1), partition("t2", 0), partition("t2", 1), partition("t2", 2)])
    }

    @Test("static members come first, by their own names")
    func staticMembers() {
        var late = member("a-member", ["t"])
        late.groupInstanceID = "2"
        var early = member("z-member", ["t"])
        early.groupInstanceID = "1"
        let plan = AssignorRules.assign(
            .range, partitionCounts: ["t": 3], members: [member("0", ["t"]), late, early])
        #expect(plan["z-member"] == [partition("t", 0)])
        #expect(plan["a-member"] == [partition("t", 1)])
        #expect(plan["0"] == [partition("t", 2)])
    }

    @Test("a partition that moves is first taken from its owner, then given to the next (KIP-429)")
    func cooperativeSteps() {
        let all = (0..<4).map { partition("t", $0) }
        var members = [member("A", ["t"], owned: all, generation: 1), member("B", ["t"])]
        let first = AssignorRules.assign(.cooperativeSticky, partitionCounts: ["t": 4], members: members)
        #expect(first["A"]?.count == 2)
        #expect(first["B"] == [])
        members[0].ownedPartitions = first["A"] ?? []
        members = members.map { member in
            var member = member
            member.generation = 2
            return member
        }
        let second = AssignorRules.assign(.cooperativeSticky, partitionCounts: ["t": 4], members: members)
        #expect(second["A"] == first["A"])
        #expect(second["B"]?.count == 2)
    }

    @Test("of two claims the later generation counts; equal ones count for nobody")
    func claims() {
        let contested = [partition("t", 0)]
        let old = member("A", ["t"], owned: contested, generation: 1)
        let new = member("B", ["t"], owned: contested, generation: 2)
        let plan = CooperativeStickyRules(["t": 1], [old, new]).balanced()
        #expect(plan["B"] == Set(contested))
    }

    @Test("every partition has one subscriber, loads are even, and little moves", arguments: 0..<100)
    func properties(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let topics = ["a", "b", "c"]
        let counts = Dictionary(uniqueKeysWithValues: topics.map { ($0, Int.random(in: 0...9, using: &random)) })
        let isUniform = Bool.random(using: &random)
        var members = (0..<Int.random(in: 1...6, using: &random)).map { index in
            let subset = isUniform ? topics : topics.filter { _ in Bool.random(using: &random) }
            return member("m\(index)", subset.isEmpty ? ["a"] : subset)
        }
        for assignor in KafkaAssignor.allCases where assignor != .cooperativeSticky {
            check(AssignorRules.assign(assignor, partitionCounts: counts, members: members), members, counts)
        }
        // Members come and go; after each change the group settles within two generations.
        for generation in Int32(1)...5 {
            settle(&members, counts, generation: generation * 10)
            if Bool.random(using: &random), members.count > 1 {
                members.remove(at: Int.random(in: 0..<members.count, using: &random))
            } else {
                members.append(member("n\(generation)", isUniform ? topics : ["b", "c"]))
            }
        }
    }

    private func settle(_ members: inout [MemberSubscription], _ counts: [String: Int], generation: Int32) {
        let before = members
        for step in Int32(0)..<3 {
            let plan = AssignorRules.assign(.cooperativeSticky, partitionCounts: counts, members: members.shuffled())
            var owners: [TopicPartition: String] = [:]
            for member in members { for owned in member.ownedPartitions { owners[owned] = member.memberID } }
            for (id, partitions) in plan {
                for partition in partitions {
                    #expect(owners[partition] == nil || owners[partition] == id, "handed over before it was given up")
                }
            }
            for index in members.indices {
                members[index].ownedPartitions = plan[members[index].memberID] ?? []
                members[index].generation = generation + step
            }
        }
        let plan = Dictionary(uniqueKeysWithValues: members.map { ($0.memberID, $0.ownedPartitions) })
        check(plan, members, counts)
        checkBalance(plan, members)
        checkStickiness(plan, before: before)
    }

    private func check(
        _ plan: AssignorRules.Assignment, _ members: [MemberSubscription], _ counts: [String: Int]
    ) {
        #expect(Set(plan.keys) == Set(members.map(\.memberID)))
        let all = plan.values.flatMap { $0 }
        #expect(Set(all).count == all.count, "a partition was given twice")
        let wanted = Set(members.flatMap(\.topics))
        let expected = counts.filter { wanted.contains($0.key) }.values.reduce(0, +)
        #expect(all.count == expected, "a partition was left out")
        for member in members {
            #expect((plan[member.memberID] ?? []).allSatisfy { member.topics.contains($0.topic) })
        }
    }

    /// Nobody has two more than another who could take one of them.
    private func checkBalance(_ plan: AssignorRules.Assignment, _ members: [MemberSubscription]) {
        for giver in members {
            for taker in members {
                let held = plan[giver.memberID] ?? []
                let canTake = held.contains { taker.topics.contains($0.topic) }
                #expect(!canTake || held.count - (plan[taker.memberID]?.count ?? 0) < 2)
            }
        }
    }

    /// With equal subscriptions a member that stays loses nothing below its fair share.
    private func checkStickiness(_ plan: AssignorRules.Assignment, before: [MemberSubscription]) {
        guard Set(before.map { Set($0.topics) }).count == 1 else { return }
        let share = plan.values.reduce(0) { $0 + $1.count } / max(1, plan.count)
        for member in before {
            guard let now = plan[member.memberID] else { continue }
            let kept = Set(now).intersection(member.ownedPartitions).count
            #expect(kept >= min(member.ownedPartitions.count, share))
        }
    }
}
