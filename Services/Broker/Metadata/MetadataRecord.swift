import KafkaWire
import NIOCore

/// One fact of the cluster's metadata, as it stands in `__cluster_metadata`.
///
/// The bytes are those of Kafka's metadata records (KIP-631): a frame version, the record's type, its version, then
/// its fields in the flexible encoding.
public enum MetadataRecord: Equatable, Sendable {
    /// A topic exists.
    case topic(name: String, id: KafkaUUID)
    /// A partition of a topic exists, with its replicas.
    case partition(PartitionRecord)
    /// A configuration value of a topic, a broker or a group was set, or with `nil` returned to its default.
    case config(ConfigurationResource, key: String, value: String?)
    /// A topic is gone with all of its partitions.
    case removeTopic(id: KafkaUUID)
    /// Producer ids below this one have been handed out to brokers.
    case producerIDs(broker: BrokerID, next: ProducerID)
}

/// Where a partition's replicas are and which of them leads.
public struct PartitionRecord: Equatable, Sendable {
    public var partition: Int32
    public var topicID: KafkaUUID
    public var replicas: [BrokerID]
    public var inSyncReplicas: [BrokerID]
    public var leader: BrokerID
    public var leaderEpoch: LeaderEpoch

    public init(
        partition: Int32, topicID: KafkaUUID, replicas: [BrokerID], inSyncReplicas: [BrokerID], leader: BrokerID,
        leaderEpoch: LeaderEpoch
    ) {
        self.partition = partition
        self.topicID = topicID
        self.replicas = replicas
        self.inSyncReplicas = inSyncReplicas
        self.leader = leader
        self.leaderEpoch = leaderEpoch
    }
}

/// Why a metadata record could not be read.
public enum MetadataRecordError: Error, Equatable, Sendable {
    case malformed(WireError)
    /// A type or version of a newer build; carrying on without it would lose facts.
    case unknown(type: UInt32, version: UInt32)
}

extension MetadataRecord {
    private enum Kind: UInt32 {
        case topic = 2
        case partition = 3
        case config = 4
        case removeTopic = 9
        case producerIDs = 15
    }

    private static let frameVersion: UInt32 = 1

    /// The record's value bytes.
    public func encode() throws(WireError) -> ByteBuffer {
        var writer = WireWriter(capacity: 64)
        switch self {
        case .topic(let name, let id):
            Self.writeFrame(.topic, to: &writer)
            try writer.write(name, flexible: true)
            writer.write(id)
        case .partition(let record):
            Self.writeFrame(.partition, to: &writer)
            record.write(to: &writer)
        case .config(let resource, let key, let value):
            Self.writeFrame(.config, to: &writer)
            writer.write(resource.kind.rawValue)
            try writer.write(resource.name, flexible: true)
            try writer.write(key, flexible: true)
            try writer.write(value, flexible: true)
        case .removeTopic(let id):
            Self.writeFrame(.removeTopic, to: &writer)
            writer.write(id)
        case .producerIDs(let broker, let next):
            Self.writeFrame(.producerIDs, to: &writer)
            writer.write(broker.rawValue)
            writer.write(Int64(-1))
            writer.write(next.rawValue)
        }
        try writer.writeTaggedFields()
        return writer.finishBytes()
    }

    private static func writeFrame(_ kind: Kind, to writer: inout WireWriter) {
        writer.writeUnsignedVarint(frameVersion)
        writer.writeUnsignedVarint(kind.rawValue)
        writer.writeUnsignedVarint(0)
    }

    /// Reads a record's value bytes.
    public init(decoding bytes: ByteBuffer) throws(MetadataRecordError) {
        var reader = WireReader(bytes)
        let kind = try Self.readKind(&reader)
        do throws(WireError) {
            self = try Self.read(kind, from: &reader)
            try reader.readTaggedFields()
            try reader.finish()
        } catch {
            throw .malformed(error)
        }
    }

    private static func readKind(_ reader: inout WireReader) throws(MetadataRecordError) -> Kind {
        let type: UInt32
        let version: UInt32
        do throws(WireError) {
            _ = try reader.readUnsignedVarint()
            type = try reader.readUnsignedVarint()
            version = try reader.readUnsignedVarint()
        } catch {
            throw .malformed(error)
        }
        guard let kind = Kind(rawValue: type), version == 0 else { throw .unknown(type: type, version: version) }
        return kind
    }

    private static func read(_ kind: Kind, from reader: inout WireReader) throws(WireError) -> MetadataRecord {
        switch kind {
        case .topic:
            let name = try reader.readString(flexible: true)
            return .topic(name: name, id: try reader.readUUID())
        case .partition:
            return .partition(try PartitionRecord(from: &reader))
        case .config:
            let kind = ConfigurationResource.Kind(rawValue: try reader.readInt8())
            let resource = ConfigurationResource(kind, try reader.readString(flexible: true))
            let key = try reader.readString(flexible: true)
            return .config(resource, key: key, value: try reader.readNullableString(flexible: true))
        case .removeTopic:
            return .removeTopic(id: try reader.readUUID())
        case .producerIDs:
            let broker = BrokerID(try reader.readInt32())
            _ = try reader.readInt64()
            return .producerIDs(broker: broker, next: ProducerID(try reader.readInt64()))
        }
    }
}
