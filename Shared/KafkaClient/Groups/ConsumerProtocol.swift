import KafkaMessages
import KafkaWire
import NIOCore

/// What a member tells the group's leader about itself.
struct MemberSubscription: Hashable, Sendable {
    var memberID: String
    /// The static member's own name.
    var groupInstanceID: String?
    var topics: [String]
    /// What the member has at the moment, by its own account.
    var ownedPartitions: [TopicPartition] = []
    /// The generation in which it was given that; -1 for none.
    var generation: Int32 = -1
}

/// The bytes that members of consumer groups exchange inside JoinGroup and SyncGroup: a version, then the message.
///
/// Later versions only add fields at the end, so a version above ours is read as our latest. Source: KIP-429 and
/// Kafka's `ConsumerProtocolSubscription`, `ConsumerProtocolAssignment`.
enum ConsumerProtocol {
    /// The protocol type of consumer groups.
    static let protocolType = "consumer"

    static func encode(_ subscription: MemberSubscription, assignor: KafkaAssignor) throws(WireError) -> ByteBuffer {
        let version: Int16 = 3
        let message = ConsumerProtocolSubscription(
            topics: subscription.topics.sorted(), userData: userData(assignor, subscription.generation),
            ownedPartitions: byTopic(subscription.ownedPartitions).map {
                ConsumerProtocolSubscription.TopicPartition(topic: $0, partitions: $1)
            }, generationId: subscription.generation)
        return try encode(message, version: version)
    }

    /// Java's cooperative sticky assignor keeps the generation in the user data too, for leaders that read version 1.
    private static func userData(_ assignor: KafkaAssignor, _ generation: Int32) -> ByteBuffer? {
        switch assignor {
        case .cooperativeSticky: ByteBuffer(integer: generation)
        case .range, .roundRobin: nil
        }
    }

    static func decodeSubscription(
        _ bytes: ByteBuffer, memberID: String, groupInstanceID: String?
    ) throws(WireError) -> MemberSubscription {
        let (version, message) = try decode(ConsumerProtocolSubscription.self, bytes)
        var generation = message.generationId
        if version < 2, let userData = message.userData {
            generation = userData.getInteger(at: userData.readerIndex, as: Int32.self) ?? -1
        }
        return MemberSubscription(
            memberID: memberID, groupInstanceID: groupInstanceID, topics: message.topics,
            ownedPartitions: message.ownedPartitions.flatMap { entry in
                entry.partitions.map { TopicPartition(topic: entry.topic, partition: $0) }
            }, generation: generation)
    }

    static func encode(_ assignment: [TopicPartition]) throws(WireError) -> ByteBuffer {
        let message = ConsumerProtocolAssignment(
            assignedPartitions: byTopic(assignment).map {
                ConsumerProtocolAssignment.TopicPartition(topic: $0, partitions: $1)
            })
        return try encode(message, version: 3)
    }

    /// Ascending; empty bytes are an empty assignment.
    static func decodeAssignment(_ bytes: ByteBuffer) throws(WireError) -> [TopicPartition] {
        if bytes.readableBytes == 0 { return [] }
        let (_, message) = try decode(ConsumerProtocolAssignment.self, bytes)
        return message.assignedPartitions.flatMap { entry in
            entry.partitions.map { TopicPartition(topic: entry.topic, partition: $0) }
        }.sorted()
    }

    private static func byTopic(_ partitions: [TopicPartition]) -> [(String, [Int32])] {
        Dictionary(grouping: partitions, by: \.topic)
            .map { ($0.key, $0.value.map(\.partition).sorted()) }
            .sorted { $0.0 < $1.0 }
    }

    private static func encode(_ message: some KafkaMessage, version: Int16) throws(WireError) -> ByteBuffer {
        var writer = WireWriter()
        writer.write(version)
        try message.write(to: &writer, version: version)
        var bytes = ByteBuffer()
        for piece in writer.finish() {
            if case .bytes(let buffer) = piece { bytes.writeImmutableBuffer(buffer) }
        }
        return bytes
    }

    private static func decode<Message: KafkaMessage>(
        _ type: Message.Type, _ bytes: ByteBuffer
    ) throws(WireError) -> (Int16, Message) {
        var reader = WireReader(bytes)
        let version = try reader.readInt16()
        guard version >= 0 else { throw .unsupportedVersion(version) }
        return (version, try Message(from: &reader, version: min(version, Message.versions.upperBound)))
    }
}
