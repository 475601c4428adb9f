/// Who a group's member is at the moment, so that offsets committed in a transaction are refused once the member has
/// lost its partitions (KIP-447). From ``KafkaConsumer/groupMetadata``.
public struct ConsumerGroupMetadata: Hashable, Sendable {
    /// The group's name.
    public var groupID: String
    /// The generation, or the member epoch of the `consumer` protocol; -1 for who is no member.
    public var generation: Int32
    /// The member's id; empty for who is no member.
    public var memberID: String
    /// The static member's own name.
    public var groupInstanceID: String?

    /// A group alone: the coordinator then checks no membership, only the producer's epoch.
    public init(groupID: String, generation: Int32 = -1, memberID: String = "", groupInstanceID: String? = nil) {
        self.groupID = groupID
        self.generation = generation
        self.memberID = memberID
        self.groupInstanceID = groupInstanceID
    }
}
