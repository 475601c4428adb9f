import Groups
import KafkaMessages
import KafkaWire
import Metadata

/// TxnOffsetCommit (28), versions 0 to 5: offsets that count once the producer's transaction is committed; answered
/// when they are in the log.
///
/// From version 3 on members are fenced by id and generation. Up to version 4 AddOffsetsToTxn came first, which the
/// transaction coordinator is asked about; with version 5 it adds the partition itself (KIP-890).
struct TxnOffsetCommitHandler: APIHandler {
    typealias Request = TxnOffsetCommitRequest

    private static let loadInProgressVersion: Int16 = 2
    private static let abortableVersion: Int16 = 4
    private static let implicitAdditionVersion: Int16 = 5

    let coordinator: GroupCoordinator
    let topics: TopicTable
    let transactions: any TransactionAdmission

    func handle(_ request: TxnOffsetCommitRequest, _ context: RequestContext) async -> Reply<TxnOffsetCommitResponse> {
        let promise: ReplyPromise<GroupReply>
        do throws(Refusal) {
            promise = try await submit(request, context)
        } catch {
            return .now(TxnOffsetCommitResponse(request, errorCode: code(error.code, context)))
        }
        return .later {
            guard case .offsetCommit(var reply) = await promise.wait() else {
                return TxnOffsetCommitResponse(request, errorCode: .notCoordinator)
            }
            for index in reply.partitions.indices {
                reply.partitions[index].errorCode = code(reply.partitions[index].errorCode, context)
            }
            return TxnOffsetCommitResponse(reply)
        }
    }

    private struct Refusal: Error {
        let code: ErrorCode
    }

    /// Has the offsets put into line behind the markers that were there when the transaction was found open.
    ///
    /// A marker that got in between may be this transaction's, and then the offsets would wait for the end of one that
    /// nobody ends: the transaction coordinator is asked again.
    private func submit(
        _ request: TxnOffsetCommitRequest, _ context: RequestContext
    ) async throws(Refusal) -> ReplyPromise<GroupReply> {
        let (partition, refusal) = await coordinator.look { state in
            (state.configuration.partition(forGroup: request.groupId), state.availability(ofGroup: request.groupId))
        }
        if let refusal { throw Refusal(code: refusal) }
        let topics = topics
        while true {
            let markers = await coordinator.markerCounts[partition, default: 0]
            try await admit(request, partition, context)
            let promise = await coordinator.submit(behind: markers, partition: partition) { state, ticket, now in
                let input = OffsetCommitInput(
                    request, origin: context.origin(ticket),
                    refusal: { topics.partition($0) == nil ? .unknownTopicOrPartition : nil })
                return state.commitOffsets(input, now: now)
            }
            if let promise { return promise }
        }
    }

    private func admit(
        _ request: TxnOffsetCommitRequest, _ partition: Int32, _ context: RequestContext
    ) async throws(Refusal) {
        let position = TopicPartition(topic: TopicName.consumerOffsets, partition: partition)
        let refused = await transactions.admit(
            transactionalID: request.transactionalId, producerID: ProducerID(request.producerId),
            producerEpoch: request.producerEpoch, partitions: [position],
            adding: context.version >= Self.implicitAdditionVersion)
        if let code = refused[position], code != .none { throw Refusal(code: code) }
    }

    /// The error as the client's version knows it.
    private func code(_ error: ErrorCode, _ context: RequestContext) -> ErrorCode {
        switch error {
        case .coordinatorLoadInProgress where context.version < Self.loadInProgressVersion: .coordinatorNotAvailable
        case .transactionAbortable where context.version < Self.abortableVersion: .invalidTxnState
        // Not every client knows PRODUCER_FENCED here, and Kafka says it of no verified write.
        case .producerFenced: .invalidProducerEpoch
        default: error
        }
    }
}
