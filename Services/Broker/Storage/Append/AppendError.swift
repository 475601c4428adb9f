import KafkaRecords
import KafkaWire
import NIOCore

/// Who wrote the batches of an append.
public enum AppendOrigin: Hashable, Sendable {
    /// A producer: everything is checked.
    case client
    /// The broker's own coordinators: control batches are allowed and sequence numbers not looked at; epochs are.
    case coordinator
}

/// Why an append was refused. Nothing of it is in the log.
public enum AppendError: Error, Hashable, Sendable {
    /// A batch is not what the record format allows.
    case invalidBatch(RecordError)
    /// No batch at all.
    case empty
    /// A batch larger than `max.message.bytes`.
    case batchTooLarge(byteCount: Int, limit: Int)
    /// More than fits in a segment (`segment.bytes`).
    case appendTooLarge(byteCount: Int, limit: Int)
    /// Records without a key where the topic is compacted: the places of the first ones in their batch.
    case missingKey(indexes: [Int])
    /// Records whose timestamp is too far from the broker's time (`message.timestamp.before.max.ms`,
    /// `message.timestamp.after.max.ms`): the places of the first ones, and the first one's timestamp.
    case timestampOutOfRange(indexes: [Int], timestamp: Int64, allowed: ClosedRange<Int64>)
    /// Fewer replicas are in sync than `min.insync.replicas` asks for.
    case notEnoughReplicas(inSync: Int, required: Int)
    /// Records of this producer are missing before the batch.
    case outOfOrderSequence(ProducerID, expected: Int32, found: Int32)
    /// Another producer took over the id.
    case fencedProducer(ProducerID, currentEpoch: Int16, found: Int16)
    /// A newer coordinator has ended a transaction of this producer.
    case fencedCoordinator(ProducerID, currentEpoch: Int32, found: Int32)
    /// A batch without a transaction while one of the producer is open, from that offset on.
    case outsideTransaction(ProducerID, since: Offset)
    /// A batch of a transaction that is not open here, and that nobody vouches for.
    case unverified(ProducerID)
    /// Some batches of the append are in the log already and others are not; producers repeat an append as it was.
    case partlyDuplicate(ProducerID)
    /// The disk.
    case storage(StorageError)

    /// The answer to the producer.
    public var errorCode: ErrorCode {
        switch self {
        case .invalidBatch(let error): error.errorCode
        case .empty, .missingKey: .invalidRecord
        case .timestampOutOfRange: .invalidTimestamp
        case .notEnoughReplicas: .notEnoughReplicas
        case .batchTooLarge: .messageTooLarge
        case .appendTooLarge: .recordListTooLarge
        case .outOfOrderSequence: .outOfOrderSequenceNumber
        case .fencedProducer: .invalidProducerEpoch
        case .fencedCoordinator: .transactionCoordinatorFenced
        case .outsideTransaction, .unverified: .invalidTxnState
        case .partlyDuplicate: .duplicateSequenceNumber
        case .storage(let error): error.errorCode
        }
    }
}

extension AppendError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .invalidBatch(let error): "record batch: \(error)"
        case .empty: "no record batch"
        case .batchTooLarge(let count, let limit): "a batch of \(count) bytes, max.message.bytes is \(limit)"
        case .appendTooLarge(let count, let limit): "batches of \(count) bytes, segment.bytes is \(limit)"
        case .missingKey(let indexes): "record \(indexes.first ?? 0) has no key and the topic is compacted"
        case .timestampOutOfRange(let indexes, let timestamp, let allowed):
            "the timestamp \(timestamp) of record \(indexes.first ?? 0) is not within \(allowed.lowerBound) and "
                + "\(allowed.upperBound) (message.timestamp.before.max.ms, message.timestamp.after.max.ms)"
        case .notEnoughReplicas(let inSync, let required):
            "acks=all with \(inSync) replica in sync, min.insync.replicas is \(required)"
        case .outOfOrderSequence(let producer, let expected, let found):
            "producer \(producer) sent sequence \(found), expected is \(expected)"
        case .fencedProducer(let producer, let current, let found):
            "producer \(producer) has epoch \(found), its current epoch is \(current)"
        case .fencedCoordinator(let producer, let current, let found):
            "a marker of producer \(producer) by coordinator epoch \(found), the last one was by \(current)"
        case .outsideTransaction(let producer, let start):
            "producer \(producer) sent a batch outside the transaction it has open since offset \(start)"
        case .unverified(let producer):
            "producer \(producer) has no transaction open here, or its transaction ended while the batch was on its way"
        case .partlyDuplicate(let producer): "producer \(producer) repeated a part of an append"
        case .storage(let error): error.description
        }
    }
}

/// Where an append's records are.
public struct AppendResult: Hashable, Sendable {
    public var firstOffset: Offset
    public var lastOffset: Offset
    /// The broker's time that all records have now, or -1 where they keep their producer's.
    public var logAppendTime: Int64
    public var logStart: Offset
    /// The records were in the log before, at these offsets; nothing was written.
    public var isDuplicate: Bool
    /// Bytes added to the log.
    public var appendedBytes: Int
    /// What was written, where it was one batch and no part of a transaction; empty otherwise.
    public var stored: [ByteBuffer] = []
}
