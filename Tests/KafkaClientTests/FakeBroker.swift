import KafkaMessages
import KafkaRecords
import KafkaTransport
import KafkaWire
import NIOCore
import NIOPosix
import Synchronization

@testable import KafkaClient

/// A broker in memory on loopback: one node, topics of two partitions, no groups. Misbehaves as a test asks it to.
final class FakeBroker: Sendable {
    /// What goes wrong with the n-th produce request; `nil` for nothing.
    enum Fault: Sendable {
        /// The connection breaks before the batch is written.
        case dropBefore
        /// The connection breaks after it.
        case dropAfter
        case error(ErrorCode)
        /// The batch is refused, and that is told only later.
        case held(EventLoopFuture<Void>, ErrorCode)
    }

    struct Log: Sendable {
        var batches: [(base: Int64, next: Int64, bytes: ByteBuffer)] = []
        var start: Int64 = 0
        var sequences: [BatchIdentity] = []
        /// Per producer: epoch and next sequence.
        var producers: [ProducerID: (epoch: Int16, next: Int32)] = [:]
        var next: Int64 { batches.last?.next ?? start }

        mutating func append(_ batch: ByteBuffer, _ header: RecordBatchHeader) -> (ErrorCode, Int64) {
            let identity = BatchIdentity(
                producerID: header.producerID, epoch: header.producerEpoch, baseSequence: header.baseSequence)
            if header.hasProducerID {
                if let index = sequences.firstIndex(of: identity) { return (.none, batches[index].base) }
                let known = producers[header.producerID] ?? (-1, 0)
                let expected = header.producerEpoch > known.epoch ? 0 : known.next
                if header.baseSequence != expected { return (.outOfOrderSequenceNumber, -1) }
                producers[header.producerID] = (header.producerEpoch, header.nextSequence)
            }
            var stored = batch
            let base = next
            stored.setInteger(base, at: stored.readerIndex)
            batches.append((base, base + Int64(header.recordsCount), stored))
            sequences.append(identity)
            return (.none, base)
        }
    }

    struct State: Sendable {
        var logs: [TopicPartition: Log] = [:]
        var requests: [APIKey: Int] = [:]
        var port = 0
        var transactions = FakeTransactions()
        /// Partitions that refuse every batch.
        var refusals: [TopicPartition: ErrorCode] = [:]
        /// So many answers to Metadata name no leader, and batches are refused for as long.
        var leaderlessAnswers = 0
    }

    private let state = Mutex(State())
    private let fault: @Sendable (_ produceRequest: Int) -> Fault?

    init(transactionVersion: Int16 = 0, fault: @escaping @Sendable (Int) -> Fault? = { _ in nil }) {
        self.fault = fault
        state.withLock { $0.transactions.version = transactionVersion }
    }

    var address: String { "127.0.0.1:\(state.withLock { $0.port })" }

    func withState<Value>(_ body: (inout sending State) -> sending Value) -> sending Value { state.withLock(body) }

