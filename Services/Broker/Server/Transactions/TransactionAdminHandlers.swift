import KafkaMessages
import KafkaWire
import Metadata
import Storage
import Transactions

/// WriteTxnMarkers (27), versions 1 and 2: ends transactions in partitions of this broker, whatever the coordinator
/// knows of them. Between brokers, and for the tool that aborts a transaction that nobody ends.
///
/// Version 2 says which `transaction.version` the transaction runs under: from 2 on a marker has to carry a newer epoch
/// than the transaction that it ends.
struct WriteTxnMarkersHandler: APIHandler {
    typealias Request = WriteTxnMarkersRequest
    typealias Result = WriteTxnMarkersResponse.WritableTxnMarkerResult

    let markers: MarkerWriter

    func handle(_ request: WriteTxnMarkersRequest, _ context: RequestContext) async -> Reply<WriteTxnMarkersResponse> {
        var results: [Result] = []
        for written in request.markers {
            let marker = TransactionMarker(
                producerID: ProducerID(written.producerId), producerEpoch: written.producerEpoch,
                isCommit: written.transactionResult, coordinatorEpoch: written.coordinatorEpoch,
                transactionVersion: written.transactionVersion)
            var result = Result(producerId: written.producerId)
            for topic in written.topics {
                var partitions: [WriteTxnMarkersResponse.WritableTxnMarkerPartitionResult] = []
                for index in topic.partitionIndexes {
                    let position = TopicPartition(topic: topic.name, partition: index)
                    partitions.append(.init(partitionIndex: index, errorCode: await write(marker, to: position)))
                }
                result.topics.append(.init(name: topic.name, partitions: partitions))
            }
            results.append(result)
        }
        return .now(WriteTxnMarkersResponse(markers: results))
    }

    private func write(_ marker: TransactionMarker, to position: TopicPartition) async -> ErrorCode {
        guard markers.topics.partition(position) != nil else { return .unknownTopicOrPartition }
        do throws(AppendError) {
            try await markers.write(marker, to: position)
            return .none
        } catch {
            return error.errorCode
        }
    }
}

/// DescribeTransactions (65), version 0: state, producer, start and partitions of transactional ids; one that is named
/// twice is answered once.
struct DescribeTransactionsHandler: APIHandler {
    typealias Request = DescribeTransactionsRequest

    let coordinator: TransactionCoordinator

    func handle(
        _ request: DescribeTransactionsRequest, _ context: RequestContext
    ) async -> Reply<DescribeTransactionsResponse> {
        let states = await coordinator.look { state, _ in request.transactionalIds.distinct.map(state.describe) }
        return .now(DescribeTransactionsResponse(transactionStates: states))
    }
}

/// ListTransactions (66), versions 0 to 2: every transactional id, or those in certain states, of certain producers,
/// with a transaction that has been open for long (version 1), or whose id matches a pattern (version 2).
struct ListTransactionsHandler: APIHandler {
    typealias Request = ListTransactionsRequest

    let coordinator: TransactionCoordinator

    func handle(
        _ request: ListTransactionsRequest, _ context: RequestContext
    ) async -> Reply<ListTransactionsResponse> {
        var filter = TransactionCoordinatorState.Filter()
        filter.states = request.stateFilters
        filter.producerIDs = Set(request.producerIdFilters.map(ProducerID.init(rawValue:)))
        filter.durationMilliseconds = request.durationFilter
        if let text = request.transactionalIdPattern, !text.isEmpty {
            do throws(NamePattern.Problem) {
                let pattern = try NamePattern(text)
                filter.transactionalIDs = { pattern.matches($0) }
            } catch {
                return .now(ListTransactionsResponse(errorCode: .invalidRegularExpression))
            }
        }
        let wanted = filter
        return .now(await coordinator.look { state, now in state.list(wanted, now: now) })
    }
}
