import KafkaWire
import NIOCore
import Testing

@testable import KafkaClient

@Suite("ConsumerProtocol")
struct ConsumerProtocolTests {
    private let owned = [
        TopicPartition(topic: "a", partition: 1), TopicPartition(topic: "b", partition: 0),
        TopicPartition(topic: "b", partition: 2),
    ]

    @Test("a subscription survives the round trip", arguments: KafkaAssignor.allCases)
    func subscription(assignor: KafkaAssignor) throws {
        let subscription = MemberSubscription(
            memberID: "m", groupInstanceID: "i", topics: ["a", "b"], ownedPartitions: owned, generation: 4)
        let bytes = try ConsumerProtocol.encode(subscription, assignor: assignor)
        #expect(try ConsumerProtocol.decodeSubscription(bytes, memberID: "m", groupInstanceID: "i") == subscription)
    }

    @Test("version 1 with the generation in the user data, as Java's cooperative assignor wrote it")
    func userDataGeneration() throws {
        let bytes = ByteBuffer(bytes: [
            0, 1,  // version
            0, 0, 0, 1, 0, 1, 0x61,  // topics: "a"
            0, 0, 0, 4, 0, 0, 0, 9,  // user data: generation 9
            0, 0, 0, 1, 0, 1, 0x61, 0, 0, 0, 1, 0, 0, 0, 3,  // owned: a-3
        ])
        let subscription = try ConsumerProtocol.decodeSubscription(bytes, memberID: "m", groupInstanceID: nil)
        #expect(subscription.generation == 9)
        #expect(subscription.ownedPartitions == [TopicPartition(topic: "a", partition: 3)])
    }

    @Test("an assignment of version 0 is what Java's client reads")
    func assignmentBytes() throws {
        let bytes = try ConsumerProtocol.encode([TopicPartition(topic: "t", partition: 5)])
        #expect(
            Array(bytes.readableBytesView) == [
                0, 3, 0, 0, 0, 1, 0, 1, 0x74, 0, 0, 0, 1, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff,
            ])
        #expect(try ConsumerProtocol.decodeAssignment(bytes) == [TopicPartition(topic: "t", partition: 5)])
        #expect(try ConsumerProtocol.decodeAssignment(ByteBuffer()).isEmpty)
    }

    @Test("truncated bytes throw at every length")
    func truncation() throws {
        let bytes = try ConsumerProtocol.encode(
            MemberSubscription(memberID: "m", topics: ["a"], ownedPartitions: owned, generation: 4), assignor: .range)
        for length in 0..<bytes.readableBytes {
            let part = try #require(bytes.getSlice(at: 0, length: length))
            #expect(throws: WireError.self) {
                try ConsumerProtocol.decodeSubscription(part, memberID: "m", groupInstanceID: nil)
            }
        }
    }
}
