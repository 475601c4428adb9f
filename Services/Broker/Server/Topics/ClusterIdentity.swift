import KafkaWire

/// Which cluster this is, and which of its brokers.
struct ClusterIdentity: Sendable {
    let clusterID: String
    let nodeID: BrokerID
}
