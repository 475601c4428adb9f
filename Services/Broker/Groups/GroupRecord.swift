import KafkaMessages
import KafkaWire
import NIOCore

/// A record of `__consumer_offsets` in Kafka's own format; without value it is a tombstone.
public struct GroupRecord: Sendable, Hashable {
    public var key: ByteBuffer
    public var value: ByteBuffer?

    public init(key: ByteBuffer, value: ByteBuffer?) {
        self.key = key
        self.value = value
    }

    /// What a record says.
    public enum Content: Sendable, Hashable {
        /// A committed offset, or its removal.
        case offset(groupId: String, TopicPartition, CommittedOffset?)
        /// A group, or its removal.
        case group(groupId: String, GroupMetadata?)
        /// A change to a group of the next-generation protocol.
        case consumerGroup(groupId: String, ConsumerGroupChange)
        /// A kind of record this build does not know, by the version in front of its key.
        case unknown(keyVersion: Int16)
    }

    private static let offsetKeyVersion: Int16 = 1
    private static let groupKeyVersion: Int16 = 2
    private static let valueVersion: Int16 = 3
    /// An offset's value with its topic's id.
    private static let topicIDValueVersion: Int16 = 4
    /// The one version of an offset's value that has room for an expiry of its own.
    private static let expiringValueVersion: Int16 = 1

    // MARK: Writing

    /// Throws `invalidLength` when a string is too long for the format.
    public init(_ content: Content) throws(WireError) {
        switch content {
        case .offset(let groupId, let position, let offset):
            let key = OffsetCommitKey(group: groupId, topic: position.topic, partition: position.partition)
            self.key = try Self.encode(key, version: Self.offsetKeyVersion)
            if let offset { value = try Self.encode(offset) }
        case .group(let groupId, let metadata):
            key = try Self.encode(GroupMetadataKey(group: groupId), version: Self.groupKeyVersion)
            if let metadata { value = try Self.encode(metadata.message, version: Self.valueVersion) }
        case .consumerGroup(let groupId, let change):
            (key, value) = try Self.encode(change, of: groupId)
        case .unknown(let keyVersion):
            throw .unsupportedVersion(keyVersion)
        }
    }

    private static func encode(_ offset: CommittedOffset) throws(WireError) -> ByteBuffer {
        let value = OffsetCommitValue(
            offset: offset.offset.rawValue, leaderEpoch: offset.leaderEpoch.rawValue, metadata: offset.metadata,
            commitTimestamp: offset.commitTimestamp, expireTimestamp: offset.expireTimestamp ?? -1,
            topicId: offset.topicID)
        if offset.expireTimestamp != nil { return try encode(value, version: expiringValueVersion) }
        return try encode(value, version: offset.topicID == .zero ? valueVersion : topicIDValueVersion)
    }

    static func encode(_ message: some KafkaMessage, version: Int16) throws(WireError) -> ByteBuffer {
        var writer = WireWriter()
        writer.write(version)
        try message.write(to: &writer, version: version)
        var bytes = ByteBuffer()
        for case .bytes(let piece) in writer.finish() { bytes.writeImmutableBuffer(piece) }
        return bytes
    }

    // MARK: Reading

    /// Throws for a key or value that is not what its version says.
    public func decode() throws(WireError) -> Content {
        var reader = WireReader(key)
        let version = try reader.readInt16()
        switch version {
        case 0, 1:
            let key = try OffsetCommitKey(from: &reader, version: version)
            let position = TopicPartition(topic: key.topic, partition: key.partition)
            return .offset(groupId: key.group, position, try value.map(Self.decodeOffset))
        case 2:
            let key = try GroupMetadataKey(from: &reader, version: version)
            return .group(groupId: key.group, try value.map(Self.decodeGroup))
        default:
            guard let (groupId, change) = try Self.decodeChange(&reader, keyVersion: version, value: value) else {
                return .unknown(keyVersion: version)
            }
            return .consumerGroup(groupId: groupId, change)
        }
    }

    private static func decodeOffset(_ bytes: ByteBuffer) throws(WireError) -> CommittedOffset {
        let value: OffsetCommitValue = try decode(bytes)
        return CommittedOffset(
            offset: Offset(value.offset), leaderEpoch: LeaderEpoch(value.leaderEpoch), metadata: value.metadata,
            commitTimestamp: value.commitTimestamp,
            expireTimestamp: value.expireTimestamp < 0 ? nil : value.expireTimestamp, topicID: value.topicId)
    }

    private static func decodeGroup(_ bytes: ByteBuffer) throws(WireError) -> GroupMetadata {
        let value: GroupMetadataValue = try decode(bytes)
        return GroupMetadata(value)
    }

    static func decode<Value: KafkaMessage>(_ bytes: ByteBuffer) throws(WireError) -> Value {
        var reader = WireReader(bytes)
        let version = try reader.readInt16()
        let value = try Value(from: &reader, version: version)
        try reader.finish()
        return value
    }
}

extension GroupRecord {
    /// What a batch takes besides its records.
    static let batchOverheadBytes = 61
    /// What a record takes besides key and value, with all its variable-length numbers at their longest.
    private static let overheadBytes = 32

    /// The room that the record takes in a batch, at most.
    var maximumBytes: Int { key.readableBytes + (value?.readableBytes ?? 0) + Self.overheadBytes }
}

extension GroupMetadata {
    fileprivate var message: GroupMetadataValue {
        GroupMetadataValue(
            protocolType: protocolType ?? "", generation: generation.rawValue, protocol: protocolName, leader: leader,
            currentStateTimestamp: stateTimestamp ?? -1,
            members: members.map { member in
                GroupMetadataValue.MemberMetadata(
                    memberId: member.memberId, groupInstanceId: member.groupInstanceId, clientId: member.clientId,
                    clientHost: member.clientHost, rebalanceTimeout: member.rebalanceTimeout.wireMilliseconds,
                    sessionTimeout: member.sessionTimeout.wireMilliseconds, subscription: member.subscription,
                    assignment: member.assignment)
            })
    }

    fileprivate init(_ value: GroupMetadataValue) {
        self.init(
            protocolType: value.protocolType.isEmpty ? nil : value.protocolType,
            generation: Generation(value.generation), protocolName: value.protocol, leader: value.leader,
            stateTimestamp: value.currentStateTimestamp < 0 ? nil : value.currentStateTimestamp,
            members: value.members.map { member in
                let session = Duration.milliseconds(member.sessionTimeout)
                return Member(
                    memberId: member.memberId, groupInstanceId: member.groupInstanceId, clientId: member.clientId,
                    clientHost: member.clientHost, sessionTimeout: session,
                    rebalanceTimeout: member.rebalanceTimeout > 0 ? .milliseconds(member.rebalanceTimeout) : session,
                    subscription: member.subscription, assignment: member.assignment)
            })
    }
}

extension Duration {
    /// Whole milliseconds.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        if overflow { return seconds < 0 ? Int64.min : Int64.max }
        return scaled &+ attoseconds / 1_000_000_000_000_000
    }

    /// Milliseconds as a 32-bit field holds them, at most 2^31 - 1.
    var wireMilliseconds: Int32 { Int32(clamping: wholeMilliseconds) }
}
