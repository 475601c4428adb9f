import KafkaWire
import NIOCore

extension PartitionRecord {
    /// The fields of Kafka's PartitionRecord, version 0, without the tagged section.
    func write(to writer: inout WireWriter) {
        writer.write(partition)
        writer.write(topicID)
        Self.write(replicas, to: &writer)
        Self.write(inSyncReplicas, to: &writer)
        Self.write([], to: &writer)  // removing replicas
        Self.write([], to: &writer)  // adding replicas
        writer.write(leader.rawValue)
        writer.write(leaderEpoch.rawValue)
        writer.write(Int32(0))  // partition epoch
    }

    /// Reads the fields up to, not including, the tagged section.
    init(from reader: inout WireReader) throws(WireError) {
        let partition = try reader.readInt32()
        let topicID = try reader.readUUID()
        let replicas = try Self.readBrokers(&reader)
        let inSyncReplicas = try Self.readBrokers(&reader)
        _ = try Self.readBrokers(&reader)
        _ = try Self.readBrokers(&reader)
        let leader = BrokerID(try reader.readInt32())
        let leaderEpoch = LeaderEpoch(try reader.readInt32())
        _ = try reader.readInt32()
        self.init(
            partition: partition, topicID: topicID, replicas: replicas, inSyncReplicas: inSyncReplicas,
            leader: leader, leaderEpoch: leaderEpoch)
    }

    private static func write(_ brokers: [BrokerID], to writer: inout WireWriter) {
        writer.writeCount(brokers.count, flexible: true)
        for broker in brokers { writer.write(broker.rawValue) }
    }

    private static func readBrokers(_ reader: inout WireReader) throws(WireError) -> [BrokerID] {
        let count = try reader.readCount(flexible: true, minimumElementBytes: 4)
        var brokers: [BrokerID] = []
        brokers.reserveCapacity(count)
        for _ in 0..<count { brokers.append(BrokerID(try reader.readInt32())) }
        return brokers
    }
}
