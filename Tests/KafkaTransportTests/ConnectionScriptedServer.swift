import KafkaMessages
import KafkaTransport
import KafkaWire
import NIOCore
import NIOPosix

/// A server on loopback that answers each request as a test says.
struct ScriptedServer {
    typealias Script = @Sendable (Request) throws -> Void

    /// One request as it came, and the way back.
    struct Request: Sendable {
        let apiKey: APIKey
        let version: Int16
        let correlationID: Int32
        let body: ByteBuffer
        fileprivate let channel: any Channel

        /// Writes the response at the request's version, or at another one.
        func answer(_ response: some KafkaMessage, version: Int16? = nil) throws {
            var writer = WireWriter()
            let headerVersion = MessageRegistry.responseHeaderVersion(apiKey, version: version ?? self.version) ?? 0
            try ResponseHeader(correlationId: correlationID).write(to: &writer, version: headerVersion)
            try response.write(to: &writer, version: version ?? self.version)
            let bytes = try writer.finishContiguous()
            var frame = ByteBuffer(integer: Int32(bytes.readableBytes))
            frame.writeImmutableBuffer(bytes)
            channel.writeAndFlush(frame, promise: nil)
        }

        func writeRaw(_ bytes: [UInt8]) { channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }

        func close() { channel.close(promise: nil) }
    }

    let port: Int

    /// The answer to ApiVersions: these, and ApiVersions itself.
    static func versions(_ ranges: [APIKey: ClosedRange<Int16>]) -> ApiVersionsResponse {
        let all = ranges.merging([.apiVersions: 0...3]) { first, _ in first }
        return ApiVersionsResponse(
            apiKeys: all.map {
                ApiVersionsResponse.ApiVersion(
                    apiKey: $0.key.rawValue, minVersion: $0.value.lowerBound, maxVersion: $0.value.upperBound)
            })
    }

    static func with<Value>(_ script: @escaping Script, _ body: (ScriptedServer) async throws -> Value) async throws
        -> Value
    {
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        FrameDecoder(maximumFrameBytes: 1 << 20), Handler(script: script))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            let value = try await body(ScriptedServer(port: channel.localAddress?.port ?? 0))
            try await channel.close()
            return value
        } catch {
            try await channel.close()
            throw error
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = InboundFrame

        private let script: Script

        init(script: @escaping Script) { self.script = script }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var body = unwrapInboundIn(data).bytes
            guard let key = body.readInteger(as: Int16.self), let version = body.readInteger(as: Int16.self),
                let correlationID = body.readInteger(as: Int32.self)
            else { return context.close(promise: nil) }
            let request = Request(
                apiKey: APIKey(rawValue: key), version: version, correlationID: correlationID, body: body,
                channel: context.channel)
            do {
                try script(request)
            } catch {
                context.close(promise: nil)
            }
        }
    }
}
