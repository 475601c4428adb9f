import KafkaMessages
import KafkaRecords
import KafkaWire
import NIOCore

@testable import KafkaClient

/// The transaction coordinator of a ``FakeBroker``, for any number of transactional ids.
struct FakeTransactions: Sendable {
    struct Entry: Sendable {
        var producerID: Int64
        var epoch: Int16 = 0
        var partitions: Set<TopicPartition> = []
        var offsets: [TopicPartition: Int64] = [:]
        var isOpen = false
        var lastEnd: (epoch: Int16, isCommit: Bool)?
    }

    struct Aborted: Sendable {
        var producerID: Int64
        var first: Int64
        var last: Int64
    }

    /// What is finalised as `transaction.version`.
    var version: Int16 = 0
    var entries: [String: Entry] = [:]
    /// Committed offsets, of transactions that were committed.
    var committed: [TopicPartition: Int64] = [:]
    /// First offset of each open transaction's records.
    var firstOffsets: [TopicPartition: [Int64: Int64]] = [:]
    var aborted: [TopicPartition: [Aborted]] = [:]
    /// Codes to be answered instead of doing what is asked, in order.
    var script: [APIKey: [ErrorCode]] = [:]

    mutating func scripted(_ key: APIKey) -> ErrorCode? {
        guard let codes = script[key], let first = codes.first else { return nil }
        script[key] = Array(codes.dropFirst())
        return first == .none ? nil : first
    }

    mutating func initialise(
        _ request: InitProducerIdRequest, _ logs: inout [TopicPartition: FakeBroker.Log]
    ) -> InitProducerIdResponse {
        if let code = scripted(.initProducerId) { return InitProducerIdResponse(errorCode: code) }
        guard let id = request.transactionalId else { return InitProducerIdResponse(producerId: 1, producerEpoch: 0) }
        guard var entry = entries[id] else {
            entries[id] = Entry(producerID: Int64(1000 + entries.count))
            return InitProducerIdResponse(producerId: Int64(1000 + entries.count - 1), producerEpoch: 0)
        }
        if request.producerId >= 0, request.producerId != entry.producerID || request.producerEpoch != entry.epoch {
            return InitProducerIdResponse(errorCode: .producerFenced)
        }
        if entry.isOpen { end(&entry, commit: false, &logs) }
        entry.epoch += 1
        entries[id] = entry
        return InitProducerIdResponse(producerId: entry.producerID, producerEpoch: entry.epoch)
    }

    /// Whether this producer may do something in its transaction.
    func check(_ id: String?, _ producerID: Int64, _ epoch: Int16) -> ErrorCode {
        guard let id, let entry = entries[id], entry.producerID == producerID else { return .invalidProducerIdMapping }
        return entry.epoch == epoch ? .none : epoch < entry.epoch ? .producerFenced : .invalidProducerEpoch
    }

    mutating func add(_ request: AddPartitionsToTxnRequest) -> AddPartitionsToTxnResponse {
        let id = request.v3AndBelowTransactionalId
        let code =
            scripted(.addPartitionsToTxn)
            ?? check(id, request.v3AndBelowProducerId, request.v3AndBelowProducerEpoch)
        let partitions = request.v3AndBelowTopics.flatMap { topic in
            topic.partitions.map { TopicPartition(topic: topic.name, partition: $0) }
        }
        if code == .none {
            entries[id]?.partitions.formUnion(partitions)
            entries[id]?.isOpen = true
        }
        return AddPartitionsToTxnResponse(
            resultsByTopicV3AndBelow: request.v3AndBelowTopics.map { topic in
                AddPartitionsToTxnResponse.V3AndBelowTopicResult(
                    name: topic.name,
                    resultsByPartition: topic.partitions.map {
                        AddPartitionsToTxnResponse.V3AndBelowPartitionResult(
                            partitionIndex: $0, partitionErrorCode: code)
                    })
            })
    }

    mutating func addOffsets(_ request: AddOffsetsToTxnRequest) -> AddOffsetsToTxnResponse {
        let code =
            scripted(.addOffsetsToTxn) ?? check(request.transactionalId, request.producerId, request.producerEpoch)
        if code == .none { entries[request.transactionalId]?.isOpen = true }
        return AddOffsetsToTxnResponse(errorCode: code)
    }

