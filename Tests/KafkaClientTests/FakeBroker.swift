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
    }

    struct Log: Sendable {
        var batches: [(base: Int64, next: Int64, bytes: ByteBuffer)] = []
        var start: Int64 = 0
        var sequences: [BatchIdentity] = []
        var nextSequence: Int32 = 0
        var epoch: Int16 = 0
        var next: Int64 { batches.last?.next ?? start }

        mutating func append(_ batch: ByteBuffer, _ header: RecordBatchHeader) -> (ErrorCode, Int64) {
            let identity = BatchIdentity(
                producerID: header.producerID, epoch: header.producerEpoch, baseSequence: header.baseSequence)
            if header.hasProducerID {
                if let index = sequences.firstIndex(of: identity) { return (.none, batches[index].base) }
                let expected = header.producerEpoch > epoch ? 0 : nextSequence
                if header.baseSequence != expected { return (.outOfOrderSequenceNumber, -1) }
                (epoch, nextSequence) = (header.producerEpoch, header.nextSequence)
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
    }

    private let state = Mutex(State())
    private let fault: @Sendable (_ produceRequest: Int) -> Fault?

    init(fault: @escaping @Sendable (Int) -> Fault? = { _ in nil }) {
        self.fault = fault
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
        case message(any KafkaMessage)
        case nothing
        case close
    }

    fileprivate func handle(_ key: APIKey, _ version: Int16, _ body: inout WireReader) throws -> Reply {
        state.withLock { $0.requests[key, default: 0] += 1 }
        switch key {
        case .apiVersions: return .message(Self.versions)
        case .metadata: return .message(metadata(try MetadataRequest(from: &body, version: version)))
        case .initProducerId: return .message(InitProducerIdResponse(producerId: 1, producerEpoch: 0))
        case .produce: return produce(try ProduceRequest(from: &body, version: version))
        case .fetch: return .message(fetch(try FetchRequest(from: &body, version: version)))
        case .listOffsets: return .message(listOffsets(try ListOffsetsRequest(from: &body, version: version)))
        default: return .close
        }
    }

    private static var versions: ApiVersionsResponse {
        let ranges: [APIKey: ClosedRange<Int16>] = [
            .apiVersions: 0...4, .metadata: 0...12, .initProducerId: 0...4, .produce: 0...12, .fetch: 4...12,
            .listOffsets: 1...7,
        ]
        return ApiVersionsResponse(
            apiKeys: ranges.map {
                ApiVersionsResponse.ApiVersion(
                    apiKey: $0.key.rawValue, minVersion: $0.value.lowerBound, maxVersion: $0.value.upperBound)
            })
    }

    private func metadata(_ request: MetadataRequest) -> MetadataResponse {
        let port = state.withLock { Int32($0.port) }
        let topics = (request.topics ?? []).map { topic in
            MetadataResponse.MetadataResponseTopic(
                name: topic.name,
                partitions: (0..<2).map {
                    MetadataResponse.MetadataResponsePartition(partitionIndex: $0, leaderId: 1, leaderEpoch: 0)
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
                if case .error(let code)? = fault {
                    return ProduceResponse.PartitionProduceResponse(index: data.index, errorCode: code, baseOffset: -1)
                }
                let (code, offset) = append(data.records, to: partition)
                return ProduceResponse.PartitionProduceResponse(
                    index: data.index, errorCode: code, baseOffset: offset)
            }
            response.responses.append(
                ProduceResponse.TopicProduceResponse(name: topic.name, partitionResponses: partitions))
        }
        if case .dropAfter? = fault { return .close }
        return request.acks == 0 ? .nothing : .message(response)
    }

    /// Appends a batch once, in sequence; one that was seen before answers its first offset.
    private func append(_ records: RecordsPayload?, to partition: TopicPartition) -> (ErrorCode, Int64) {
        guard let bytes = try? records?.contiguous(), let header = try? RecordBatchHeader(peeking: bytes) else {
            return (.corruptMessage, -1)
        }
        return state.withLock { $0.logs[partition, default: Log()].append(bytes, header) }
    }

    private func fetch(_ request: FetchRequest) -> FetchResponse {
        let responses = request.topics.map { topic in
            FetchResponse.FetchableTopicResponse(
                topic: topic.topic,
                partitions: topic.partitions.map { asked in
                    let log = state.withLock {
                        $0.logs[TopicPartition(topic: topic.topic, partition: asked.partition)] ?? Log()
                    }
                    let isInside = (log.start...log.next).contains(asked.fetchOffset)
                    let pieces = log.batches.filter { $0.next > asked.fetchOffset }.map { WirePiece.bytes($0.bytes) }
                    return FetchResponse.PartitionData(
                        partitionIndex: asked.partition, errorCode: isInside ? .none : .offsetOutOfRange,
                        highWatermark: log.next, records: RecordsPayload(pieces: isInside ? pieces : []))
                })
        }
        return FetchResponse(responses: responses)
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
