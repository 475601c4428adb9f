import KafkaMessages
import KafkaWire
import Testing

@testable import KafkaClient

@Suite("ClusterMetadata")
struct ClusterMetadataTests {
    private let partition = TopicPartition(topic: "t", partition: 0)

    private func response(leader: Int32, epoch: Int32, topicID: UInt64 = 1) -> MetadataResponse {
        MetadataResponse(
            brokers: [1, 2].map { MetadataResponse.MetadataResponseBroker(nodeId: $0, host: "h", port: 9092) },
            controllerId: 1,
            topics: [
                MetadataResponse.MetadataResponseTopic(
                    name: "t", topicId: KafkaUUID(high: 0, low: topicID),
                    partitions: [
                        MetadataResponse.MetadataResponsePartition(
                            partitionIndex: 0, leaderId: leader, leaderEpoch: epoch)
                    ])
            ])
    }

    @Test("an older leader epoch does not undo a newer one")
    func epochs() {
        var metadata = ClusterMetadata()
        metadata.merge(response(leader: 1, epoch: 5))
        metadata.merge(response(leader: 2, epoch: 4))
        #expect(metadata.leader(of: partition)?.broker == 1)
        metadata.merge(response(leader: 2, epoch: 6))
        #expect(metadata.leader(of: partition)?.broker == 2)
    }

    @Test("a topic that was created anew starts again")
    func recreation() {
        var metadata = ClusterMetadata()
        metadata.merge(response(leader: 1, epoch: 5))
        metadata.merge(response(leader: 2, epoch: 0, topicID: 2))
        #expect(metadata.leader(of: partition)?.epoch == 0)
    }

    @Test("no leader, or one that is no broker, is no leader")
    func leaderless() {
        var metadata = ClusterMetadata()
        metadata.merge(response(leader: -1, epoch: 0))
        #expect(metadata.leader(of: partition) == nil)
        metadata.merge(response(leader: 9, epoch: 1))
        #expect(metadata.leader(of: partition) == nil)
        #expect(metadata.partitionCount(of: "t") == 1)
        #expect(metadata.partitionCount(of: "other") == nil)
    }
}