    mutating func commit(_ request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse {
        var code =
            scripted(.txnOffsetCommit) ?? check(request.transactionalId, request.producerId, request.producerEpoch)
        if code == .none, version < 2, entries[request.transactionalId]?.isOpen != true { code = .invalidTxnState }
        if code == .none {
            entries[request.transactionalId]?.isOpen = true
            for topic in request.topics {
                for partition in topic.partitions {
                    let key = TopicPartition(topic: topic.name, partition: partition.partitionIndex)
                    entries[request.transactionalId]?.offsets[key] = partition.committedOffset
                }
            }
        }
        return TxnOffsetCommitResponse(
            topics: request.topics.map { topic in
                TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic(
                    name: topic.name,
                    partitions: topic.partitions.map {
                        TxnOffsetCommitResponse.TxnOffsetCommitResponsePartition(
                            partitionIndex: $0.partitionIndex, errorCode: code)
                    })
            })
    }

    /// Whether a batch may be written: its partition is in the transaction, or joins it by version 2.
    mutating func admit(_ id: String?, _ header: RecordBatchHeader, _ partition: TopicPartition) -> ErrorCode {
        let code = check(id, header.producerID.rawValue, header.producerEpoch)
        guard code == .none, let id else { return code == .producerFenced ? .invalidProducerEpoch : code }
        if version >= 2 {
            entries[id]?.partitions.insert(partition)
            entries[id]?.isOpen = true
        }
        return entries[id]?.partitions.contains(partition) == true ? .none : .invalidTxnState
    }

    mutating func noteWritten(_ partition: TopicPartition, _ producerID: Int64, at offset: Int64) {
        if firstOffsets[partition]?[producerID] == nil { firstOffsets[partition, default: [:]][producerID] = offset }
    }

    mutating func end(_ request: EndTxnRequest, _ logs: inout [TopicPartition: FakeBroker.Log]) -> EndTxnResponse {
        if let code = scripted(.endTxn) { return EndTxnResponse(errorCode: code) }
        let id = request.transactionalId
        if let last = entries[id]?.lastEnd, version >= 2, last.epoch == request.producerEpoch,
            last.isCommit == request.committed, let entry = entries[id]
        {
            return EndTxnResponse(producerId: entry.producerID, producerEpoch: entry.epoch)
        }
        let code = check(id, request.producerId, request.producerEpoch)
        guard code == .none, var entry = entries[id] else { return EndTxnResponse(errorCode: code) }
        guard entry.isOpen else { return EndTxnResponse(errorCode: .invalidTxnState) }
        end(&entry, commit: request.committed, &logs)
        entry.lastEnd = (entry.epoch, request.committed)
        if version >= 2 { entry.epoch += 1 }
        entries[id] = entry
        return version >= 2
            ? EndTxnResponse(producerId: entry.producerID, producerEpoch: entry.epoch) : EndTxnResponse()
    }

    private mutating func end(_ entry: inout Entry, commit: Bool, _ logs: inout [TopicPartition: FakeBroker.Log]) {
        for partition in entry.partitions {
            let marker = logs[partition, default: FakeBroker.Log()].appendMarker(
                commit ? .commit : .abort, producerID: entry.producerID, epoch: entry.epoch)
            guard let first = firstOffsets[partition]?.removeValue(forKey: entry.producerID), !commit else { continue }
            aborted[partition, default: []].append(Aborted(producerID: entry.producerID, first: first, last: marker))
        }
        if commit { committed.merge(entry.offsets) { _, new in new } }
        (entry.partitions, entry.offsets, entry.isOpen) = ([], [:], false)
    }

    /// The last stable offset: before the first record of any open transaction.
    func lastStable(_ partition: TopicPartition, end: Int64) -> Int64 {
        min(end, firstOffsets[partition]?.values.min() ?? end)
    }

    func abortedTransactions(
        _ partition: TopicPartition, from offset: Int64, upTo end: Int64
    ) -> [FetchResponse.AbortedTransaction] {
        (aborted[partition] ?? []).filter { $0.last >= offset && $0.first < end }
            .sorted { $0.first < $1.first }
            .map { FetchResponse.AbortedTransaction(producerId: $0.producerID, firstOffset: $0.first) }
    }
}

extension FakeBroker.Log {
    /// Ends a producer's transaction; returns the marker's offset.
    mutating func appendMarker(_ kind: ControlRecord, producerID: Int64, epoch: Int16) -> Int64 {
        var builder = RecordBatchBuilder(capacity: 128)
        builder.append(
            timestamp: 0, key: kind.key, value: ControlRecord.endTransactionValue(coordinatorEpoch: 0), headers: [])
        let base = next
        guard
            let bytes = try? builder.finish(
                baseOffset: Offset(base), producerID: ProducerID(producerID), producerEpoch: epoch,
                isTransactional: true, isControl: true)
        else { preconditionFailure("a marker can be encoded") }
        batches.append((base, base + 1, bytes))
        sequences.append(BatchIdentity(producerID: ProducerID(-1), epoch: -1, baseSequence: -1))
        return base
    }
}
