import KafkaTransport
import NIOCore
import NIOPosix
import Testing

@Suite("Large frames over a socket", .timeLimit(.minutes(5)))
struct LargeFrameTests {
    /// Sums up what comes in until `count` frames are there.
    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = InboundFrame

        private var frames: [ByteBuffer] = []
        private let count: Int
        private let done: EventLoopPromise<[ByteBuffer]>

        init(count: Int, done: EventLoopPromise<[ByteBuffer]>) {
            self.count = count
            self.done = done
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            frames.append(unwrapInboundIn(data).bytes)
            if frames.count == count { done.succeed(frames) }
        }

        func channelInactive(context: ChannelHandlerContext) { done.fail(ChannelError.eof) }
    }

    private func frame(_ number: Int, byteCount: Int) -> ByteBuffer {
        ByteBuffer(bytes: (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) })
    }

    @Test("each comes in as it was sent, the small ones between them too", arguments: [true, false])
    func contents(isCharged: Bool) async throws {
        let admission = isCharged ? MemoryAdmission(limitBytes: 64 << 20) : nil
        let sizes = [10, 3_000_000, 1, 0, 200_000, 70_000, 40_000, 1_048_576, 5, 2_500_000, 31]
        let frames = sizes.enumerated().map { frame($0.offset, byteCount: $0.element) }
        let group = MultiThreadedEventLoopGroup.singleton
        let done = group.next().makePromise(of: [ByteBuffer].self)
        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        FrameDecoder(maximumFrameBytes: 4 << 20, admission: admission),
                        Collector(count: sizes.count, done: done))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        let client = try await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: port).get()
        var bytes = ByteBuffer()
        for frame in frames {
            bytes.writeInteger(Int32(frame.readableBytes))
            bytes.writeImmutableBuffer(frame)
        }
        while let part = bytes.readSlice(length: min(bytes.readableBytes, 333_333)), part.readableBytes > 0 {
            try await client.writeAndFlush(part)
        }
        let received = try await done.futureResult.get()
        #expect(received == frames)
        try await client.close()
        try await server.close()
    }

    @Test("a client that leaves in the midst of one gives back what it held")
    func cutShort() async throws {
        let admission = MemoryAdmission(limitBytes: 64 << 20)
        let group = MultiThreadedEventLoopGroup.singleton
        let done = group.next().makePromise(of: [ByteBuffer].self)
        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        FrameDecoder(maximumFrameBytes: 4 << 20, admission: admission),
                        Collector(count: 1, done: done))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        let client = try await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: port).get()
        var bytes = ByteBuffer(integer: Int32(3_000_000))
        bytes.writeRepeatingByte(7, count: 2_000_000)
        try await client.writeAndFlush(bytes)
        try await client.close()
        await #expect(throws: (any Error).self) { _ = try await done.futureResult.get() }
        try await server.close()
        while admission.usedBytes > 0 { await Task.yield() }
    }
}
