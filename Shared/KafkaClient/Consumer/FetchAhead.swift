import KafkaMessages
import KafkaRecords
import KafkaWire
import NIOCore

/// What to fetch after a response, found out from the headers of its batches before their records are decoded.
///
/// A pure rule. It is a guess that nothing depends on: should the response turn out to be corrupt, the answer to what
/// was fetched ahead is for an offset that is not awaited, and dropped.
struct FetchAhead {
    /// The response's partitions, each from where the response ends.
    private(set) var targets: [SubscriptionState.FetchTarget] = []
    /// What the response brings, as it came over the wire.
    private(set) var byteCount = 0
    /// Whether every partition answered without an error. Otherwise it is decided anew what to fetch.
    private(set) var isComplete = true

    init(_ asked: [SubscriptionState.FetchTarget], _ response: FetchResponse) {
        var ends: [TopicPartition: Offset] = [:]
        for topic in response.responses {
            for data in topic.partitions {
                let partition = TopicPartition(topic: topic.topic, partition: data.partitionIndex)
                guard data.errorCode == .none, let end = Self.end(of: data.records) else {
                    isComplete = false
                    return
                }
                byteCount += data.records?.byteCount ?? 0
                ends[partition] = end
            }
        }
        targets = asked.map { target in
            var next = target
            next.offset = max(target.offset, ends[target.topicPartition] ?? target.offset)
            return next
        }
    }

    /// The offset after the last whole batch, 0 where there is none; `nil` where the bytes are no batches.
    private static func end(of records: RecordsPayload?) -> Offset? {
        guard let records, records.byteCount > 0 else { return 0 }
        do {
            var batches = RecordBatchSequence(try records.contiguous(), trailing: .stop)
            var end: Offset = 0
            while let header = try batches.skip() { end = header.nextOffset }
            return end
        } catch {
            // Whoever decodes them will say what is wrong.
            return nil
        }
    }
}
