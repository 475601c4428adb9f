import KafkaWire

/// Balanced assignment in which members keep what they have, in two steps where a partition moves (KIP-429).
///
/// A partition that another member still has is left out of this assignment: its owner sees that it is gone, gives it
/// up and joins again, and the next assignment hands it over. So nobody stops reading what does not move.
struct CooperativeStickyRules {
    private let partitions: [TopicPartition]
    private let members: [MemberSubscription]
    private let topics: [String: Set<String>]
    private var held: [String: Set<TopicPartition>] = [:]

    init(_ partitionCounts: [String: Int], _ members: [MemberSubscription]) {
        self.members = AssignorRules.ordered(members)
        topics = Dictionary(
            members.map { ($0.memberID, Set($0.topics)) }, uniquingKeysWith: { first, _ in first })
        let wanted = Set(members.flatMap(\.topics))
        partitions = partitionCounts.filter { wanted.contains($0.key) }
            .flatMap { topic, count in (0..<Int32(count)).map { TopicPartition(topic: topic, partition: $0) } }
            .sorted()
    }

    /// The assignment of this generation; without the partitions that have to be given up first.
    func assign() -> AssignorRules.Assignment {
        let target = balanced()
        let owners = claims()
        return Dictionary(
            members.map { member in
                let mine = Set(member.ownedPartitions)
                let assigned = (target[member.memberID] ?? []).filter { partition in
                    mine.contains(partition) || !(owners[partition] ?? []).contains { $0 != member.memberID }
                }
                return (member.memberID, assigned.sorted())
            }, uniquingKeysWith: { first, _ in first })
    }

    /// Where everything is to be in the end.
    func balanced() -> [String: Set<TopicPartition>] {
        var rules = self
        rules.keepOwned()
        rules.assignRest()
        while rules.improve() {}
        return rules.held
    }

    /// Who says to own what, of whatever generation.
    private func claims() -> [TopicPartition: [String]] {
        var claims: [TopicPartition: [String]] = [:]
        for member in members {
            for partition in Set(member.ownedPartitions) { claims[partition, default: []].append(member.memberID) }
        }
        return claims
    }

    /// The claim of the latest generation counts; where two members claim the same in it, neither has it.
    private mutating func keepOwned() {
        var latest: [TopicPartition: (generation: Int32, members: [String])] = [:]
        for member in members {
            for partition in Set(member.ownedPartitions) {
                let known = latest[partition]
                if known == nil || member.generation > known?.generation ?? -1 {
                    latest[partition] = (member.generation, [member.memberID])
                } else if member.generation == known?.generation {
                    latest[partition]?.members.append(member.memberID)
                }
            }
        }
        for member in members { held[member.memberID] = [] }
        for partition in partitions {
            guard let claim = latest[partition], claim.members.count == 1, isWanted(partition, by: claim.members[0])
            else { continue }
            held[claim.members[0]]?.insert(partition)
        }
    }

    private func isWanted(_ partition: TopicPartition, by member: String) -> Bool {
        topics[member]?.contains(partition.topic) ?? false
    }

    private func load(_ member: String) -> Int { held[member]?.count ?? 0 }

    /// What nobody has goes to the subscriber with the least.
    private mutating func assignRest() {
        let taken = held.values.reduce(into: Set<TopicPartition>()) { $0.formUnion($1) }
        for partition in partitions where !taken.contains(partition) {
            let candidates = members.map(\.memberID).filter { isWanted(partition, by: $0) }
            guard let least = candidates.min(by: { load($0) < load($1) }) else { continue }
            held[least]?.insert(partition)
        }
    }

    /// Moves one partition from a member to one that has at least two fewer, through others where need be. Each move
    /// makes the loads more even, so this ends.
    private mutating func improve() -> Bool {
        for member in members.map(\.memberID).sorted(by: { load($0) > load($1) }) {
            guard let path = path(from: member) else { continue }
            for (from, to) in zip(path, path.dropFirst()) { move(from: from, to: to) }
            return true
        }
        return false
    }

    /// The shortest way from a member to one with at least two partitions fewer, each step a partition that the next
    /// member may take.
    private func path(from start: String) -> [String]? {
        var previous: [String: String] = [:]
        var frontier = [start]
        while !frontier.isEmpty {
            var next: [String] = []
            for from in frontier {
                for to in members.map(\.memberID) where to != start && previous[to] == nil && canGive(from, to) {
                    previous[to] = from
                    if load(to) <= load(start) - 2 { return Self.walk(back: to, to: start, previous) }
                    next.append(to)
                }
            }
            frontier = next
        }
        return nil
    }

    private static func walk(back end: String, to start: String, _ previous: [String: String]) -> [String] {
        var path = [end]
        while let last = path.last, last != start, let before = previous[last] { path.append(before) }
        return path.reversed()
    }

    private func canGive(_ from: String, _ to: String) -> Bool {
        held[from]?.contains { isWanted($0, by: to) } ?? false
    }

    /// Rather a partition the receiver claims, then one the giver does not, so that as little as possible moves.
    private mutating func move(from: String, to: String) {
        let candidates = (held[from] ?? []).filter { isWanted($0, by: to) }.sorted()
        let receiver = Set(members.first { $0.memberID == to }?.ownedPartitions ?? [])
        let giver = Set(members.first { $0.memberID == from }?.ownedPartitions ?? [])
        let choice =
            candidates.first { receiver.contains($0) } ?? candidates.last { !giver.contains($0) } ?? candidates.last
        guard let choice else { return }
        held[from]?.remove(choice)
        held[to]?.insert(choice)
    }
}
