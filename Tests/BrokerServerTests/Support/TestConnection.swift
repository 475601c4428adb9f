import KafkaMessages
import KafkaWire
import NIOCore
import NIOPosix

/// A client's connection that does what it is told and nothing else: also what no client should do.
final class TestConnection: Sendable {
    private let channel: any Channel
    private let frames: AsyncStream<ByteBuffer>

    private init(_ channel: any Channel, frames: AsyncStream<ByteBuffer>) {
        self.channel = channel
        self.frames = frames
    }

    static func open(port: Int) async throws -> TestConnection {
        let (frames, input) = AsyncStream.makeStream(of: ByteBuffer.self)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FrameInbox(input))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return TestConnection(channel, frames: frames)
    }

    func close() async throws {
        do { try await channel.close() } catch ChannelError.alreadyClosed { return }
    }

    // MARK: Sending

    /// Exactly these bytes.
    func send(raw bytes: ByteBuffer) async throws {
        try await channel.writeAndFlush(bytes)
    }

    /// The bytes with their length in front.
    func send(frame: ByteBuffer) async throws {
        var bytes = ByteBuffer()
        bytes.writeInteger(Int32(frame.readableBytes))
        bytes.writeImmutableBuffer(frame)
        try await send(raw: bytes)
    }

    func send<Request: KafkaRequest>(
        _ request: Request, version: Int16 = Request.versions.upperBound, correlationID: Int32 = 1
    ) async throws {
        try await send(frame: encode(request, version: version, correlationID: correlationID))
    }

    // MARK: Receiving

    /// The next response without its length; `nil` when the broker has closed the connection.
    func receiveFrame() async -> ByteBuffer? {
        for await frame in frames { return frame }
        return nil
    }

    func receive<Request: KafkaRequest>(
        _ type: Request.Type, version: Int16 = Request.versions.upperBound, correlationID: Int32 = 1
    ) async throws -> Request.Response {
        guard let frame = await receiveFrame() else { throw ConnectionEnded() }
        return try decode(type, frame, version: version, correlationID: correlationID)
    }

    /// Sends a request and waits for its response.
    func call<Request: KafkaRequest>(
        _ request: Request, version: Int16 = Request.versions.upperBound
    ) async throws -> Request.Response {
        try await send(request, version: version)
        return try await receive(Request.self, version: version)
    }
}

struct ConnectionEnded: Error {}
struct WrongCorrelation: Error {
    let found: Int32
}

func encode<Request: KafkaRequest>(
    _ request: Request, version: Int16, correlationID: Int32
) throws -> ByteBuffer {
    var writer = WireWriter()
    writer.write(Request.apiKey.rawValue)
    writer.write(version)
    writer.write(correlationID)
    try writer.write("broker tests" as String?, flexible: false)
    if Request.requestHeaderVersion(version) == 2 { writer.writeNoTaggedFields() }
    try request.write(to: &writer, version: version)
    return try writer.finishContiguous()
}

func decode<Request: KafkaRequest>(
    _ type: Request.Type, _ frame: ByteBuffer, version: Int16, correlationID: Int32
) throws -> Request.Response {
    var reader = WireReader(frame)
    let found = try reader.readInt32()
    if found != correlationID { throw WrongCorrelation(found: found) }
    if Request.responseHeaderVersion(version) == 1 { try reader.readTaggedFields() }
    let response = try Request.Response(from: &reader, version: version)
    try reader.finish()
    return response
}

/// Collects bytes into frames.
private final class FrameInbox: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let input: AsyncStream<ByteBuffer>.Continuation
    private var collected = ByteBuffer()

    init(_ input: AsyncStream<ByteBuffer>.Continuation) {
        self.input = input
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        collected.writeImmutableBuffer(unwrapInboundIn(data))
        while let frame = collected.readLengthPrefixedSlice(as: Int32.self) { input.yield(frame) }
        collected.discardReadBytes()
    }

    func channelInactive(context: ChannelHandlerContext) {
        input.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset is one way to be closed.
        context.close(promise: nil)
    }
}
