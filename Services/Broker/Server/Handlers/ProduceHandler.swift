import KafkaMessages
import KafkaWire
import Metadata
import NIOCore
import Storage

/// Produce (0), versions 3 to 13; advertised from 0, because librdkafka before 2.11.1 gives up compression otherwise.
///
/// Batches go to their partitions as the bytes that came in. On one node a batch is replicated as soon as it is in
/// the log, so `acks=1` and `acks=all` answer at the same point. Gaps: no transactions yet.
struct ProduceHandler: APIHandler {
    typealias Request = ProduceRequest
    typealias PartitionResponse = ProduceResponse.PartitionProduceResponse

    static let advertised: ClosedRange<Int16> = 0...ProduceRequest.versions.upperBound
    static let gaps =
        "0 to 2 are listed, because librdkafka before 2.11.1 gives up compression otherwise, but not served;"
        + " no transactions"

    /// The first version that names topics by id.
    private static let topicIDVersion: Int16 = 13

    let topics: TopicTable
    let probe: RecordsProbe

    func handle(_ request: ProduceRequest, _ context: RequestContext) async -> Reply<ProduceResponse> {
        var response = ProduceResponse()
        var failure: PartitionResponse?
        for topic in request.topicData {
            let partitions = await append(topic, of: request, context)
            failure = failure ?? partitions.first { $0.errorCode != .none }
            response.responses.append(
                ProduceResponse.TopicProduceResponse(
                    name: topic.name, topicId: topic.topicId, partitionResponses: partitions))
        }
        if request.acks != 0 { return .now(response) }
        // Nobody reads a response, so closing is the only way to tell that a batch was lost.
        guard let failure else { return .none }
        return .close(reason: "a batch with acks=0 that was refused: \(failure.errorCode)")
    }

    private func append(
        _ topic: ProduceRequest.TopicProduceData, of request: ProduceRequest, _ context: RequestContext
    ) async -> [PartitionResponse] {
        let reference = TopicReference(
            name: topic.name, id: topic.topicId, usesID: context.version >= Self.topicIDVersion)
        let found = reference.find(in: topics)
        var responses: [PartitionResponse] = []
        responses.reserveCapacity(topic.partitionData.count)
        for data in topic.partitionData {
            do throws(ProduceRefusal) {
                let partition = try check(data, request: request, found: found)
                responses.append(try await append(data, to: partition))
            } catch {
                probe.refused(error.code)
                responses.append(
                    PartitionResponse(
                        index: data.index, errorCode: error.code, baseOffset: -1, errorMessage: error.message))
            }
        }
        return responses
    }

    private struct ProduceRefusal: Error {
        let code: ErrorCode
        let message: String?
    }

    private func check(
        _ data: ProduceRequest.PartitionProduceData, request: ProduceRequest,
        found: Result<TopicTable.Topic, ErrorCode>
    ) throws(ProduceRefusal) -> Partition {
        guard (-1...1).contains(request.acks) else {
            throw ProduceRefusal(code: .invalidRequiredAcks, message: "acks is \(request.acks), not -1, 0 or 1")
        }
        guard request.transactionalId == nil else {
            throw ProduceRefusal(code: .invalidRequest, message: "transactions are not served yet")
        }
        switch found {
        case .failure(let code):
            throw ProduceRefusal(code: code, message: nil)
        case .success(let topic):
            if topic.name == TopicName.consumerOffsets {
                throw ProduceRefusal(
                    code: .invalidTopicException, message: "\(topic.name) is written by the coordinator alone")
            }
            guard let partition = topic.partition(data.index) else {
                throw ProduceRefusal(code: .unknownTopicOrPartition, message: nil)
            }
            return partition
        }
    }

    private func append(
        _ data: ProduceRequest.PartitionProduceData, to partition: Partition
    ) async throws(ProduceRefusal) -> PartitionResponse {
        guard case .bytes(let batches)? = data.records?.pieces.first else {
            throw ProduceRefusal(code: .invalidRecord, message: "no record batch")
        }
        let result: AppendResult
        do {
            result = try await partition.append(batches, origin: .client)
        } catch {
            throw ProduceRefusal(code: error.errorCode, message: error.description)
        }
        probe.appended(bytes: batches.readableBytes, isDuplicate: result.isDuplicate)
        return PartitionResponse(
            index: data.index, errorCode: .none, baseOffset: result.firstOffset.rawValue,
            logAppendTimeMs: result.logAppendTime, logStartOffset: result.logStart.rawValue)
    }
}
