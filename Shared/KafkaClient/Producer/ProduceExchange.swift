import KafkaMessages
import KafkaRecords
import KafkaWire
import NIOCore
import Synchronization

/// A batch as it goes over the wire.
struct EncodedBatch: Sendable {
    let id: Int
    let topicPartition: TopicPartition
    let bytes: ByteBuffer
}

/// How many requests of one sending task are unanswered.
final class RequestWindow: Sendable {
    private let limit: Int
    private let signal: WakeSignal
    private let count = Mutex(0)

    init(limit: Int, signal: WakeSignal) {
        self.limit = limit
        self.signal = signal
    }

    var hasRoom: Bool { count.withLock { $0 < limit } }

    func enter() { count.withLock { $0 += 1 } }

    func leave() {
        count.withLock { $0 -= 1 }
        signal.signal()
    }
}

extension ProduceRequest {
    /// From version 13 topics go by id; names survive a topic's re-creation, so the client stays with them.
    static var lastVersionByName: Int16 { 12 }

    static func make(_ batches: [EncodedBatch], configuration: KafkaProducerConfiguration) -> ProduceRequest {
        var topics: [String: [PartitionProduceData]] = [:]
        for batch in batches {
            topics[batch.topicPartition.topic, default: []].append(
                PartitionProduceData(index: batch.topicPartition.partition, records: RecordsPayload(batch.bytes)))
        }
        return ProduceRequest(
            transactionalId: configuration.transactionalID, acks: configuration.acks.rawValue,
            timeoutMs: Int32(clamping: configuration.client.requestTimeout.milliseconds),
            topicData: topics.map { TopicProduceData(name: $0.key, partitionData: $0.value) })
    }
}

extension ProduceResponse {
    /// Each partition's acknowledgement or error.
    var byPartition: [TopicPartition: Result<BatchAcknowledgement, KafkaError>] {
        var results: [TopicPartition: Result<BatchAcknowledgement, KafkaError>] = [:]
        for topic in responses {
            for partition in topic.partitionResponses {
                let topicPartition = TopicPartition(topic: topic.name, partition: partition.index)
                results[topicPartition] = partition.result(topicPartition)
            }
        }
        return results
    }
}

extension ProduceResponse.PartitionProduceResponse {
    fileprivate func result(_ topicPartition: TopicPartition) -> Result<BatchAcknowledgement, KafkaError> {
        guard errorCode == .none else {
            let detail = errorMessage ?? recordErrors.first?.batchIndexErrorMessage ?? "the broker refused a batch"
            return .failure(.broker(errorCode, detail, topicPartition))
        }
        return .success(
            BatchAcknowledgement(
                baseOffset: baseOffset >= 0 ? Offset(baseOffset) : nil,
                logAppendTime: logAppendTimeMs >= 0 ? logAppendTimeMs : nil))
    }
}

extension ProducerProbe {
    /// Counts a batch by what its header says.
    func acknowledged(_ batch: EncodedBatch) {
        guard let count = batch.bytes.getInteger(at: batch.bytes.readerIndex + 57, as: Int32.self) else { return }
        acknowledged(topic: batch.topicPartition.topic, records: Int(count), bytes: batch.bytes.readableBytes)
    }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}
