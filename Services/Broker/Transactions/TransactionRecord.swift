import KafkaMessages
import KafkaWire
import NIOCore

/// A record of `__transaction_state` in Kafka's own format; without value it is a tombstone.
public struct TransactionRecord: Sendable, Hashable {
    public var key: ByteBuffer
    public var value: ByteBuffer?

    public init(key: ByteBuffer, value: ByteBuffer?) {
        self.key = key
        self.value = value
    }

    /// What a record says.
    public enum Content: Sendable, Hashable {
        /// A transactional id, or its removal.
        case transaction(transactionalID: String, TransactionMetadata?)
        /// A kind of record or a state that this build does not know.
        case unknown(String)
    }

    private static let keyVersion: Int16 = 0
    private static let valueVersion: Int16 = 1

    // MARK: Writing

    /// Throws `invalidLength` when a string is too long for the format.
    public init(transactionalID: String, _ metadata: TransactionMetadata?) throws(WireError) {
        key = try Self.encode(TransactionLogKey(transactionalId: transactionalID), version: Self.keyVersion)
        if let metadata { value = try Self.encode(TransactionLogValue(metadata), version: Self.valueVersion) }
    }

    private static func encode(_ message: some KafkaMessage, version: Int16) throws(WireError) -> ByteBuffer {
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
        guard TransactionLogKey.versions.contains(version) else { return .unknown("key version \(version)") }
        let key = try TransactionLogKey(from: &reader, version: version)
        guard let value else { return .transaction(transactionalID: key.transactionalId, nil) }
        var valueReader = WireReader(value)
        let valueVersion = try valueReader.readInt16()
        let message = try TransactionLogValue(from: &valueReader, version: valueVersion)
        try valueReader.finish()
        guard let state = TransactionState(rawValue: message.transactionStatus) else {
            return .unknown("transaction status \(message.transactionStatus)")
        }
        return .transaction(transactionalID: key.transactionalId, TransactionMetadata(message, state: state))
    }
}

extension TransactionLogValue {
    fileprivate init(_ metadata: TransactionMetadata) {
        let topics = Dictionary(grouping: metadata.partitions, by: \.topic).sorted { $0.key < $1.key }
        let partitions = topics.map { topic, partitions in
            PartitionsSchema(topic: topic, partitionIds: partitions.map(\.partition).sorted())
        }
        self.init(
            producerId: metadata.producer.id.rawValue, previousProducerId: metadata.previousProducerID.rawValue,
            nextProducerId: metadata.nextProducerID.rawValue, producerEpoch: metadata.producer.epoch,
            transactionTimeoutMs: metadata.timeoutMilliseconds, transactionStatus: metadata.state.rawValue,
            transactionPartitions: metadata.state == .empty ? nil : partitions,
            transactionLastUpdateTimestampMs: metadata.lastUpdateTimestamp,
            transactionStartTimestampMs: metadata.startTimestamp,
            clientTransactionVersion: metadata.clientProtocol.rawValue)
    }
}

extension TransactionMetadata {
    fileprivate init(_ value: TransactionLogValue, state: TransactionState) {
        self.init(
            producer: ProducerIdentity(id: ProducerID(value.producerId), epoch: value.producerEpoch),
            timeoutMilliseconds: value.transactionTimeoutMs, state: state,
            lastUpdateTimestamp: value.transactionLastUpdateTimestampMs)
        previousProducerID = ProducerID(value.previousProducerId)
        nextProducerID = ProducerID(value.nextProducerId)
        startTimestamp = value.transactionStartTimestampMs
        // A version that is newer than this build ends transactions at least as this one does.
        clientProtocol =
            TransactionProtocol(rawValue: value.clientTransactionVersion)
            ?? (value.clientTransactionVersion > 0 ? .epochPerTransaction : .classic)
        for topic in value.transactionPartitions ?? [] {
            for partition in topic.partitionIds {
                partitions.insert(TopicPartition(topic: topic.topic, partition: partition))
            }
        }
        deriveLastEpoch()
    }
}