    /// Listens, on a port of its own unless one is named, for the time of `body`.
    @discardableResult
    func run<Value>(port: Int = 0, _ body: (FakeBroker) async throws -> Value) async throws -> Value {
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        FrameDecoder(maximumFrameBytes: 1 << 24), FrameEncoder(), Handler(broker: self))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        state.withLock { $0.port = channel.localAddress?.port ?? 0 }
        do {
            let value = try await body(self)
            try await channel.close()
            return value
        } catch {
            try await channel.close()
            throw error
        }
    }

    fileprivate enum Reply {
        case message(any KafkaMessage & Sendable)
        case later(EventLoopFuture<Void>, any KafkaMessage & Sendable)
        case nothing
        case close
    }

    fileprivate func handle(_ key: APIKey, _ version: Int16, _ body: inout WireReader) throws -> Reply {
        state.withLock { $0.requests[key, default: 0] += 1 }
        switch key {
        case .apiVersions: return .message(versions)
        case .metadata: return .message(metadata(try MetadataRequest(from: &body, version: version)))
        case .findCoordinator: return .message(findCoordinator())
        case .initProducerId, .addPartitionsToTxn, .addOffsetsToTxn, .txnOffsetCommit, .endTxn:
            return .message(try transaction(key, version, &body))
        case .produce: return produce(try ProduceRequest(from: &body, version: version))
        case .fetch: return .message(fetch(try FetchRequest(from: &body, version: version)))
        case .listOffsets: return .message(listOffsets(try ListOffsetsRequest(from: &body, version: version)))
        default: return .close
        }
    }

    private func transaction(
        _ key: APIKey, _ version: Int16, _ body: inout WireReader
    ) throws -> any KafkaMessage & Sendable {
        switch key {
        case .initProducerId:
            let request = try InitProducerIdRequest(from: &body, version: version)
            return state.withLock { $0.transactions.initialise(request, &$0.logs) }
        case .addPartitionsToTxn:
            let request = try AddPartitionsToTxnRequest(from: &body, version: version)
            return state.withLock { $0.transactions.add(request) }
        case .addOffsetsToTxn:
            let request = try AddOffsetsToTxnRequest(from: &body, version: version)
            return state.withLock { $0.transactions.addOffsets(request) }
        case .txnOffsetCommit:
            let request = try TxnOffsetCommitRequest(from: &body, version: version)
            return state.withLock { $0.transactions.commit(request) }
        default:
            let request = try EndTxnRequest(from: &body, version: version)
            return state.withLock { $0.transactions.end(request, &$0.logs) }
        }
    }

    private func findCoordinator() -> FindCoordinatorResponse {
        FindCoordinatorResponse(nodeId: 1, host: "127.0.0.1", port: state.withLock { Int32($0.port) })
    }

    private var versions: ApiVersionsResponse {
        let ranges: [APIKey: ClosedRange<Int16>] = [
            .apiVersions: 0...4, .metadata: 0...12, .initProducerId: 0...4, .produce: 0...12, .fetch: 4...12,
            .listOffsets: 1...7, .findCoordinator: 0...3, .addPartitionsToTxn: 0...5, .addOffsetsToTxn: 0...4,
            .txnOffsetCommit: 0...5, .endTxn: 0...5,
        ]
        let feature = ApiVersionsResponse.FinalizedFeatureKey(
            name: "transaction.version", maxVersionLevel: state.withLock { $0.transactions.version },
            minVersionLevel: 0)
        return ApiVersionsResponse(
            apiKeys: ranges.map {
                ApiVersionsResponse.ApiVersion(
                    apiKey: $0.key.rawValue, minVersion: $0.value.lowerBound, maxVersion: $0.value.upperBound)
            }, finalizedFeatures: [feature])
    }

    private func metadata(_ request: MetadataRequest) -> MetadataResponse {
        let (port, leader) = state.withLock { state -> (Int32, Int32) in
            defer { state.leaderlessAnswers = max(0, state.leaderlessAnswers - 1) }
            return (Int32(state.port), state.leaderlessAnswers > 0 ? -1 : 1)
        }
        let topics = (request.topics ?? []).map { topic in
            MetadataResponse.MetadataResponseTopic(
                name: topic.name,
                partitions: (0..<2).map {
                    MetadataResponse.MetadataResponsePartition(partitionIndex: $0, leaderId: leader, leaderEpoch: 0)
                })
        }
        return MetadataResponse(
            brokers: [MetadataResponse.MetadataResponseBroker(nodeId: 1, host: "127.0.0.1", port: port)],
            controllerId: 1, topics: topics)
    }

    private func produce(_ request: ProduceRequest) -> Reply {
        let fault = fault(state.withLock { $0.requests[.produce] ?? 0 })
        if case .dropBefore? = fault { return .close }
        var response = ProduceResponse()
        for topic in request.topicData {
            let partitions = topic.partitionData.map { data -> ProduceResponse.PartitionProduceResponse in
                let partition = TopicPartition(topic: topic.name, partition: data.index)
                var refusal = state.withLock { state in
                    state.leaderlessAnswers > 0 ? .notLeaderOrFollower : state.refusals[partition]
                }
                switch fault {
                case .error(let code)?, .held(_, let code)?: refusal = code
                case .dropBefore?, .dropAfter?, nil: break
                }
                if let code = refusal {
                    return ProduceResponse.PartitionProduceResponse(index: data.index, errorCode: code, baseOffset: -1)
                }
                let (code, offset) = append(data.records, to: partition, request.transactionalId)
                return ProduceResponse.PartitionProduceResponse(
                    index: data.index, errorCode: code, baseOffset: offset)
            }
            response.responses.append(
                ProduceResponse.TopicProduceResponse(name: topic.name, partitionResponses: partitions))
        }
        if case .dropAfter? = fault { return .close }
        if case .held(let until, _)? = fault { return .later(until, response) }
        return request.acks == 0 ? .nothing : .message(response)
    }

    /// Appends a batch once, in sequence; one that was seen before answers its first offset.
    private func append(
        _ records: RecordsPayload?, to partition: TopicPartition, _ transactionalID: String?
    ) -> (ErrorCode, Int64) {
        guard let bytes = try? records?.contiguous(), let header = try? RecordBatchHeader(peeking: bytes) else {
            return (.corruptMessage, -1)
        }
        return state.withLock { state in
            guard header.isTransactional else { return state.logs[partition, default: Log()].append(bytes, header) }
            let refusal = state.transactions.admit(transactionalID, header, partition)
            if refusal != .none { return (refusal, -1) }
            let (code, offset) = state.logs[partition, default: Log()].append(bytes, header)
            if code == .none {
                state.transactions.noteWritten(partition, header.producerID.rawValue, at: offset)
            }
            return (code, offset)
        }
    }

    private func fetch(_ request: FetchRequest) -> FetchResponse {
        let responses = request.topics.map { topic in
            FetchResponse.FetchableTopicResponse(
                topic: topic.topic,
                partitions: topic.partitions.map { asked in
                    let log = state.withLock {
                        $0.logs[TopicPartition(topic: topic.topic, partition: asked.partition)] ?? Log()
                    }
                    return read(log, topic.topic, asked, isCommitted: request.isolationLevel == 1)
                })
        }
        return FetchResponse(responses: responses)
    }

    private func read(
        _ log: Log, _ topic: String, _ asked: FetchRequest.FetchPartition, isCommitted: Bool
    ) -> FetchResponse.PartitionData {
        let partition = TopicPartition(topic: topic, partition: asked.partition)
        let (stable, aborted) = state.withLock { state in
            let stable = state.transactions.lastStable(partition, end: log.next)
            return (
                stable, state.transactions.abortedTransactions(partition, from: asked.fetchOffset, upTo: stable)
            )
        }
        let isInside = (log.start...log.next).contains(asked.fetchOffset)
        let end = isCommitted ? stable : log.next
        let pieces = log.batches.filter { $0.next > asked.fetchOffset && $0.base < end }
        return FetchResponse.PartitionData(
            partitionIndex: asked.partition, errorCode: isInside ? .none : .offsetOutOfRange,
            highWatermark: log.next, lastStableOffset: stable, abortedTransactions: isCommitted ? aborted : nil,
            records: RecordsPayload(pieces: isInside ? pieces.map { WirePiece.bytes($0.bytes) } : []))
    }

    private func listOffsets(_ request: ListOffsetsRequest) -> ListOffsetsResponse {
        ListOffsetsResponse(
            topics: request.topics.map { topic in
                ListOffsetsResponse.ListOffsetsTopicResponse(
                    name: topic.name,
                    partitions: topic.partitions.map { asked in
                        let log = state.withLock {
                            $0.logs[TopicPartition(topic: topic.name, partition: asked.partitionIndex)] ?? Log()
                        }
                        return ListOffsetsResponse.ListOffsetsPartitionResponse(
                            partitionIndex: asked.partitionIndex,
                            offset: asked.timestamp == -2 ? log.start : log.next)
                    })
            })
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = InboundFrame
        typealias OutboundOut = OutboundFrame

        private let broker: FakeBroker

        init(broker: FakeBroker) { self.broker = broker }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var reader = WireReader(unwrapInboundIn(data).bytes)
            do {
                let key = APIKey(rawValue: try reader.readInt16())
                let version = try reader.readInt16()
                guard let headerVersion = MessageRegistry.requestHeaderVersion(key, version: version) else {
                    return context.close(promise: nil)
                }
                reader = WireReader(unwrapInboundIn(data).bytes)
                let header = try RequestHeader(from: &reader, version: headerVersion)
                switch try broker.handle(key, version, &reader) {
                case .message(let message): try write(message, header, context: context)
                case .later(let until, let message):
                    let context = NIOLoopBound(context, eventLoop: context.eventLoop)
                    let handler = NIOLoopBound(self, eventLoop: context.value.eventLoop)
                    until.hop(to: context.value.eventLoop).assumeIsolated().whenSuccess {
                        do {
                            try handler.value.write(message, header, context: context.value)
                        } catch {
                            context.value.close(promise: nil)
                        }
                    }
                case .nothing: break
                case .close: context.close(promise: nil)
                }
            } catch {
                context.close(promise: nil)
            }
        }

        private func write(
            _ message: any KafkaMessage, _ header: RequestHeader, context: ChannelHandlerContext
        ) throws {
            let key = APIKey(rawValue: header.requestApiKey)
            let version = MessageRegistry.responseHeaderVersion(key, version: header.requestApiVersion) ?? 0
            var writer = WireWriter()
            try ResponseHeader(correlationId: header.correlationId).write(to: &writer, version: version)
            try message.write(to: &writer, version: header.requestApiVersion)
            context.writeAndFlush(wrapOutboundOut(OutboundFrame(pieces: writer.finish())), promise: nil)
        }
    }
}
