import DequeModule
import KafkaMessages
import KafkaTransport
import KafkaWire
import Logging
import NIOCore

/// What every connection of a broker shares.
struct ConnectionEnvironment: Sendable {
    let registry: APIRegistry
    let probe: NetworkProbe
    let logger: Logger
    /// Requests begun whose responses are not sent yet: `queued.max.requests`.
    let owedBound: Int
    /// Bytes of such responses in memory: `signalbox.queued.response.bytes`.
    let owedBytesBound: Int
    /// Elements of all arrays of a request: `signalbox.request.max.elements`.
    let elementBound: Int
    let listener: Listener
}

/// Serves one connection: begins its requests in order, and answers them in the same order.
///
/// A request that has to wait (a long poll, a rebalance) holds back the responses behind it, as the protocol wants,
/// but not the work behind them. The actor runs on its channel's event loop, so frames come in without a hop.
actor Connection {
    /// Frames read ahead of the request being begun; reading from the socket stops there.
    private static let readAheadFrames = 4

    private struct Owed {
        let reply: PendingReply
        let charge: MemoryCharge?
        let probe: RequestProbe
        let begun: ContinuousClock.Instant
        /// What the response takes of our memory while it waits; ranges of files take none.
        let memoryBytes: Int
    }

    private let channel: any Channel
    private let environment: ConnectionEnvironment
    private let peer: ConnectionPeer
    private nonisolated let executor: ConnectionExecutor

    private var frames: Deque<InboundFrame> = []
    private var owed: Deque<Owed> = []
    /// Bytes in memory of the responses owed and of the one being sent.
    private var owedBytes = 0
    /// Whether the reader waits for responses to go out, not for a frame.
    private var isHeldBack = false
    private var isClosed = false
    private var reader: CheckedContinuation<Void, Never>?
    private var writer: CheckedContinuation<Void, Never>?

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameter channel: registered and connected; its reads are asked for by this actor alone.
    init(_ channel: any Channel, environment: ConnectionEnvironment) {
        self.channel = channel
        self.environment = environment
        executor = ConnectionExecutor(channel.eventLoop)
        peer = ConnectionPeer(channel, listener: environment.listener)
    }

    /// Returns when the client is gone, sent something that is no request, or the task was cancelled.
    func run() async {
        await withTaskCancellationHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask(executorPreference: executor) { await self.beginRequests() }
                group.addTask(executorPreference: executor) { await self.sendReplies() }
                // Whoever ends first ends the other: without a reader nobody is left to answer.
                await group.next()
                group.cancelAll()
                close()
            }
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    // MARK: The channel's side, on the event loop

    /// Takes a frame; asks for more while there is room.
    func received(_ frame: InboundFrame) {
        frames.append(frame)
        reader.take()?.resume()
    }

    /// A read has come to its end.
    func readComplete() {
        if frames.count < Self.readAheadFrames { channel.read() }
    }

    func closed() {
        isClosed = true
        reader.take()?.resume()
        writer.take()?.resume()
    }

    /// Closes without having served anything.
    func refuse() {
        close()
    }

    private func close() {
        channel.close(promise: nil)
        closed()
    }

    // MARK: Requests

    private func beginRequests() async {
        channel.read()
        while let frame = await nextFrame() {
            guard await begin(frame) else { return }
            while isOwingTooMuch, !isClosed {
                isHeldBack = true
                await withCheckedContinuation { reader = $0 }
            }
            isHeldBack = false
        }
    }

    private var isOwingTooMuch: Bool {
        owed.count >= environment.owedBound || owedBytes >= environment.owedBytesBound
    }

    private func nextFrame() async -> InboundFrame? {
        while frames.isEmpty {
            if isClosed { return nil }
            await withCheckedContinuation { reader = $0 }
        }
        let frame = frames.removeFirst()
        if frames.count == Self.readAheadFrames - 1 { channel.read() }
        return frame
    }

    /// Returns whether the connection can go on.
    private func begin(_ frame: InboundFrame) async -> Bool {
        let begun = ContinuousClock.now
        environment.probe.received(bytes: frame.bytes.readableBytes)
        do throws(WireError) {
            var reader = WireReader(frame.bytes)
            reader.limitElements(to: environment.elementBound)
            let head = try RequestHead(from: &reader)
            guard let api = environment.registry[head.apiKey] else {
                return refuse("a request of unknown API \(head.apiKey.rawValue)")
            }
            guard let reply = try await reply(to: head, of: api, body: &reader) else {
                return refuse("\(head.apiKey.name) version \(head.version), which is not served")
            }
            if case .close(let reason) = reply { return refuse(reason) }
            owe(
                Owed(
                    reply: reply, charge: reply.holdsRequest ? frame.charge : nil, probe: api.probe, begun: begun,
                    memoryBytes: reply.memoryBytes))
            return true
        } catch {
            return refuse("a malformed request: \(error)")
        }
    }

    private func reply(
        to head: RequestHead, of api: RegisteredAPI, body reader: inout WireReader
    ) async throws(WireError) -> PendingReply? {
        if api.served.contains(head.version) {
            let clientID = try RequestHead.readRest(from: &reader, isFlexible: api.isFlexible(head.version))
            return try await api.begin(reader, head, peer.context(version: head.version, clientID: clientID))
        }
        guard head.apiKey == .apiVersions else { return nil }
        return .ready(try ApiVersionsHandler.encodeUnsupported(head, registry: environment.registry))
    }

    private func refuse(_ what: String) -> Bool {
        environment.probe.refusedRequest()
        environment.logger.warning(
            "closing a connection", metadata: ["peer": "\(peer)", "received": "\(what)"])
        return false
    }

    // MARK: Responses

    private func owe(_ reply: Owed) {
        owed.append(reply)
        owedBytes += reply.memoryBytes
        writer.take()?.resume()
    }

    private func sendReplies() async {
        while let next = await nextOwed() {
            do {
                switch next.reply {
                case .ready(let pieces): try await send(pieces)
                case .later(let resolve): try await send(resolve())
                case .none: break
                case .close: return
                }
            } catch {
                environment.logger.debug("a response was not sent", metadata: ["peer": "\(peer)", "error": "\(error)"])
                return
            }
            next.probe.answered(after: .now - next.begun)
            owedBytes -= next.memoryBytes
            letReaderGoOn()
        }
    }

    private func nextOwed() async -> Owed? {
        while owed.isEmpty {
            if isClosed { return nil }
            await withCheckedContinuation { writer = $0 }
        }
        let next = owed.removeFirst()
        letReaderGoOn()
        return next
    }

    private func letReaderGoOn() {
        if isHeldBack, !isOwingTooMuch { reader.take()?.resume() }
    }

    /// Returns once the operating system has taken the bytes, so that a client that does not read is not served from
    /// memory.
    private func send(_ pieces: [WirePiece]) async throws {
        let frame = OutboundFrame(pieces: pieces)
        environment.probe.sent(bytes: frame.byteCount)
        let written = channel.eventLoop.makePromise(of: Void.self)
        channel.writeAndFlush(frame, promise: written)
        // Not `get()`, which would hop to the global executor and back for every response.
        try await withCheckedThrowingContinuation { continuation in
            written.futureResult.whenComplete { continuation.resume(with: $0) }
        }
    }
}

/// Hands the channel's events to the connection, on the event loop that both run on.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = InboundFrame

    private let connection: Connection
    private let accepted: AsyncStream<Connection>.Continuation
    private let logger: Logger

    init(_ connection: Connection, accepted: AsyncStream<Connection>.Continuation, logger: Logger) {
        self.connection = connection
        self.accepted = accepted
        self.logger = logger
    }

    func channelActive(context: ChannelHandlerContext) {
        // A listening socket that is closed has nobody who would serve it.
        if case .terminated = accepted.yield(connection) { return context.close(promise: nil) }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        connection.assumeIsolated { $0.received(frame) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        connection.assumeIsolated { $0.readComplete() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        connection.assumeIsolated { $0.closed() }
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            // connections.max.idle.ms without a byte in either direction.
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let level: Logger.Level = error is FrameError ? .warning : .debug
        logger.log(
            level: level, "closing a connection",
            metadata: ["peer": "\(String(describing: context.remoteAddress))", "error": "\(error)"])
        context.close(promise: nil)
    }
}
