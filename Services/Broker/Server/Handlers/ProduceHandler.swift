import KafkaMessages
import KafkaRecords
import KafkaWire
import Metadata
import NIOCore
import Storage

/// Produce (0), versions 3 to 13; advertised from 0, because librdkafka before 2.11.1 gives up compression otherwise.
///
/// Batches go to their partitions as the bytes that came in. On one node a batch is replicated as soon as it is in
/// the log, so `acks=1` and `acks=all` answer at the same point. Batches of a transaction are admitted first
/// (`ProduceAdmission`); from version 12 on that adds their partitions.
struct ProduceHandler: APIHandler {
    typealias Request = ProduceRequest
    typealias PartitionResponse = ProduceResponse.PartitionProduceResponse

    static let advertised: ClosedRange<Int16> = 0...ProduceRequest.versions.upperBound
    static let gaps =
        "0 to 2 are listed, because librdkafka before 2.11.1 gives up compression otherwise, but not served; "
        + "a batch is checked by header and checksum, its records only on a compacted topic"

    /// The first version that names topics by id.
    private static let topicIDVersion: Int16 = 13
    /// The first version whose batches may be compressed with zstd (KIP-110).
    private static let zstdVersion: Int16 = 7

    let topics: TopicTable
    let admission: ProduceAdmission
    let probe: RecordsProbe

    func handle(_ request: ProduceRequest, _ context: RequestContext) async -> Reply<ProduceResponse> {
        var response = ProduceResponse()
        var failure: PartitionResponse?
        var flushes: [PendingFlush] = []
        let verdict = await admit(request, context)
        for topic in request.topicData {
            let place = response.responses.count
            let partitions = await append(topic, of: request, verdict, context) { partition, end, index in
                flushes.append(PendingFlush(partition: partition, end: end, topic: place, index: index))
            }
            failure = failure ?? partitions.first { $0.errorCode != .none }
            response.responses.append(
                ProduceResponse.TopicProduceResponse(
                    name: topic.name, topicId: topic.topicId, partitionResponses: partitions))
        }
        if request.acks != 0 { return flushes.isEmpty ? .now(response) : Self.later(response, flushes) }
        // Nobody reads a response, so closing is the only way to tell that a batch was lost.
        guard let failure else { return .none }
        return .close(reason: "a batch with acks=0 that was refused: \(failure.errorCode)")
    }

    private func append(
        _ topic: ProduceRequest.TopicProduceData, of request: ProduceRequest, _ verdict: ProduceAdmission.Verdict,
        _ context: RequestContext, whenFlushed: (Partition, Offset, Int) -> Void
    ) async -> [PartitionResponse] {
        let reference = TopicReference(
            name: topic.name, id: topic.topicId, usesID: context.version >= Self.topicIDVersion)
        let found = reference.find(in: topics)
        var responses: [PartitionResponse] = []
        responses.reserveCapacity(topic.partitionData.count)
        for data in topic.partitionData {
            do throws(ProduceRefusal) {
                let partition = try check(data, request: request, found: found)
                if let refusal = verdict.refused[partition.topicPartition] { throw refusal }
                let verified = verdict.verified[partition.topicPartition]
                if verdict.isGiven, verified == nil, data.firstHeader?.isTransactional == true {
                    throw ProduceRefusal(
                        code: .unknownTopicOrPartition,
                        message: "\(partition.topicPartition) was made while the transaction was looked up")
                }
                let begun = try await begin(
                    data, on: partition, of: request, version: context.version, verified: verified)
                if let end = begun.durableEnd { whenFlushed(partition, end, responses.count) }
                responses.append(response(to: data, begun.result))
            } catch {
                probe.refused(error.code)
                responses.append(PartitionResponse(index: data.index, error))
            }
        }
        return responses
    }

    private func admit(_ request: ProduceRequest, _ context: RequestContext) async -> ProduceAdmission.Verdict {
        guard request.transactionalId != nil, Self.isServed(acks: request.acks) else { return .init() }
        let topics = topics
        return await admission.decide(request, version: context.version) { topic, index in
            let reference = TopicReference(
                name: topic.name, id: topic.topicId, usesID: context.version >= Self.topicIDVersion)
            guard case .success(let found) = reference.find(in: topics) else { return nil }
            return found.partition(index)
        }
    }

