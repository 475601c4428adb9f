import KafkaWire

/// The target assignment: what each member should hold once everybody has caught up.
extension ConsumerGroupStateMachine {
    /// Topics that a member reads and that exist.
    private func topics(of member: ConsumerMember, _ topics: GroupTopics) -> Set<KafkaUUID> {
        var ids = Set(member.subscription.topicNames.compactMap { topics.byName[$0]?.id })
        if let regex = member.subscription.topicRegex, let resolved = patterns[regex] {
            for name in resolved.topics {
                if let topic = topics.byName[name] { ids.insert(topic.id) }
            }
        }
        return ids
    }

    /// The partitions that are to be assigned.
    private func wanted(_ group: ConsumerGroup, _ topics: GroupTopics) -> [KafkaUUID: Int32] {
        var wanted: [KafkaUUID: Int32] = [:]
        for member in group.members.values {
            for id in self.topics(of: member, topics) where wanted[id] == nil {
                wanted[id] = topics.name(of: id).flatMap { topics.byName[$0]?.partitions }
            }
        }
        return wanted
    }

    /// Whether topics have changed in a way that the target does not know of yet: it must name exactly what there is.
    func needsNewTarget(_ group: ConsumerGroup, _ topics: GroupTopics) -> Bool {
        if !topicsHaveChanged { return false }
        let wanted = wanted(group, topics)
        var named: [KafkaUUID: Int32] = [:]
        for assigned in group.target.values {
            for (topic, partitions) in assigned.byTopic { named[topic, default: 0] += Int32(partitions.count) }
        }
        return named != wanted.filter { $0.value > 0 }
    }

    /// Gives every partition to a member and writes down whose share has changed.
    func makeTarget(_ draft: inout ConsumerGroupDraft, _ topics: GroupTopics) {
        let group = draft.group
        let members = group.members.values.map { member in
            ServerAssignor.Member(
                memberID: member.memberID, instanceID: member.subscription.instanceID,
                topics: self.topics(of: member, topics),
                previous: group.target[member.memberID] ?? AssignedPartitions())
        }
        let preferred = group.preferredAssignor.flatMap(ServerAssignor.init(rawValue:))
        let assignor = preferred ?? configuration.consumerAssignors.first ?? .uniform
        let target = assignor.assign(members, partitions: wanted(group, topics))
        for (memberID, partitions) in target.sorted(by: { $0.key < $1.key })
        where group.target[memberID] != partitions {
            draft.change(.target(memberID: memberID, partitions))
        }
        draft.change(.targetEpoch(group.epoch))
    }
}
