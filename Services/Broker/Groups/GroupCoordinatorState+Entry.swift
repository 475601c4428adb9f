import KafkaWire

/// What holds for a group of either protocol.
extension GroupCoordinatorState.Entry {
    /// Whether nothing would be lost if the group were forgotten.
    var isVacant: Bool {
        machine.isVacant && (consumer?.isVacant ?? true) && offsets.isEmpty && appends == 0
    }

    var nextDeadline: Duration? {
        [machine.nextDeadline, consumer?.nextDeadline].compactMap(\.self).min()
    }

    /// Bytes that members make the coordinator keep.
    var metadataBytes: Int { machine.metadataBytes + (consumer?.group.subscriptionBytes ?? 0) }

    /// Whether the log has a record of the group besides its offsets.
    var hasRecord: Bool { machine.hasRecord || consumer.map { $0.group.epoch > 0 } ?? false }

    /// Nobody is in the group or about to be, and the log has a record of it that can go.
    var isRemovable: Bool {
        guard let consumer else { return machine.isRemovable }
        return consumer.isEmpty && hasRecord && !isBeingRemoved
    }

    /// What takes the group out of the log.
    var tombstones: [GroupRecord.Content] {
        var tombstones: [GroupRecord.Content] = []
        if machine.hasRecord { tombstones.append(.group(groupId: machine.groupId, nil)) }
        if consumer != nil {
            tombstones.append(.consumerGroup(groupId: machine.groupId, .targetEpoch(nil)))
            tombstones.append(.consumerGroup(groupId: machine.groupId, .epoch(nil)))
        }
        return tombstones
    }

    /// Why DeleteGroups is refused, if it is.
    var refusalOfDeletion: ErrorCode? {
        if isBeingRemoved { return .groupIdNotFound }
        guard let consumer else { return machine.refusalOfDeletion }
        return consumer.isEmpty ? nil : .nonEmptyGroup
    }

    /// Why OffsetDelete is refused, if it is.
    var refusalOfOffsetDeletion: ErrorCode? {
        consumer == nil ? machine.refusalOfOffsetDeletion : nil
    }

    func isSubscribed(to topic: String) -> Bool {
        consumer?.isSubscribed(to: topic) ?? machine.isSubscribed(to: topic)
    }

    /// How long offsets of this group are kept.
    var retentionStart: RetentionStart { consumer == nil ? machine.retentionStart : .commit }
}

extension ConsumerGroupStateMachine {
    /// Nobody is in the group or about to be.
    var isEmpty: Bool { group.members.isEmpty && inFlight == nil && waiting.isEmpty }
}
