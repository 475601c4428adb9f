import KafkaWire

/// The `uniform` assignor: balanced, and as sticky as balance allows.
///
/// Where all members read the same topics, shares differ by at most one and no more moves than that needs. Elsewhere no
/// single move would make two shares more equal.
struct UniformAssignment {
    private let members: [ServerAssignor.Member]
    private let partitions: [KafkaUUID: Int32]
    private var shares: [[TopicIDPartition]]
    private var unassigned: [TopicIDPartition] = []

    init(_ members: [ServerAssignor.Member], partitions: [KafkaUUID: Int32]) {
        self.members = members.sorted { $0.memberID < $1.memberID }
        self.partitions = partitions
        shares = Array(repeating: [], count: members.count)
        if members.isEmpty { return }
        keepPrevious()
        if self.members.allSatisfy({ $0.topics == self.members[0].topics }) {
            levelEqualSubscriptions()
        } else {
            levelUnequalSubscriptions()
        }
    }

    var result: [String: AssignedPartitions] {
        var result: [String: AssignedPartitions] = [:]
        for (index, member) in members.enumerated() {
            var assigned = AssignedPartitions()
            for partition in shares[index] { assigned.insert(partition) }
            result[member.memberID] = assigned
        }
        return result
    }

    /// Starts from what members had of the topics they still read; everything else is to be given out.
    private mutating func keepPrevious() {
        var taken: Set<TopicIDPartition> = []
        for (index, member) in members.enumerated() {
            for partition in member.previous.all
            where member.topics.contains(partition.topicID) && partition.partition < partitions[partition.topicID] ?? 0
                && taken.insert(partition).inserted
            {
                shares[index].append(partition)
            }
        }
        let read = members.reduce(into: Set<KafkaUUID>()) { $0.formUnion($1.topics) }
        for topic in read {
            for number in 0..<(partitions[topic] ?? 0) {
                let partition = TopicIDPartition(topicID: topic, partition: number)
                if !taken.contains(partition) { unassigned.append(partition) }
            }
        }
        // By number first, so that a member gets its share of every topic rather than one topic.
        unassigned.sort { ($0.partition, $0.topicID) < ($1.partition, $1.topicID) }
    }

    /// Everyone gets the same; some get one more, if possible those who have more already.
    private mutating func levelEqualSubscriptions() {
        let total = shares.reduce(unassigned.count) { $0 + $1.count }
        let share = total / members.count
        var extras = total % members.count
        var quotas: [Int] = []
        for index in members.indices {
            let getsExtra = extras > 0 && shares[index].count > share
            if getsExtra { extras -= 1 }
            quotas.append(getsExtra ? share + 1 : share)
        }
        for index in members.indices where extras > 0 && quotas[index] == share {
            quotas[index] += 1
            extras -= 1
        }
        for index in members.indices where shares[index].count > quotas[index] {
            unassigned += shares[index][quotas[index]...]
            shares[index].removeSubrange(quotas[index]...)
        }
        var rest = unassigned[...]
        for index in members.indices {
            let missing = quotas[index] - shares[index].count
            shares[index] += rest.prefix(missing)
            rest = rest.dropFirst(missing)
        }
        unassigned = []
    }

    /// Partitions that few can take go first, each to the reader with the smallest share; then shares are levelled.
    private mutating func levelUnequalSubscriptions() {
        var readers: [KafkaUUID: [Int]] = [:]
        for (index, member) in members.enumerated() {
            for topic in member.topics { readers[topic, default: []].append(index) }
        }
        let ordered = unassigned.enumerated().sorted { left, right in
            let (few, many) = (readers[left.element.topicID]?.count ?? 0, readers[right.element.topicID]?.count ?? 0)
            return (few, left.offset) < (many, right.offset)
        }
        for (_, partition) in ordered {
            guard let reader = smallest(of: readers[partition.topicID] ?? []) else { continue }
            shares[reader].append(partition)
        }
        unassigned = []
        // Every move makes the sum of the squares smaller, so this ends.
        while moveOnce(readers) {}
    }

    private func smallest(of readers: [Int]) -> Int? {
        readers.min { (shares[$0].count, $0) < (shares[$1].count, $1) }
    }

    /// Lets the members with the largest shares give to readers that have at least two less; false if none could.
    private mutating func moveOnce(_ readers: [KafkaUUID: [Int]]) -> Bool {
        var moved = false
        for giver in members.indices.sorted(by: { (shares[$0].count, $1) > (shares[$1].count, $0) }) {
            var position = shares[giver].count - 1
            while position >= 0 {
                let partition = shares[giver][position]
                if let taker = smallest(of: readers[partition.topicID] ?? []),
                    shares[taker].count + 1 < shares[giver].count
                {
                    shares[taker].append(shares[giver].remove(at: position))
                    moved = true
                }
                position -= 1
            }
        }
        return moved
    }
}
