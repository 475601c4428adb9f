import KafkaWire

/// Refusals with words, for the requests whose answers have room for them.
extension GroupCoordinatorState {
    /// ``availability(ofGroup:)`` with the group's name.
    public func unavailability(ofGroup groupID: String) -> GroupRefusal? {
        guard let code = availability(ofGroup: groupID) else { return nil }
        return GroupRefusal(code, "the coordinator of group '\(groupID)' is loading or elsewhere: \(code)")
    }

    /// As ``refusal(ofGroup:)``, by the codes of the next-generation protocol.
    func refusal(ofConsumerGroup groupID: String) -> GroupRefusal? {
        if groupID.isEmpty { return GroupRefusal(.invalidRequest, "the group id must not be empty") }
        let byteCount = groupID.utf8.count
        if byteCount > Int(Int16.max) {
            return GroupRefusal(.invalidGroupId, "a group id has at most \(Int16.max) bytes, not \(byteCount)")
        }
        return unavailability(ofGroup: groupID)
    }
}
