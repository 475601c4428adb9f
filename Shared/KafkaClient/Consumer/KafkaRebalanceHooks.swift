/// What the application does when partitions come and go.
///
/// Hooks run one at a time; heartbeats go on meanwhile. No record of a partition is delivered before its `onAssigned`
/// has returned, nor after its `onRevoked` or `onLost` was called; before `onRevoked` the consumer waits for the
/// application to ask for the next batch, which means that it is done with the last. A hook that throws ends the
/// consumer with ``KafkaError/Code/hookFailed``.
public struct KafkaRebalanceHooks: Sendable {
    public typealias Hook = @Sendable (_ partitions: [TopicPartition], _ consumer: KafkaConsumer) async throws -> Void

    /// New partitions: load their state, or seek. In assigned mode called once with all partitions.
    public var onAssigned: Hook
    /// Partitions about to go, still owned: write their state out, commit.
    public var onRevoked: Hook
    /// Partitions that another member may already have: drop their state, do not commit.
    public var onLost: Hook

    public init(
        onAssigned: @escaping Hook = { _, _ in }, onRevoked: @escaping Hook = { _, _ in }, onLost: Hook? = nil
    ) {
        self.onAssigned = onAssigned
        self.onRevoked = onRevoked
        self.onLost = onLost ?? onRevoked
    }
}
