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
        if let refusal = await admission(of: request, context) {
            return .now(TxnOffsetCommitResponse(request, errorCode: code(refusal, context)))
        }
        let topics = topics
        let promise = await coordinator.submit { state, ticket, now in
            let input = OffsetCommitInput(
                request, origin: context.origin(ticket),
                refusal: { topics.partition($0) == nil ? .unknownTopicOrPartition : nil })
            return state.commitOffsets(input, now: now)
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

    private func admission(of request: TxnOffsetCommitRequest, _ context: RequestContext) async -> ErrorCode? {
        let (partition, refusal) = await coordinator.look { state in
            (state.configuration.partition(forGroup: request.groupId), state.availability(ofGroup: request.groupId))
        }
        if let refusal { return refusal }
        let position = TopicPartition(topic: TopicName.consumerOffsets, partition: partition)
        let refused = await transactions.admit(
            transactionalID: request.transactionalId, producerID: ProducerID(request.producerId),
            producerEpoch: request.producerEpoch, partitions: [position],
            adding: context.version >= Self.implicitAdditionVersion)
        return refused[position].flatMap { $0 == .none ? nil : $0 }
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