    private static func isServed(acks: Int16) -> Bool { (-1...1).contains(acks) }

    private func check(
        _ data: ProduceRequest.PartitionProduceData, request: ProduceRequest,
        found: Result<TopicTable.Topic, TopicRefusal>
    ) throws(ProduceRefusal) -> Partition {
        guard Self.isServed(acks: request.acks) else {
            throw ProduceRefusal(code: .invalidRequiredAcks, message: "acks is \(request.acks), not -1, 0 or 1")
        }
        switch found {
        case .failure(let refusal):
            throw ProduceRefusal(code: refusal.code, message: refusal.message)
        case .success(let topic):
            if TopicName.isInternal(topic.name) {
                throw ProduceRefusal(
                    code: .invalidTopicException, message: "\(topic.name) is written by the coordinator alone")
            }
            guard let partition = topic.partition(data.index) else {
                throw ProduceRefusal(
                    code: .unknownTopicOrPartition,
                    message: "'\(topic.name)' has no partition \(data.index), only 0 to \(topic.partitions.count - 1)")
            }
            return partition
        }
    }

    /// What the first batch's header says has to hold for everything that is appended, so there is no second one: no
    /// client sends it from version 3 on. Bytes behind the first that are too few for a batch are left to the append.
    private func check(
        _ first: RecordBatchHeader, of batches: ByteBuffer, in request: ProduceRequest, version: Int16
    ) throws(ProduceRefusal) {
        guard batches.readableBytes - first.totalBytes < RecordBatchHeader.byteCount else {
            throw ProduceRefusal(
                code: .invalidRecord,
                message: "one record batch for each partition is the limit: the first has \(first.totalBytes) of "
                    + "\(batches.readableBytes) bytes")
        }
        if version < Self.zstdVersion, first.compression == .zstd {
            throw ProduceRefusal(
                code: .unsupportedCompressionType,
                message: "zstd needs version \(Self.zstdVersion) of the request, this is \(version)")
        }
        if request.transactionalId == nil, first.isTransactional {
            throw ProduceRefusal(
                code: .transactionalIdAuthorizationFailed,
                message: "a batch that is part of a transaction, in a request without transactional id")
        }
    }

    private func begin(
        _ data: ProduceRequest.PartitionProduceData, on partition: Partition, of request: ProduceRequest,
        version: Int16, verified: TransactionVerification?
    ) async throws(ProduceRefusal) -> Partition.BegunAppend {
        guard case .bytes(let batches)? = data.records?.pieces.first else {
            throw ProduceRefusal(code: .invalidRecord, message: "no record batch")
        }
        if let first = data.firstHeader { try check(first, of: batches, in: request, version: version) }
        let begun: Partition.BegunAppend
        do {
            begun = try await partition.begin(
                batches, origin: .client, asksForAll: request.acks == -1, verification: verified)
        } catch {
            throw ProduceRefusal(error)
        }
        probe.appended(bytes: batches.readableBytes, isDuplicate: begun.result.isDuplicate)
        return begun
    }

    private func response(to data: ProduceRequest.PartitionProduceData, _ result: AppendResult) -> PartitionResponse {
        PartitionResponse(
            index: data.index, errorCode: .none, baseOffset: result.firstOffset.rawValue,
            logAppendTimeMs: result.logAppendTime, logStartOffset: result.logStart.rawValue)
    }
}

extension ProduceHandler {
    /// Records that may be acknowledged once they are on the disk (`flush.messages`).
    private struct PendingFlush: Sendable {
        let partition: Partition
        let end: Offset
        /// Where in the response their partition is.
        let topic: Int
        let index: Int
    }

    /// The answer when everything is durable; further requests are begun meanwhile and share the flush.
    private static func later(_ response: ProduceResponse, _ flushes: [PendingFlush]) -> Reply<ProduceResponse> {
        .later {
            var response = response
            for flush in flushes {
                do throws(StorageError) {
                    try await flush.partition.untilDurable(flush.end)
                } catch {
                    response.responses[flush.topic].partitionResponses[flush.index] = PartitionResponse(
                        index: response.responses[flush.topic].partitionResponses[flush.index].index,
                        errorCode: error.errorCode, baseOffset: -1, errorMessage: error.description)
                }
            }
            return response
        }
    }
}
