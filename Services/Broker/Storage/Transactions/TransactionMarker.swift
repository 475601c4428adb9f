import KafkaRecords
import KafkaWire
import NIOCore

/// The end of a producer's transaction in one partition, as the coordinator decided it. Source: KIP-98, KIP-890.
public struct TransactionMarker: Hashable, Sendable {
    /// The transaction version from which on a marker carries the epoch after the transaction's (KIP-890).
    public static let epochBumpingVersion: Int8 = 2

    public var producerID: ProducerID
    /// Fences every batch of an older epoch from here on.
    public var producerEpoch: Int16
    public var isCommit: Bool
    /// Fences every marker of an older coordinator of this producer.
    public var coordinatorEpoch: Int32
    /// The `transaction.version` that the transaction runs under; not part of the record.
    public var transactionVersion: Int8

    public init(
        producerID: ProducerID, producerEpoch: Int16, isCommit: Bool, coordinatorEpoch: Int32,
        transactionVersion: Int8 = 0
    ) {
        self.producerID = producerID
        self.producerEpoch = producerEpoch
        self.isCommit = isCommit
        self.coordinatorEpoch = coordinatorEpoch
        self.transactionVersion = transactionVersion
    }
}

extension TransactionMarker {
    /// The marker as a control batch of one record.
    /// - Parameter timestamp: the broker's time, milliseconds since 1970.
    func batch(timestamp: Int64) throws(RecordError) -> ByteBuffer {
        let control: ControlRecord = isCommit ? .commit : .abort
        var builder = RecordBatchBuilder(capacity: 128)
        builder.append(
            timestamp: timestamp, key: control.key,
            value: ControlRecord.endTransactionValue(coordinatorEpoch: coordinatorEpoch))
        return try builder.finish(
            producerID: producerID, producerEpoch: producerEpoch, isTransactional: true, isControl: true)
    }

    /// Reads the marker of a control batch; `nil` for a batch that ends no transaction.
    init?(_ batch: RecordBatch) throws(RecordError) {
        let header = batch.header
        guard header.isControl, header.hasProducerID else { return nil }
        var reader = try RecordBatchReader(batch, maximumDecompressedBytes: Self.maximumRecordBytes)
        // A cleaner may have taken the record out and kept the batch for its producer's sake.
        guard let record = try reader.readAll().first else { return nil }
        switch try ControlRecord(key: record.key) {
        case .other: return nil
        case .commit: isCommit = true
        case .abort: isCommit = false
        }
        var value = record.value ?? ByteBuffer()
        guard let (_, epoch) = value.readMultipleIntegers(as: (Int16, Int32).self) else {
            throw .malformedRecord("the control value")
        }
        producerID = header.producerID
        producerEpoch = header.producerEpoch
        coordinatorEpoch = epoch
        transactionVersion = 0
    }

    /// A marker's record takes far less.
    private static let maximumRecordBytes = 64 * 1024
}
