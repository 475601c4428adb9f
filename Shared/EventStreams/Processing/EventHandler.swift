import KafkaClient

/// What a member of a group does with the events of its partitions.
///
/// Called by one task, except that ``assigned(_:)`` and ``lost(_:)`` may run in another while no event is being taken.
public protocol EventHandler<Event>: Sendable {
    associatedtype Event: Sendable

    /// Partitions have come; events from `committed` on follow (nil: the group has committed nothing, so from the
    /// start). Load their state.
    func assigned(_ partitions: [TopicPartition: Offset?]) async throws

    /// Partitions have gone: drop their state.
    func lost(_ partitions: [TopicPartition]) async

    /// Takes one record, inside a CONSUMER span that continues the event's trace.
    func take(_ record: ReceivedRecord<Event>) async throws

    /// All records that were read together are taken: returns once what was told about them is acknowledged. Then
    /// their offsets are committed.
    func settle() async throws
}
