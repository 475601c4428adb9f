import KafkaWire

/// What a partition knows of one producer.
public struct ProducerDescription: Hashable, Sendable {
    public var producerID: ProducerID
    public var epoch: Int16
    /// Of the newest batch; -1 without one in this epoch.
    public var lastSequence: Int32
    /// Of the newest batch or marker, in milliseconds since 1970; -1 where it has none.
    public var lastTimestamp: Int64
    /// Of the coordinator that wrote the last marker; -1 before the first.
    public var coordinatorEpoch: Int32
    /// Where the transaction that is open begins.
    public var transactionStart: Offset?
}

extension PartitionLog {
    /// The producers that are remembered, ascending by id.
    public func describeProducers() -> [ProducerDescription] {
        producers.states.sorted { $0.key < $1.key }.map { id, state in
            ProducerDescription(
                producerID: id, epoch: state.epoch, lastSequence: state.batches.last?.lastSequence ?? -1,
                lastTimestamp: state.lastTimestamp, coordinatorEpoch: state.coordinatorEpoch,
                transactionStart: state.transactionStart)
        }
    }
}
