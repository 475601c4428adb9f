import KafkaWire
import Metadata
import Testing

@Suite("Metadata image")
struct MetadataImageTests {
    private let id = KafkaUUID(high: 1, low: 1)
    private let other = KafkaUUID(high: 2, low: 2)

    private func image(_ records: [MetadataRecord]) -> MetadataImage {
        var image = MetadataImage()
        for record in records { image.apply(record) }
        return image
    }

    private func partition(_ index: Int32, of id: KafkaUUID, leader: BrokerID = 1) -> MetadataRecord {
        .partition(
            PartitionRecord(
                partition: index, topicID: id, replicas: [1], inSyncReplicas: [1], leader: leader, leaderEpoch: 0))
    }

    @Test("a topic has its partitions in order and the configurations that were set")
    func topic() throws {
        let image = image([
            .topic(name: "t", id: id), partition(0, of: id), partition(1, of: id),
            .config(.init(.topic, "t"), key: "a", value: "1"), .config(.init(.topic, "t"), key: "b", value: "2"),
            .config(.init(.topic, "t"), key: "a", value: nil),
        ])
        let topic = try #require(image.topics["t"])
        #expect(topic.partitions.map(\.partition) == [0, 1])
        #expect(topic.configurations == ["b": "2"])
        #expect(image.topic(id: id) == topic)
        #expect(image.topic(id: other) == nil)
    }

    @Test("a partition told again is replaced; one that would leave a gap or has no number is passed over")
    func partitions() throws {
        let image = image([
            .topic(name: "t", id: id), partition(0, of: id), partition(0, of: id, leader: 2), partition(5, of: id),
            partition(1, of: other), partition(-1, of: id),
        ])
        let topic = try #require(image.topics["t"])
        #expect(topic.partitions.map(\.leader) == [2])
    }

    @Test("a removed topic is gone by name and id, and late records about it change nothing")
    func removal() {
        let image = image([
            .topic(name: "t", id: id), partition(0, of: id), .removeTopic(id: id), partition(1, of: id),
            .config(.init(.topic, "t"), key: "a", value: "1"), .removeTopic(id: id),
        ])
        #expect(image == MetadataImage())
    }

    @Test("a name made again is another topic; the removal of the old one does not touch it")
    func madeAgain() {
        let image = image([
            .topic(name: "t", id: id), .topic(name: "t", id: other), partition(0, of: other), .removeTopic(id: id),
        ])
        #expect(image.topic(id: id) == nil)
        #expect(image.topics["t"]?.id == other)
        #expect(image.topics["t"]?.partitions.count == 1)
    }

    @Test("producer ids only go up")
    func producerIDs() {
        #expect(
            image([.producerIDs(broker: 1, next: 2000), .producerIDs(broker: 1, next: 1000)]).nextProducerID == 2000)
    }

    @Test("only the offsets topic is internal")
    func isInternal() {
        let image = image([.topic(name: "__consumer_offsets", id: id), .topic(name: "t", id: other)])
        #expect(image.topics["__consumer_offsets"]?.isInternal == true)
        #expect(image.topics["t"]?.isInternal == false)
    }
}
