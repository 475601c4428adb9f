import Groups
import KafkaMessages
import KafkaWire
import Metadata
import Transactions

/// AddPartitionsToTxn (24), versions 0 to 5: takes partitions into a producer's transaction; answered when that is in
/// the log.
///
/// From version 4 on for several transactions at a time, and `verifyOnly` asks without adding. One partition that does
/// not exist fails its transaction's others with OPERATION_NOT_ATTEMPTED. Versions before 2 know no PRODUCER_FENCED and
/// are told INVALID_PRODUCER_EPOCH.
struct AddPartitionsToTxnHandler: APIHandler {
    typealias Request = AddPartitionsToTxnRequest
    typealias Transaction = AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction
    typealias TopicResult = AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult

    private static let producerFencedVersion: Int16 = 2
    private static let batchVersion: Int16 = 4

    let coordinator: TransactionCoordinator
    let topics: TopicTable

    func handle(
        _ request: AddPartitionsToTxnRequest, _ context: RequestContext
    ) async -> Reply<AddPartitionsToTxnResponse> {
        let transactions = context.version < Self.batchVersion ? [Transaction(request)] : request.transactions
        var pending: [Pending] = []
        for transaction in transactions { pending.append(await begin(transaction, context)) }
        let begun = pending
        return .later {
            var results: [AddPartitionsToTxnResponse.AddPartitionsToTxnResult] = []
            for one in begun {
                let topics = await one.results(at: context.version)
                results.append(.init(transactionalId: one.transaction.transactionalId, topicResults: topics))
            }
            if context.version >= Self.batchVersion { return AddPartitionsToTxnResponse(resultsByTransaction: results) }
            return AddPartitionsToTxnResponse(v3AndBelow: results[0].topicResults)
        }
    }

    /// A transaction of the request, and where its outcome will come from.
    private struct Pending {
        enum Outcome {
            case codes([TopicPartition: ErrorCode])
            case promise(ReplyPromise<TransactionReply>)
        }

        let transaction: Transaction
        let outcome: Outcome

        func results(at version: Int16) async -> [TopicResult] {
            switch outcome {
            case .codes(let codes):
                return transaction.results { codes[$0] ?? .none }
            case .promise(let promise):
                let reply = await promise.wait() ?? TransactionReply(.notCoordinator)
                let code = reply.errorCode.fenced(
                    since: AddPartitionsToTxnHandler.producerFencedVersion, at: version)
                return transaction.results { _ in code }
            }
        }
    }

    private func begin(_ transaction: Transaction, _ context: RequestContext) async -> Pending {
        let partitions = transaction.partitions
        if let refused = refusals(of: partitions, isClient: context.version < Self.batchVersion) {
            return Pending(transaction: transaction, outcome: .codes(refused))
        }
        let producer = ProducerIdentity(id: ProducerID(transaction.producerId), epoch: transaction.producerEpoch)
        if transaction.verifyOnly {
            let codes = await coordinator.look { state, _ in
                state.verify(transaction.transactionalId, producer: producer, partitions: partitions)
            }
            return Pending(transaction: transaction, outcome: .codes(codes))
        }
        let promise = await coordinator.submit { state, ticket, now in
            let input = AddPartitionsInput(
                ticket: ticket, transactionalID: transaction.transactionalId, producer: producer,
                partitions: Set(partitions))
            return state.add(input, now: now)
        }
        return Pending(transaction: transaction, outcome: .promise(promise))
    }

    /// What keeps all of a transaction's partitions out; `nil` when nothing does.
    private func refusals(of partitions: [TopicPartition], isClient: Bool) -> [TopicPartition: ErrorCode]? {
        var refused: [TopicPartition: ErrorCode] = [:]
        for partition in partitions {
            if topics.partition(partition) == nil {
                refused[partition] = .unknownTopicOrPartition
            } else if isClient, TopicName.isInternal(partition.topic) {
                // Kafka's answer to a client that wants to write to the coordinators' own topics.
                refused[partition] = .topicAuthorizationFailed
            }
        }
        if refused.isEmpty { return nil }
        for partition in partitions where refused[partition] == nil { refused[partition] = .operationNotAttempted }
        return refused
    }
}

/// AddOffsetsToTxn (25), versions 0 to 4: takes a group's offsets into a producer's transaction.
///
/// What belongs to the transaction is the partition of `__consumer_offsets` that holds the group. Versions before 2
/// know no PRODUCER_FENCED and are told INVALID_PRODUCER_EPOCH.
struct AddOffsetsToTxnHandler: APIHandler {
    typealias Request = AddOffsetsToTxnRequest

    private static let producerFencedVersion: Int16 = 2

    let coordinator: TransactionCoordinator
    let groups: GroupCoordinator

    func handle(_ request: AddOffsetsToTxnRequest, _ context: RequestContext) async -> Reply<AddOffsetsToTxnResponse> {
        if request.groupId.isEmpty { return .now(AddOffsetsToTxnResponse(errorCode: .invalidGroupId)) }
        let index = await groups.look { $0.configuration.partition(forGroup: request.groupId) }
        let promise = await coordinator.submit { state, ticket, now in
            let input = AddPartitionsInput(
                ticket: ticket, transactionalID: request.transactionalId,
                producer: ProducerIdentity(id: ProducerID(request.producerId), epoch: request.producerEpoch),
                partitions: [TopicPartition(topic: TopicName.consumerOffsets, partition: index)])
            return state.add(input, now: now)
        }
        return .later {
            let reply = await promise.wait() ?? TransactionReply(.notCoordinator)
            return AddOffsetsToTxnResponse(
                errorCode: reply.errorCode.fenced(since: Self.producerFencedVersion, at: context.version))
        }
    }
}

extension AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction {
    /// The one transaction of a request before version 4.
    fileprivate init(_ request: AddPartitionsToTxnRequest) {
        self.init(
            transactionalId: request.v3AndBelowTransactionalId, producerId: request.v3AndBelowProducerId,
            producerEpoch: request.v3AndBelowProducerEpoch,
            topics: request.v3AndBelowTopics.map { .init(name: $0.name, partitions: $0.partitions) })
    }

    fileprivate var partitions: [TopicPartition] {
        topics.flatMap { topic in topic.partitions.map { TopicPartition(topic: topic.name, partition: $0) } }
    }

    fileprivate func results(
        _ code: (TopicPartition) -> ErrorCode
    ) -> [AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult] {
        topics.map { topic in
            .init(
                name: topic.name,
                resultsByPartition: topic.partitions.map { partition in
                    .init(
                        partitionIndex: partition,
                        partitionErrorCode: code(TopicPartition(topic: topic.name, partition: partition)))
                })
        }
    }
}

extension AddPartitionsToTxnResponse {
    fileprivate init(v3AndBelow topics: [AddPartitionsToTxnTopicResult]) {
        self.init(
            resultsByTopicV3AndBelow: topics.map { topic in
                .init(
                    name: topic.name,
                    resultsByPartition: topic.resultsByPartition.map {
                        .init(partitionIndex: $0.partitionIndex, partitionErrorCode: $0.partitionErrorCode)
                    })
            })
    }
}
